"""Which commands there are, and how what goes wrong in them becomes words and an exit code.

Commands are registered by import path and resolved when used: `condafs --version` must not pay for tables and bars.
"""

import os
import signal
import sys
from collections.abc import Sequence
from typing import cast

from cyclopts import App, CycloptsError, Group, Parameter, UnusedCliTokensError

from condafs import __version__
from condafs.cli.parameters import separate_command
from condafs.errors import CondafsError, ForbiddenError, MachineError, UserError

_COMMANDS = {
    "Environments": (
        ("build", "submit:build", "Submit a specification: the same as copying the file into .specs of the mount."),
        ("status", "report:status", "Show what every environment is and does, or everything about one of them."),
        ("logs", "follow:logs", "Show the log of an environment's build."),
        (
            "quota",
            "quota:quota",
            "Show what you have and may have: environments, builds of today, bytes.",
        ),
        ("cancel", "steer:cancel", "Stop the build that is queued, being made or waiting for its next try."),
        (
            "activate",
            "enter:activate",
            'Print shell code that activates an environment: eval "$(condafs activate foo)".',
        ),
        ("run", "enter:run", "Run a command inside an environment."),
    ),
    "Projects": (
        (
            "hook",
            "project:hook",
            'Print what makes a shell, or direnv, follow projects: eval "$(condafs hook bash)".',
        ),
        ("allow", "project:allow", "Let shells with the hook build and activate a project's environment."),
        (
            "prepare",
            "project:prepare",
            "Submit a project's environment file if it changed, and print where the environment is.",
        ),
    ),
    "Elsewhere": (
        ("watch", "watch:watch", "Mirror specification files elsewhere into .specs as they change."),
        (
            "export",
            "export:export",
            "Write an environment as one file: a tarball that works anywhere, or a container image.",
        ),
        (
            "image",
            "image:image",
            "Show the layers of an environment's container image, and which other environments share them.",
        ),
    ),
    "Time": (
        ("history", "report:history", "List the generations of an environment."),
        ("diff", "compare:diff", "Show which packages differ between two builds."),
        ("rollback", "steer:rollback", "Let a name point at an earlier (or later) generation."),
        ("update", "submit:update", "Ask for the newest packages as of today."),
    ),
    "Machine": (
        ("mount", "mounting:mount", "Serve environments at a directory."),
        ("serve", "serve:serve", "Serve environments over HTTP: REST, a container registry, web pages."),
        ("token", "token:token", "Make, list and revoke the tokens that writing over HTTP needs."),
        ("verify", "verify:verify", "Check that builds are still as they were made, to the last byte."),
        ("doctor", "doctor:doctor", "Check what condafs needs on this machine and say what to do."),
        ("demo", "tour:demo", "Take a guided tour; it needs no network and leaves nothing behind."),
    ),
}
"""Title of a group in --help -> its commands in order: name, module:function below this package, first line of its
docstring (a test compares them), for a listing that imports none."""

EXIT_CODES = (
    "Exit codes: 0 done, 1 failed (a build, too), 2 the request is wrong, 3 no such environment, build or file, "
    "4 the machine lacks something, 5 the catalog cannot be used, 130 interrupted. "
    "`condafs run` ends as its command ends."
)


def make_application(chosen: str = "") -> App:
    """The command line as cyclopts knows it.

    Args:
        chosen: The command that will be used: its help is all of its docstring.
    """
    app = App(
        name="condafs",
        help="conda environments as a filesystem.",
        help_epilogue=EXIT_CODES,
        help_format="plaintext",
        default_parameter=Parameter(negative="", show_default=False),
        version=f"condafs {__version__}",
        version_flags=["--version"],
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    for rank, (title, commands) in enumerate(_COMMANDS.items()):
        group = Group(title, sort_key=rank)
        for position, (name, target, summary) in enumerate(commands):
            text = None if name == chosen else summary
            app.command(f"condafs.cli.{target}", name=name, help=text, group=group, sort_key=position)
    app.register_install_completion_command(help="Install completion of commands, options and names for your shell.")
    return app


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command.

    Args:
        arguments: What stands after `condafs`.

    Returns:
        The exit code. What went wrong has been said on standard error.
    """
    try:
        code = make_application(*arguments[:1])(separate_command(arguments))
        sys.stdout.flush()
    except CondafsError as error:
        return _complain(str(error), error.exit_code)
    except CycloptsError as error:
        return _complain(_correct(error), UserError.exit_code)
    except BrokenPipeError:
        # Whoever read us (`head`) has seen enough. The interpreter's last flush must not complain either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except OSError as error:
        return _complain(*_explain(error))
    return cast("int", code) or 0


def _correct(error: CycloptsError) -> str:
    """What is wrong with the command line, and where to read how it is right."""
    error.verbose = False
    is_surplus = isinstance(error, UnusedCliTokensError)
    message = f"one argument too many: {' '.join(error.unused_tokens or ())}" if is_surplus else str(error)
    return f"{message}\nSee: condafs {' '.join([*(error.command_chain or ()), '--help'])}"


def _complain(message: str, code: int) -> int:
    is_colourful = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    mark = "\x1b[1;31mcondafs:\x1b[0m" if is_colourful else "condafs:"
    sys.stderr.write(f"{mark} {message.rstrip()}\n")
    return code


def _explain(error: OSError) -> tuple[str, int]:
    """A refusal of the kernel in words; the mount refuses as every filesystem does, with an errno."""
    where = f"{error.filename}: " if error.filename else ""
    if isinstance(error, PermissionError):
        return f"{where}you ({_user()}) may not do that: {error.strerror}", ForbiddenError.exit_code
    return f"{where}{error.strerror or error}", MachineError.exit_code


def _user() -> str:
    return os.environ.get("USER") or f"uid {os.geteuid()}"
