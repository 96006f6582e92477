"""The tree through FUSE: a thin adapter, the only room that knows pyfuse3.

::

    inodes       numbers for nodes, for as long as the kernel knows them
    encode       bytes and structures of the kernel's, from the tree's and back
    guard        no exception leaves a handler but FUSEError
    listing      open directories
    operations   the handlers
    mounting     before and after: mount options, dead mounts, what a machine lacks
    connection   from a mount to a session: the first words, with more asked for than pyfuse3 does
    kernel_cache what the kernel remembers, and how it is made to forget
    serve        a mounted tree, from start to end
"""
