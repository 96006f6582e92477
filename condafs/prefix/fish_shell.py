"""Activation in the language of fish."""

from condafs.prefix.shell_session import HEADER, Session

_OPENING = r"""
if set -q VIRTUAL_ENV; and functions -q deactivate
    deactivate
end
if functions -q condafs_deactivate
    condafs_deactivate
end

function _condafs_set
    set -l name $argv[1]
    if set -qg $name
        set -g _CONDAFS_SAVED_$name $$name
    end
    set -gx $name $argv[2]
end

function _condafs_restore
    set -l saved _CONDAFS_SAVED_$argv[1]
    if set -qg $saved
        set -gx $argv[1] $$saved
        set -eg $saved
    else
        set -eg $argv[1]
    end
end

function _condafs_status
    return $argv[1]
end
"""

_LEAVE_PATH = r"""
    if set -l index (contains -i -- $_CONDAFS_BIN $PATH)
        set -e PATH[$index]
    end
    if functions -q _condafs_fish_prompt
        functions -e fish_prompt
        functions -c _condafs_fish_prompt fish_prompt
        functions -e _condafs_fish_prompt
    end
    set -eg _CONDAFS_BIN
    set -eg _CONDAFS_PROMPT
    set -eg _CONDAFS_LEVEL
    if not set -q VIRTUAL_ENV
        functions -e deactivate
    end
    functions -e condafs_deactivate _condafs_set _condafs_restore _condafs_status
end

# venv calls "deactivate nondestructive" before it puts itself on top; it may.
function deactivate
    if test "$argv[1]" != nondestructive
        condafs_deactivate
    end
end
"""

_ENTER = r"""
set -g _CONDAFS_LEVEL 0
if string match -qr '^[1-9][0-9]*$' -- "$CONDA_SHLVL"
    set -g _CONDAFS_LEVEL $CONDA_SHLVL
    _condafs_set CONDA_PREFIX_$_CONDAFS_LEVEL "$CONDA_PREFIX"
end
_condafs_set CONDA_SHLVL (math $_CONDAFS_LEVEL + 1)
set -gx PATH $_CONDAFS_BIN $PATH
if not contains -- (string lower -- "$CONDA_CHANGEPS1") 0 no off false; and functions -q fish_prompt
    functions -c fish_prompt _condafs_fish_prompt
    function fish_prompt
        set -l last_status $status
        echo -ns $_CONDAFS_PROMPT
        _condafs_status $last_status
        _condafs_fish_prompt
    end
end
"""


def render(session: Session) -> str:
    """The script to be sourced."""
    settings = session.settings
    lines = [
        f"{HEADER}activates the environment {session.name} in fish; `deactivate` undoes it.",
        "# The path of the build is written in, so that this shell stays on it when the name moves on.",
        _OPENING,
        "function condafs_deactivate",
        f'    if test "$CONDA_PREFIX" = {_quote(session.prefix)}',
        *(f"        source {_quote(script)}" for script in session.deactivate_scripts),
        "        if test $_CONDAFS_LEVEL != 0",
        "            _condafs_restore CONDA_PREFIX_$_CONDAFS_LEVEL",
        "        end",
        "        _condafs_restore CONDA_SHLVL",
        *(f"        _condafs_restore {name}" for name in settings if name.startswith("CONDA_")),
        "    end",
        *(f"    _condafs_restore {name}" for name in settings if not name.startswith("CONDA_")),
        *(["    _condafs_restore PYTHONHOME"] if "PYTHONHOME" not in settings else []),
        _LEAVE_PATH,
        f"set -g _CONDAFS_BIN {_quote(session.prefix + '/bin')}",
        f"set -g _CONDAFS_PROMPT {_quote(session.prompt)}",
        _ENTER,
        *(["_condafs_set PYTHONHOME ''", "set -eg PYTHONHOME"] if "PYTHONHOME" not in settings else []),
        *(f"_condafs_set {name} {_quote(value)}" for name, value in settings.items()),
        *(f"source {_quote(script)}" for script in session.activate_scripts),
    ]
    return "\n".join(lines) + "\n"


def _quote(text: str) -> str:
    r"""Single quotes, in which fish knows `\'` and `\\` only."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
