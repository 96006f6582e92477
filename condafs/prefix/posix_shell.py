"""Activation in the language that sh (dash), bash, zsh and ksh share.

Everything is written for `set -eu`: no expansion without a default, no test as the last command. Packages' scripts
are not, so they run with both off.
"""

from shlex import quote

from condafs.prefix.shell_session import HEADER, Session

_OPENING = r"""
if [ -n "${VIRTUAL_ENV-}" ] && [ "$(command -v deactivate)" = deactivate ]; then
    deactivate
fi
if [ "$(command -v condafs_deactivate)" = condafs_deactivate ]; then
    condafs_deactivate
fi

_condafs_set () {
    eval "if [ \"\${$1+set}\" ]; then _CONDAFS_SAVED_$1=\$$1; else unset _CONDAFS_SAVED_$1; fi"
    eval "$1=\$2; export $1"
}

_condafs_restore () {
    eval "if [ \"\${_CONDAFS_SAVED_$1+set}\" ]; then
        $1=\$_CONDAFS_SAVED_$1; export $1; unset _CONDAFS_SAVED_$1
    else
        unset $1
    fi"
}

_condafs_run () {
    _condafs_options=$-
    set +eu
    . "$1"
    case $_condafs_options in *e*) set -e ;; esac
    case $_condafs_options in *u*) set -u ;; esac
    unset _condafs_options
}
"""

_LEAVE_PATH = r"""
    _condafs_path=":${PATH-}:"
    case $_condafs_path in
        *:"$_CONDAFS_BIN":*)
            _condafs_path=${_condafs_path%%:"$_CONDAFS_BIN":*}:${_condafs_path#*:"$_CONDAFS_BIN":}
            _condafs_path=${_condafs_path#:}
            PATH=${_condafs_path%:}
            [ -n "$PATH" ] || unset PATH
            ;;
    esac
    case ${PS1-} in
        "$_CONDAFS_PROMPT"*) PS1=${PS1#"$_CONDAFS_PROMPT"} ;;
    esac
    unset _condafs_path _CONDAFS_BIN _CONDAFS_PROMPT _CONDAFS_LEVEL
    [ -n "${VIRTUAL_ENV-}" ] || unset -f deactivate 2>/dev/null || :
    unset -f condafs_deactivate _condafs_set _condafs_restore _condafs_run
}

# venv calls "deactivate nondestructive" before it puts itself on top; it may.
deactivate () {
    [ "${1-}" = nondestructive ] || condafs_deactivate
}
"""

_ENTER = r"""
_CONDAFS_LEVEL=${CONDA_SHLVL:-0}
case $_CONDAFS_LEVEL in
    *[!0-9]* | 0?*) _CONDAFS_LEVEL=0 ;;
esac
if [ "$_CONDAFS_LEVEL" != 0 ]; then
    _condafs_set "CONDA_PREFIX_$_CONDAFS_LEVEL" "${CONDA_PREFIX-}"
fi
_condafs_set CONDA_SHLVL "$((_CONDAFS_LEVEL + 1))"
PATH=$_CONDAFS_BIN${PATH:+:$PATH}
export PATH
case ${CONDA_CHANGEPS1-} in
    0 | no | No | off | Off | false | False) ;;
    *) [ -z "${PS1+set}" ] || PS1=$_CONDAFS_PROMPT$PS1 ;;
esac
"""


def render(session: Session) -> str:
    """The script to be sourced."""
    settings = session.settings
    lines = [
        f"{HEADER}activates the environment {session.name} in sh, bash and zsh; `deactivate` undoes it.",
        "# The path of the build is written in, so that this shell stays on it when the name moves on.",
        _OPENING,
        "condafs_deactivate () {",
        f'    if [ "${{CONDA_PREFIX-}}" = {quote(session.prefix)} ]; then',
        *(f"        _condafs_run {quote(script)}" for script in session.deactivate_scripts),
        '        if [ "$_CONDAFS_LEVEL" != 0 ]; then _condafs_restore "CONDA_PREFIX_$_CONDAFS_LEVEL"; fi',
        "        _condafs_restore CONDA_SHLVL",
        *(f"        _condafs_restore {name}" for name in settings if name.startswith("CONDA_")),
        "    fi",
        *(f"    _condafs_restore {name}" for name in settings if not name.startswith("CONDA_")),
        *(["    _condafs_restore PYTHONHOME"] if "PYTHONHOME" not in settings else []),
        _LEAVE_PATH,
        f"_CONDAFS_BIN={quote(session.prefix + '/bin')}",
        f"_CONDAFS_PROMPT={quote(session.prompt)}",
        _ENTER,
        *(["_condafs_set PYTHONHOME ''", "unset PYTHONHOME"] if "PYTHONHOME" not in settings else []),
        *(f"_condafs_set {name} {quote(value)}" for name, value in settings.items()),
        *(f"_condafs_run {quote(script)}" for script in session.activate_scripts),
    ]
    return "\n".join(lines) + "\n"
