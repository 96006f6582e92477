"""Files elsewhere, mirrored into `.specs` as they change: a git checkout, a project's `environment.yml`.

::

    naming     which environment a file describes, and which file of .specs that is     (pure)
    claims     whose name an environment's is, among the files of one user
    door       one file goes through the mount, or is refused                           (as the user who watches)
    survey     what there is to see below the watched paths, and where changes would be heard
    notices    inotify: that something changed, never what
    mirror     what changed since the last survey goes through the door
    builds     how the builds that were submitted end
    reports    what is said of it, as values
    watcher    the loop: survey, mirror, wait
    child      the same for the daemon: a process of its own

What a file system tells of changes is taken as a hint to look again, never as the change itself: queues overflow,
network file systems tell nothing, directories move. Whatever is lost that way is found by the next survey, which comes
after half a minute at the latest.
"""
