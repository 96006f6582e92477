"""The hook of bash and zsh.

One text for both, for `set -eu` as well: no expansion without a default, nothing that fails outside of a condition.
`-nt`, `-ot` and `-ef` of their own `[` compare nanoseconds and inodes without starting a program.
"""

_BODY = r"""
_condafs_say () {
    printf 'condafs: %s\n' "$1" >&2
}

# The nearest environment.yml from here upward: _condafs_file, or nothing.
_condafs_find () {
    local directory=$PWD
    [ "$directory" != / ] || directory=
    while :; do
        _condafs_file=$directory/environment.yml
        [ ! -f "$_condafs_file" ] || return 0
        _condafs_file=$directory/environment.yaml
        [ ! -f "$_condafs_file" ] || return 0
        [ -n "$directory" ] || break
        directory=${directory%/*}
    done
    _condafs_file=
}

_condafs_leave () {
    if [ -n "$_condafs_prefix" ] && [ "${CONDA_PREFIX-}" = "$_condafs_prefix" ] \
        && typeset -f condafs_deactivate >/dev/null; then
        condafs_deactivate
    fi
    _condafs_prefix= _condafs_off= _condafs_tried= _condafs_told= _condafs_pending=1
}

_condafs_enter () {
    local line=
    if [ -r "$1/bin/activate" ]; then
        IFS= read -r line < "$1/bin/activate" || :
    fi
    case $line in
        '# condafs: '*) . "$1/bin/activate" ;;
        *) eval "$(@CONDAFS@ activate --shell @SHELL@ "$1/")" ;; # a package has a bin/activate of its own
    esac
    _condafs_prefix=${CONDA_PREFIX-}
    command ln -sfn -- "$_condafs_prefix" "$_condafs_place/prefix" || :
}

# Whether the file is another than the one that was handed on.
_condafs_differs () {
    [ ! -e "$_condafs_place/stamp" ] || [ "$_condafs_file" -nt "$_condafs_place/stamp" ] \
        || [ "$_condafs_file" -ot "$_condafs_place/stamp" ]
}

_condafs_prepare () {
    _condafs_pending=1 _condafs_told=
    @CONDAFS@ prepare --quiet "$_condafs_file" || _condafs_pending= # it said why
}

_condafs_story () {
    local line= name= state=
    if [ ! -r "$_condafs_place/status" ]; then
        return 0
    fi
    while IFS= read -r line; do
        case $line in
            name:*) name=${line#name: } ;;
            state:*) state=${line#state: }; break ;;
        esac
    done < "$_condafs_place/status"
    case $state in
        queued | building | waiting)
            if [ -z "$_condafs_told" ]; then
                _condafs_told=1
                if [ -n "$_condafs_prefix" ]; then
                    _condafs_say "a new build of $name is $state; the last one is used meanwhile"
                else
                    _condafs_say "$name is $state; it is activated when it is ready"
                fi
            fi
            ;;
        failed | cancelled)
            _condafs_pending=
            _condafs_say "the last build of $name: $state${_condafs_prefix:+; the last good one stays}. \
See: condafs status $name"
            ;;
        *) _condafs_pending= ;;
    esac
}

_condafs_follow () {
    local target= place= was_here=
    _condafs_find
    if [ -n "$_condafs_file" ]; then
        place=$_condafs_projects${_condafs_file%/*}/.project
        if [ ! -e "$place/allowed" ]; then
            if [ "$_condafs_refused" != "$_condafs_file" ]; then
                _condafs_say "$_condafs_file is not followed; to have it built and activated here: condafs allow"
            fi
            _condafs_refused=$_condafs_file
            place=
        fi
    else
        _condafs_refused=
    fi
    if [ "$place" != "$_condafs_place" ]; then
        _condafs_leave
        _condafs_place=$place
        if [ -n "$place" ] && [ -s "$place/refusal" ] && ! _condafs_differs; then
            command cat -- "$place/refusal" >&2 || :
        fi
    fi
    if [ -z "$place" ] || [ -n "$_condafs_off" ]; then
        return 0
    fi
    if [ -n "$_condafs_prefix" ]; then
        if [ "${CONDA_PREFIX-}" != "$_condafs_prefix" ]; then
            _condafs_off=1 # it was left by hand: it stays so until the directory is left
            return 0
        fi
    elif [ -n "${VIRTUAL_ENV-}" ] || typeset -f condafs_deactivate >/dev/null; then
        _condafs_off=1 # what was activated by hand stays
        return 0
    fi
    # What the mount is asked at each prompt is one thing: where the environment leads.
    if [ -z "$_condafs_tried" ]; then
        _condafs_tried=1
        if _condafs_differs || [ ! -e "$place/status" ]; then _condafs_prepare; fi
    elif _condafs_differs && [ -e "$place/status" ]; then
        _condafs_prepare
    fi
    if ! [ "$place/environment" -ef "${CONDA_PREFIX:-/dev/null}" ]; then
        target=$place/environment
        [ -e "$target" ] || target=$place/prefix
        if [ -e "$target" ] && ! [ "$target" -ef "${CONDA_PREFIX:-/dev/null}" ]; then
            was_here=$_condafs_prefix
            _condafs_enter "$target"
            [ -z "$was_here" ] || _condafs_say "${CONDA_DEFAULT_ENV-} is the new build now"
        fi
    fi
    if [ -n "$_condafs_pending" ]; then _condafs_story; fi
}
"""

_BASH = r"""
_condafs_hook () {
    local status=$?
    _condafs_follow
    case $- in *e*) return 0 ;; esac # another status would end the shell
    return "$status"
}

case " ${PROMPT_COMMAND[*]-} " in
    *_condafs_hook*) ;;
    *)
        if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == 'declare -a'* ]]; then
            PROMPT_COMMAND=(_condafs_hook "${PROMPT_COMMAND[@]}")
        else
            PROMPT_COMMAND="_condafs_hook${PROMPT_COMMAND:+; $PROMPT_COMMAND}"
        fi
        ;;
esac
"""

_ZSH = r"""
_condafs_hook () {
    emulate -L zsh
    _condafs_follow
}

typeset -ga precmd_functions
if (( ! ${precmd_functions[(I)_condafs_hook]} )); then
    precmd_functions=(_condafs_hook $precmd_functions)
fi
"""

_START = """\
# condafs: follows projects at each prompt. At the end of ~/.{shell}rc:  eval "$(condafs hook {shell})"
_condafs_projects={projects}
# What is known already stays: whoever reads ~/.{shell}rc again may be in a project.
: "${{_condafs_place=}}${{_condafs_prefix=}}${{_condafs_off=}}${{_condafs_tried=}}${{_condafs_told=}}"
: "${{_condafs_pending=}}${{_condafs_refused=}}"
"""


def render(shell: str, command: str, projects: str) -> str:
    """The text to be evaluated when a shell starts.

    Args:
        shell: `bash` or `zsh`.
        command: condafs, quoted.
        projects: Where the projects' things are, quoted.
    """
    body = _BODY.replace("@CONDAFS@", command).replace("@SHELL@", shell)
    return _START.format(shell=shell, projects=projects) + body + (_BASH if shell == "bash" else _ZSH)
