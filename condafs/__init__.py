"""condafs: conda environments as a filesystem.

The floors, low to high; imports only go down (import-linter keeps it)::

     0  errors                                  what can go wrong
     1  names  config  journal  notify          words, settings, voice
     2  spec                                    what was asked for                 (pure)
     3  prefix                                  what was built, on disk
     4  catalog                                 what we remember                   (LMDB)
     5  builder                                 how it is made                     (own process; rattler, asyncio)
     6  export                                  how it leaves as one file
     7  scheduler                               when it is made
     8  tree                                    what /envs looks like
     9  filesystem                              FUSE, a thin adapter
    10  daemon                                  puts the house together
    11  demo                                    a guided tour, on a channel of its own
    12  cli                                     the front gate

Of the builder, the floors above know only `builder.protocol` and `builder.runner`.
"""

__version__ = "0.1.0"
