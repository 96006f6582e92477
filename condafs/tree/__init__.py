"""What /envs looks like: nodes that do not know FUSE.

::

    node          what the adapters talk to: directories, links, files, open files
    sources       what the tree asks of the rest of the house
    resolve       what `foo@3f2a`, `foo@-1`, a build's name or a link's target mean      (pure)
    root          names, builds, roll-back, deletion
    status, logs, history, exports   the directories that are read
    specs/        the directory that is written, and when a file becomes a submission
    tree          all of it, put together
"""
