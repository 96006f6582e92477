"""What /envs looks like: nodes that do not know FUSE.

::

    node          what the adapters talk to: directories, links, files, open files
    sources       what the tree asks of the rest of the house
    resolve       what `foo@3f2a`, `foo@-1`, a build's name or a link's target mean      (pure)
    places        where links lead                                                     passing   links on their way
    root          names, builds, roll-back, deletion                         renewal   touch of a build: made again
    status, quota, logs, history, exports   the directories that are read    pins      the one that keeps builds
    recall        a node of its key, for who takes a mount over
    specs/        the directory that is written, and when a file becomes a submission
    tree          all of it, put together
"""
