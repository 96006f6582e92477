"""Settings: what a machine's administrator or a user decides, read once, handed down as a value.

`file` draws the format. Nothing below the daemon reads a file or the environment for settings.
"""

from condafs.config.file import load_settings, parse_settings
from condafs.config.settings import Settings, default_settings_file, default_state, machine_platform
from condafs.config.values import parse_address, parse_days, parse_duration, parse_size

__all__ = [
    "Settings",
    "default_settings_file",
    "default_state",
    "load_settings",
    "machine_platform",
    "parse_address",
    "parse_days",
    "parse_duration",
    "parse_settings",
    "parse_size",
]
