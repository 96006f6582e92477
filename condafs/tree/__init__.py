"""What /envs looks like: nodes that do not know FUSE."""
