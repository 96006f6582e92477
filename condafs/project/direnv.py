"""direnv: `use condafs`, `use condafs FILE` and `use condafs NAME` in an `.envrc`.

direnv loads an `.envrc` anew at the next prompt when a file that it watches has another time of modification, comes or
goes. Of a link it looks at the link and at what it leads to. The link of an environment has the time when it was moved
last; `.events` changes when a build is submitted, fails or is published, but not while it goes on.
"""

from pathlib import Path
from shlex import quote

from condafs.names import BuildName
from condafs.prefix.activation import read_variables, render_activation
from condafs.project.preparing import Prepared, events_of


def library(command: str) -> str:
    """What goes into `~/.config/direnv/lib/condafs.sh`.

    Args:
        command: condafs, quoted for a shell.
    """
    return f"""\
# Makes `use condafs [NAME|FILE]` known to direnv. Put it there once:
#   mkdir -p ~/.config/direnv/lib && condafs hook direnv > ~/.config/direnv/lib/condafs.sh
# An .envrc that says `use condafs` has the environment of the project's environment.yml, and always the latest build.
use_condafs() {{
    eval "$({command} prepare --direnv "$@")"
}}
"""


_LATE = """\
if ! grep -qsE '^state: (queued|building|waiting)$' {status}; then
    use_condafs "$@" # it has ended before it was watched
fi
"""


def render(prepared: Prepared, file: Path | None) -> str:
    """What `use condafs` evaluates: what is to be watched, and the activation.

    Args:
        prepared: The environment.
        file: The project's file, if it is about one.
    """
    watched = [file] if file else []
    if environment := prepared.environment:
        watched += [environment, events_of(environment)]
    lines = [f"watch_file {quote(str(path))}" for path in watched]
    if prefix := prepared.prefix:
        name = BuildName.parse(prefix.name).name
        lines.append(render_activation(prefix, name, read_variables(prefix), "bash"))
    if environment and prepared.status and prepared.status.is_active:
        lines.append(_LATE.format(status=quote(str(environment.parent / ".status" / environment.name))))
    return "\n".join(lines) + "\n"
