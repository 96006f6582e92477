"""The front gate: the condafs command."""
