"""The channel that tests use: condafs's own demo channel and, in the same place, the hand-made `zz-*` packages.

================================  ============================================================================
`zz-postlink`, `zz-badlink`       post-link scripts: writes `etc/zz-postlink.txt` and a message; ends with status 3
`zz-slowlink`                     a post-link script and a child of it that never end
`zz-greedy`                       a post-link script that needs 2 GB of memory
`zz-activate`                     `activate.d`, `deactivate.d` (sh, fish), `env_vars.d` with awkward values
`zz-textprefix`, `zz-binprefix`   the prefix in text files, and in C strings among other bytes
`zz-edgecases`                    every kind of link, names of 255 bytes and in other alphabets, modes, setuid
`zz-bigfile`, `zz-manyfiles`      8 MB in one file; 2,000 files
`zz-noarch-data` 1.0, 2.0         `noarch: generic`
`zz-noarch-py`, `zz-uncompilable` `noarch: python`: entry point, script, data; modules that do not compile
`zz-lib` 1.0 ... 3.0rc1           versions to pin; 2.1 has the builds h0_0 and h0_1
`zz-a`, `zz-b`, `zz-constrains`   exclude each other over `zz-lib`
`zz-needs-*`, `zz-old-python`     need what no machine here has
`zz-clobber-a`, `zz-clobber-b`    ship the same path with other content
`zz-corrupt` 1.0 ... 5.0          1 half an archive, 2 the same but declared so, 3 wrong sums in repodata,
                                  4 a file of `paths.json` is absent, 5 a wrong sum in `paths.json`
`zz-missing`                      no archive
================================  ============================================================================

Of condafs's own: `python` and `pip` of this machine, what is installed beside it, `condafs-hello` 1.0, 1.1, 2.0.
"""

import hashlib
from pathlib import Path

from condafs.demo.channel import Channel, cached_channel, default_cache
from tests.channel.broken import add_broken_packages
from tests.channel.packages import sound_packages


def channel_with_edge_cases() -> Path:
    """The channel's directory; made when this machine, condafs's code or the packages changed."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    key = hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()
    return cached_channel(default_cache() / "tests", _extend, key)


def _extend(channel: Channel) -> None:
    for package in sound_packages():
        channel.add(package)
    add_broken_packages(channel)
