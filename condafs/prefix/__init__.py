"""What was built, on disk: how a prefix is pinned, activated, inventoried, sealed and read back."""
