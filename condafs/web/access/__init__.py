"""Who asks, and what they may do: tokens, sessions of browsers, roles."""
