"""The front gate: the condafs command.

    application     which commands there are; how errors become words and exit codes
    parameters      what several commands take; completion of names
    mountpoint      which mount is meant
    envs            that mount as values: environments, builds, generations, status
    terminal        colour, tables, sizes and times as people read them

    serve           mount                   daemonize, requirements
    submit          build, update           waiting, dated
    watch           watch
    report          status, history         status
    compare         diff
    follow          logs
    steer           rollback, cancel
    gc              gc                      collection, house
    du              du                      house
    pin             pin, unpin
    enter           activate, run           shells
    project         hook, allow, prepare
    service         install-service, uninstall-service
    verify          verify                  verified, problems, mending
    doctor          doctor                  requirements, rebuild
    tour            demo

Commands other than `mount` know nothing of the daemon: they read and write files below the mount, as the user who
types them, so the kernel's permission checks are the permission system. Each command's module is imported when it is
used.
"""

import sys

from condafs import __version__


def main() -> None:
    """Run the command line of this process and exit with its code."""
    if sys.argv[1:] == ["--version"]:
        # Scripts ask this often; the command line's libraries would take most of the time.
        sys.stdout.write(f"condafs {__version__}\n")
        return
    from condafs.cli.application import run_command_line  # noqa: PLC0415

    sys.exit(run_command_line(sys.argv[1:]))
