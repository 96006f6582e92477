"""Every byte that the catalog stores. Version 1.

LMDB environment in `<state>/catalog` (`data.mdb`, `lock.mdb`; beside them `daemon.lock`, see `files`), with one named
database a table. Numbers are little-endian unless said otherwise, texts are UTF-8, a digest is 32 raw bytes, an
absent digest 32 zero bytes; times are Unix seconds as IEEE 754 doubles::

    table           key                             value
    meta            "schema"                        decimal version, as text
                    "sequence"                      u64, the highest sequence given
                    "count.<state>"                 u64, builds in that state
                    "rebuilt"                       u64, Unix seconds when the catalog was put together from what its
                                                    loss had left; no row when it never was
    environments    name                            u8 1 when visible (current and not retired) else 0,
                                                    u32 last generation, u32 owner uid, f64 moved,
                                                    wanted digest, current digest, file name (the rest)
    builds          digest                          u8 state (STATE_CODES), u64 sequence, u32 generation, u32 attempts,
                                                    f64 next try, f64 submitted, f64 started, f64 finished,
                                                    u32 owner uid, u64 size, u64 own bytes, u32 packages,
                                                    u16 length of name, u8 length of failure kind,
                                                    name, failure kind, failure message (the rest)
    builds_of       name                            for each build of it, by digest: digest, u32 mark, which is its
                                                    generation when READY, 2**32 - 1 in ACTIVE_STATES, else 0
    queue           u64 big-endian sequence         digest; exactly the builds in ACTIVE_STATES
    files           file name                       u64 size, i64 mtime_ns, content SHA-256 (32 raw bytes), digest,
                                                    u16 length of name, name, refusal (the rest)
    specifications  digest                          canonical specification; as long as the build is known
    images          name                            `image:` of the latest accepted document of that name, JSON, keys
                                                    sorted, no blanks, empty values left out; no row when all are:
                                                    {"base":text,"entrypoint":[text],"labels":{text:text},
                                                    "user":text,"workdir":text}
    pins            label                           digest, u32 uid, u32 gid, f64 made
    layers          32 raw bytes, of what a layer   SHA-256 of the layer (32 raw bytes)
                    is made (export decides how)
    events          u64 big-endian number           f64 at, u8 kind (EVENT_CODES), u32 generation, u32 attempts,
                                                    i64 uid (-1 the daemon), digest, u16 length of name,
                                                    u8 length of behalf, name, behalf, detail (the rest)
    events_of       name, NUL, u64 big-endian       nothing; exactly the events that have a name
                    number
    usage           u32 big-endian user id          u64 environments, u64 own bytes, u32 day, u32 builds on that day

A build that a row of `pins` names is not DELETING, nor unknown.

`environments` and `builds` are the truth; `builds_of`, `queue` and the counts follow from `builds` and change in the
same transaction. `builds_of` packs the builds of a name into one value, so that listing a hundred thousand builds reads
4 MB and not 30. `usage` follows from both and changes with them, but for the builds of the day, which nothing else
tells; it is counted anew at each start of the daemon. A row of `images` goes with that of `environments`; `layers`
remembers what can be computed again.

`events` is written in the transaction of what it tells, numbers have no gaps and never come again, and the oldest go
when there are more than MOST_EVENTS. It tells of names that are forgotten by now, too. A kind that this program does
not know is a newer one's, and is passed over.

A version that this program does not know is refused, not guessed at. LATER_TABLES came later and the version stayed: an
older program leaves tables that it does not know alone, and to this one a table that an older daemon has not made is
empty. After an older daemon, an image may be as an earlier document described it, until the next one, and events are
missing.
"""

from condafs.catalog.events import EventKind
from condafs.catalog.records import BuildState

VERSION = 1

META = b"meta"
ENVIRONMENTS = b"environments"
BUILDS = b"builds"
BUILDS_OF = b"builds_of"
QUEUE = b"queue"
FILES = b"files"
SPECIFICATIONS = b"specifications"
IMAGES = b"images"
LAYERS = b"layers"
EVENTS = b"events"
EVENTS_OF = b"events_of"
USAGE = b"usage"
PINS = b"pins"

LATER_TABLES = (IMAGES, LAYERS, EVENTS, EVENTS_OF, USAGE, PINS)
"""What the first catalogs did not have."""

TABLES = (META, ENVIRONMENTS, BUILDS, BUILDS_OF, QUEUE, FILES, SPECIFICATIONS, *LATER_TABLES)

MAX_KEY_BYTES = 511
"""LMDB's compiled-in limit (MDB_MAXKEYSIZE); the kernel may ask for longer names, which therefore do not exist."""

STATE_CODES = {
    BuildState.QUEUED: 1,
    BuildState.BUILDING: 2,
    BuildState.WAITING: 3,
    BuildState.READY: 4,
    BuildState.FAILED: 5,
    BuildState.CANCELLED: 6,
    BuildState.SUPERSEDED: 7,
    BuildState.DELETING: 8,
}

MOST_EVENTS = 100_000
"""About 15 MB. A build is four events or five: who submits a hundred specifications a day finds the last half year."""

EVENT_CODES = {
    EventKind.SUBMITTED: 1,
    EventKind.STARTED: 2,
    EventKind.PUBLISHED: 3,
    EventKind.FAILED: 4,
    EventKind.WAITING: 5,
    EventKind.CANCELLED: 6,
    EventKind.SUPERSEDED: 7,
    EventKind.INTERRUPTED: 8,
    EventKind.DELETED: 9,
    EventKind.MOVED: 10,
    EventKind.RETIRED: 11,
    EventKind.REFUSED: 12,
    EventKind.PINNED: 20,
    EventKind.UNPINNED: 21,
}
