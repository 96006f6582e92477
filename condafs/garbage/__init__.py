"""When an environment goes: which builds are roots and why, who uses them, what goes and how; what takes the disk."""
