"""Other people's code in a cage: post-link scripts, pip and what it builds, the environment's python that compiles.

Two rings. The *outer* one stands around the whole builder, rattler included, which unpacks and links what others made.
It is what the daemon starts the builder in (`outside`), and what the builder does to itself before it has threads
(`rings`). The *inner* one stands around each program that packages bring. A `warden` starts such programs: it puts them
in (`inmate`), answers for them what their filter asks about (`syscall_filter`, `listener`, `permission_bits`), and ends
what they leave behind. What they may see is a value (`view`). Which of it was reached is one, too (`level`).

What a level keeps out, each more than the one before:

`landlock` (Linux 5.13, better from 6.12; nothing to install)
    A program changes nothing but its environment and scratch directories that go with the build, pip's cache among
    them. It inherits nothing but its three streams. It reads the system (/usr, some of /etc, /proc) and these, no
    homes, no /root, /tmp, /var, /run, no state directory; pip also what its lines name, for others as far as everybody
    may read it (`public`). HOME is an empty directory of the build's. It has no
    capabilities and gets none by execution; it makes no namespaces, set-id files, devices, ACLs or sockets, except pip,
    for which those of IP are open. It signals and traces nobody outside, and does not outlive the step that started it.
    What is shared with the package cache is replaced when its mode is changed, and read-only otherwise. Processes,
    memory and files have limits. The builder changes nothing but the environment and the package cache.

`bubblewrap` (to be installed)
    All of that, and around the builder: a read-only system by mounts as well, none of its devices, processes and IPC of
    its own, no catalog and no specifications. Modes, owners and times of files elsewhere are out of reach for it.

`unit` (the service)
    All of `landlock`, and a user of its own: the daemon's files and processes are somebody else's. What else stands
    around it is the unit's business.

What none of them keeps out:

- what a program does to its own environment: who installs a package runs it later
- pip's building of packages talking to the network, servers of this machine included, and reading the settings of pip
  that the administrator gave the builder
- the environment's python leaving bytecode in the bytecode cache, for environments that have the same python
- times and group of files that are shared with the package cache, and, without bubblewrap, times of the same user's
  files elsewhere (chmod is answered for, utimes is not)
- names and command lines of other processes, without bubblewrap, unless /proc hides them
- using up the processor, and the disk up to what a quota or its size allows, until the wall time is over
- defects of the kernel

Before Linux 5.19 the builder itself is not confined by Landlock; before 6.2 files elsewhere can be truncated where
permissions allow it; before 6.12 signals reach processes of the same user, unless bubblewrap stands between.
`Reached.lacks` says so. Without Landlock, or where system calls cannot be filtered, there is no inner ring, and the
level is `none`, whatever stands around the builder.
"""
