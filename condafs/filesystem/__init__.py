"""The tree through FUSE: a thin adapter, the only room that knows pyfuse3.

::

    inodes       numbers for nodes, for as long as the kernel knows them
    handles      numbers for open files and directories (listing)
    encode       bytes and structures of the kernel's, from the tree's and back
    guard        no exception leaves a handler but FUSEError
    operations   the handlers: those of nodes (node_operations, extended_attributes) and those of what is open
    mounting     before and after: mount options, dead mounts, what a machine lacks
    connection   how this process comes by a connection to the kernel: it mounts, or was passed one
    handshake    the first words on it, with more asked for than pyfuse3 does
    kernel_cache what the kernel remembers, and how it is made to forget (forgetter: by another process)
    serve        a mounted tree, from start to end

A daemon may take over the mount of one that was killed::

    memory       what is written down of what the kernel was told: nothing, or
    ledger       all that the next daemon has to know, in a file (records: its form)
    recall       what is in it, known again
    once         what the kernel asks for again is not done twice
"""
