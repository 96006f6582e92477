"""Projects that shells follow: `hook`, `allow`, `prepare`."""

import sys
from pathlib import Path
from shlex import quote
from typing import Annotated, Literal

from cyclopts import Parameter

from condafs.cli.parameters import MountOption
from condafs.cli.terminal import remarks
from condafs.errors import NotFoundError
from condafs.project import direnv as use_condafs
from condafs.project import fish_hook, posix_hook
from condafs.project.place import Project, find_project, projects
from condafs.project.preparing import Prepared, prepare_name, prepare_project, settle


def hook(shell: Literal["bash", "zsh", "fish", "direnv"], /) -> None:
    """Print what makes a shell, or direnv, follow projects: eval "$(condafs hook bash)".

    At the end of ~/.bashrc or ~/.zshrc: eval "$(condafs hook bash)" or zsh. In ~/.config/fish/config.fish: condafs hook
    fish | source. Then, in a directory whose environment.yml was allowed (condafs allow), and below it, the environment
    is active: it is submitted when the file changed, the prompt does not wait while it is built, and the shell moves to
    the new build at the next prompt after it is ready.

    With direnv instead: condafs hook direnv > ~/.config/direnv/lib/condafs.sh, and a line `use condafs` in .envrc.

    Args:
        shell: For what.
    """
    command, where = _own_command(), quote(str(projects()))
    match shell:
        case "direnv":
            text = use_condafs.library(command)
        case "fish":
            text = fish_hook.render(command, where)
        case _:
            text = posix_hook.render(shell, command, where)
    sys.stdout.write(text)


def allow(directory: Path = Path(), /, *, revoke: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Let shells with the hook build and activate a project's environment.

    It asks once for a directory, because a checkout may be anybody's, and packages run code when they are installed and
    when they are activated. Later changes of the file are followed.

    Args:
        directory: The project; left out: the nearest directory from here upward that has an environment.yml.
        revoke: Do not let them any more.
    """
    project = find_project(directory)
    if revoke:
        project.forbid()
        remarks().print(f"{project.file} is not followed any more")
    else:
        project.allow()
        remarks().print(f"{project.file} is followed from the next prompt on, where the hook is (condafs hook --help)")


def prepare(
    what: str = "",
    /,
    *,
    direnv: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(negative="")] = False,
    mount: MountOption = None,
) -> int:
    """Submit a project's environment file if it changed, and print where the environment is.

    What the hooks call. It does not wait for the build, and does nothing when the file is as it was.

    Args:
        what: A file, a directory, or the name of an environment; left out: the nearest environment.yml upward.
        direnv: Print what `use condafs` evaluates instead.
        quiet: Print only what is to be told of the file, as the hooks want it.
        mount: The mount that is meant.
    """
    project = _project(what)
    prepared = prepare_project(project, mount) if project else prepare_name(what, mount)
    if direnv:
        prepared = settle(project, prepared)
        _explain(prepared)
        sys.stdout.write(use_condafs.render(prepared, project.file if project else None))
        return 0
    for text in (prepared.remark, "" if quiet else prepared.progress):
        if text:
            remarks().print(f"condafs: {text}")
    if prepared.environment and not quiet:
        sys.stdout.write(f"{prepared.environment}\n")
    if prepared.error:
        raise prepared.error
    return 0


def _explain(prepared: Prepared) -> None:
    """An .envrc goes on whatever is wrong, so all of it is only said."""
    for text in (str(prepared.error).rstrip() if prepared.error else "", prepared.remark, prepared.progress):
        if text:
            remarks().print(f"condafs: {text}")


def _project(what: str) -> Project | None:
    place = Path(what).expanduser()
    if not what or place.exists():
        return find_project(place)
    if "/" in what or place.suffix in {".yml", ".yaml", ".lock", ".txt"}:
        msg = f"there is no file {what}"
        raise NotFoundError(msg)
    return None


def _own_command() -> str:
    """This condafs, from wherever a shell is, whatever is first on its PATH then."""
    called = Path(sys.argv[0])
    if called.name == "condafs" and called.is_file():
        return f"command {quote(str(called.absolute()))}"
    return f"command {quote(sys.executable)} -P -m condafs"
