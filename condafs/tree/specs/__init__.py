"""`.specs`: real files in the state directory, passed through, and when one of them becomes a submission.

::

    owner         whose a file is: kept beside the file, because the files underneath all belong to the daemon
    backing       nodes found by the inode underneath, so that names may change below open files
    file          regular files and open ones: what was written, and whether it can stand
    directory     directories: creating, renaming, linking, removing
    refusals      `foo.yaml.error`
    removals      files that are gone, for good or for a moment
    submissions   the work that follows a write, in the background and in order
"""
