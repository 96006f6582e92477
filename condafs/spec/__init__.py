"""What was asked for: environment files and locks, parsed, normalised, identified. Pure: no trio, no os, no rattler."""
