"""condafs: conda environments as a filesystem.

The floors, low to high; imports only go down (import-linter keeps it)::

     0  errors                                  what can go wrong
     1  names  repository  config  journal       words, settings, voice
        notify  wording
     2  spec                                    what was asked for                 (pure)
     3  client  mirror                          a mount seen from outside; what is mirrored into it
     4  prefix  project                         what was built, on disk; directories that shells follow
     5  catalog                                 what we remember                   (LMDB)
     6  builder                                 how it is made                     (own process; rattler, asyncio)
     7  export                                  how it leaves as one file
     8  scheduler | garbage | health            when it is made | when it goes | whether it is as it was
     9  tree                                    what /envs looks like
    10  filesystem | web                        FUSE | HTTP, thin adapters
    11  daemon                                  puts the house together
    12  demo | service                          a guided tour, on a channel of its own | units of systemd
    13  cli                                     the front gate

Of the builder, the floors above know only `builder.protocol` and `builder.runner`; `health`, which does again what it
did, knows its caches and compilers as well.
"""

__version__ = "0.1.0"
