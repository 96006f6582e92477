"""Projects: directories whose environment file a shell follows, as lorri does with nix.

::

    place        what is kept of a project between prompts; the shells read it
    preparing    its file is submitted when it changed
    posix_hook   what bash and zsh do at each prompt
    fish_hook    the same in fish
    direnv       the same for direnv, as `use condafs`

A prompt must cost next to nothing, so no program is started for it: shells compare times and inodes of what `place`
lays out, and call `condafs prepare` when the file is another than it was.
"""
