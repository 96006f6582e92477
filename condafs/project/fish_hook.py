"""The hook of fish; `posix_hook` says the same."""

_TEXT = r"""# condafs: follows projects at each prompt. In ~/.config/fish/config.fish:  condafs hook fish | source
set -g _condafs_projects @PROJECTS@
for name in place prefix off tried told pending refused file here directory # what is known already stays
    set -q _condafs_$name || set -g _condafs_$name ''
end

function _condafs_say
    printf 'condafs: %s\n' $argv[1] >&2
end

function _condafs_find
    if test "$_condafs_here" != "$PWD"
        set -g _condafs_here $PWD
        set -g _condafs_directories
        set -l directory $PWD
        while test -n "$directory" -a "$directory" != /
            set -a _condafs_directories $directory
            set directory (string replace -r '/[^/]*\z' '' -- $directory | string collect)
        end
        set -a _condafs_directories ''
    end
    for directory in $_condafs_directories
        set -g _condafs_directory $directory
        for name in environment.yml environment.yaml
            set -g _condafs_file $directory/$name
            test -f "$_condafs_file" && return
        end
    end
    set -g _condafs_file ''
end

function _condafs_leave
    if test -n "$_condafs_prefix" -a "$CONDA_PREFIX" = "$_condafs_prefix"; and functions -q condafs_deactivate
        condafs_deactivate
    end
    for name in prefix off tried told
        set -g _condafs_$name ''
    end
    set -g _condafs_pending 1
end

function _condafs_enter
    set -l line ''
    test -r $argv[1]/bin/activate.fish && read line < $argv[1]/bin/activate.fish
    if string match -q '# condafs: *' -- $line
        source $argv[1]/bin/activate.fish
    else # a package has one of its own
        @CONDAFS@ activate --shell fish $argv[1]/ | source
    end
    set -g _condafs_prefix $CONDA_PREFIX
    command ln -sfn -- $CONDA_PREFIX $_condafs_place/prefix
end

function _condafs_differs
    test ! -e $_condafs_place/stamp
    or test $_condafs_file -nt $_condafs_place/stamp
    or test $_condafs_file -ot $_condafs_place/stamp
end

function _condafs_prepare
    set -g _condafs_pending 1
    set -g _condafs_told ''
    @CONDAFS@ prepare --quiet $_condafs_file
    or set -g _condafs_pending '' # it said why
end

function _condafs_story
    test -r $_condafs_place/status || return
    set -l name ''
    set -l state ''
    while read -l line
        if string match -q 'name: *' -- $line
            set name (string sub -s 7 -- $line)
        else if string match -q 'state: *' -- $line
            set state (string sub -s 8 -- $line)
            break
        end
    end < $_condafs_place/status
    switch $state
        case queued building waiting
            test -z "$_condafs_told" || return
            set -g _condafs_told 1
            if test -n "$_condafs_prefix"
                _condafs_say "a new build of $name is $state; the last one is used meanwhile"
            else
                _condafs_say "$name is $state; it is activated when it is ready"
            end
        case failed cancelled
            set -g _condafs_pending ''
            set -l stays ''
            test -n "$_condafs_prefix" && set stays '; the last good one stays'
            _condafs_say "the last build of $name: $state$stays. See: condafs status $name"
        case '*'
            set -g _condafs_pending ''
    end
end

function _condafs_follow
    set -l place ''
    _condafs_find
    if test -n "$_condafs_file"
        set place $_condafs_projects$_condafs_directory/.project
        if test ! -e $place/allowed
            if test "$_condafs_refused" != "$_condafs_file"
                _condafs_say "$_condafs_file is not followed; to have it built and activated here: condafs allow"
            end
            set -g _condafs_refused $_condafs_file
            set place ''
        end
    else
        set -g _condafs_refused ''
    end
    if test "$place" != "$_condafs_place"
        _condafs_leave
        set -g _condafs_place $place
        if test -n "$place" -a -s "$place/refusal"; and not _condafs_differs
            command cat -- $place/refusal >&2
        end
    end
    test -n "$place" -a -z "$_condafs_off" || return
    if test -n "$_condafs_prefix"
        if test "$CONDA_PREFIX" != "$_condafs_prefix"
            set -g _condafs_off 1 # it was left by hand: it stays so until the directory is left
            return
        end
    else if test -n "$VIRTUAL_ENV"; or functions -q condafs_deactivate
        set -g _condafs_off 1 # what was activated by hand stays
        return
    end
    # What the mount is asked at each prompt is one thing: where the environment leads.
    if test -z "$_condafs_tried"
        set -g _condafs_tried 1
        if _condafs_differs; or test ! -e $place/status
            _condafs_prepare
        end
    else if _condafs_differs; and test -e $place/status
        _condafs_prepare
    end
    if test -z "$CONDA_PREFIX"; or not test $place/environment -ef $CONDA_PREFIX # two that do not exist are one to fish
        set -l target $place/environment
        test -e $target || set target $place/prefix
        if test -e $target; and not test $target -ef "$CONDA_PREFIX"
            set -l was_here $_condafs_prefix
            _condafs_enter $target
            test -n "$was_here" && _condafs_say "$CONDA_DEFAULT_ENV is the new build now"
        end
    end
    test -n "$_condafs_pending" && _condafs_story
end

function _condafs_hook --on-event fish_prompt
    set -l last $status
    _condafs_follow
    return $last
end
"""


def render(command: str, projects: str) -> str:
    """The text to be sourced when a shell starts.

    Args:
        command: condafs, quoted.
        projects: Where the projects' things are, quoted.
    """
    return _TEXT.replace("@CONDAFS@", command).replace("@PROJECTS@", projects)
