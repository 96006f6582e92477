"""Settings as a value, their defaults, and what is known of the machine."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def default_state() -> Path:
    """`/var/lib/condafs` for root, `$XDG_DATA_HOME/condafs` (`~/.local/share/condafs`) for everybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/condafs")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "condafs"


def default_http_directory() -> Path:
    """Beside the state directory, because its owner is another: `/var/lib/condafs-http` for root."""
    state = default_state()
    return state.with_name(f"{state.name}-http")


MAX_SOCKET_BYTES = 107
"""Of the path of a Unix socket (unix(7)); where its directory's is longer, there is none unless it is asked for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be decided; the defaults suit one person's machine.

    Attributes:
        state: Directory of catalog, specs, builds, packages, logs, exports.
        jobs: Builds at a time.
        attempts: Tries of a build that fails for a passing reason, the first included.
        backoff_initial_seconds, backoff_cap_seconds: First wait, doubled each time, up to the cap; jitter is added.
        build_wall_seconds, build_memory_bytes: Limits of one build; 0 for none.
        build_processes: Processes and threads of packages' programs in one build, at a time; 0 for none. A compiler on
            each of 128 cores with what it starts is some hundred.
        build_file_bytes: The largest file that a build may write; 0 for none. The largest in packages have 3 GB.
        sandbox: What builds are made in: `auto` the best that there is, `none`, or the least that they need:
            `landlock`, `bubblewrap`, `unit` (builder.cage).
        default_channels: For specifications that name none.
        channel_alias: URL that plain channel names are below.
        allow_other: Whether other users see the mount; None: when running as root.
        specs_mode: Permission bits of `.specs`, `.logs` and the root; None: see `config.sharing`.
        specs_group: Their group; None: `condafs`, where there is such a group.
        image_base: What container images stand on when their specification does not say: `host`, `none`, or the
            absolute path of an OCI archive.
        gc_keep_generations, gc_keep_days: What garbage collection leaves alone though no name leads to it: the last so
            many generations of each environment, and what was current so recently.
        gc_keep_packages_days: How long packages that no environment has stay in the cache.
        gc_free_bytes: With less free than that, builds wait for a collection, and unused packages go at once; 0: never.
        gc_request: File that the daemon makes to have somebody else collect, who removes it; None: it does it itself.
        catalog_group: Users of this group may read the catalog, as the HTTP server does when it is another user; "" for
            none.
        builder_socket: Unix socket behind which builders wait that are another user (`condafs-build.socket`); builds
            and packages then belong to that user. None: builders are children of the daemon.
        http_bind: Where `condafs serve` listens: `host:port`, or `unix:/path`; empty: see `http_addresses`.
        http_url: What the server's clients call it, when that is not where it listens (behind a proxy).
        http_directory: The server's own files: tokens, the key of its sessions, solver's repodata.
        http_open: Whether everybody who reaches the server may read; else a token is needed for that, too.
        http_ui: Directory of conda-store's web interface, to be served at `/ui/`; None: it is not.
        http_dynamic: Whether pulling `condafs-dynamic/…` from its registry builds environments.
        watch: Files and directories that the daemon itself mirrors into `.specs`, as its own user.
        watch_retire: Whether an environment is retired when its watched file is removed.
        quota_environments, quota_builds_per_day, quota_bytes: What one user may have: environments, builds begun on one
            day (UTC), bytes of builds beyond the package cache; None: any number.
        quotas: The same for some, by `user` or `@group`: fields of `config.quotas.Limits` that differ.
    """

    state: Path
    jobs: int = field(default_factory=_cores)
    attempts: int = 5
    backoff_initial_seconds: float = 5
    backoff_cap_seconds: float = 600
    build_wall_seconds: float = 4 * 3600
    build_memory_bytes: int = 0
    build_processes: int = 4096
    build_file_bytes: int = 32 << 30
    sandbox: str = "auto"
    default_channels: tuple[str, ...] = ("conda-forge",)
    channel_alias: str = "https://conda.anaconda.org"
    allow_other: bool | None = None
    specs_mode: int | None = None
    specs_group: str | None = None
    image_base: str = "host"
    gc_keep_generations: int = 5
    gc_keep_days: float = 90
    gc_keep_packages_days: float = 30
    gc_free_bytes: int = 2 << 30
    gc_request: Path | None = None
    catalog_group: str = ""
    builder_socket: Path | None = None
    http_bind: tuple[str, ...] = ()
    http_url: str = ""
    http_directory: Path = field(default_factory=default_http_directory)
    http_open: bool = True
    http_ui: Path | None = None
    http_dynamic: bool = False
    watch: tuple[Path, ...] = ()
    watch_retire: bool = False
    quota_environments: int | None = None
    quota_builds_per_day: int | None = None
    quota_bytes: int | None = None
    quotas: Mapping[str, Mapping[str, int | None]] = field(default_factory=dict)

    @property
    def is_shared(self) -> bool:
        """Whether other users see the mount."""
        return os.geteuid() == 0 if self.allow_other is None else self.allow_other

    @property
    def catalog(self) -> Path:
        """LMDB."""
        return self.state / "catalog"

    @property
    def http_addresses(self) -> tuple[str, ...]:
        """Where the server listens: on this machine only, unless told otherwise."""
        socket = self.http_directory / "socket"
        is_short = len(os.fsencode(socket)) <= MAX_SOCKET_BYTES
        return self.http_bind or ("127.0.0.1:8080", *([f"unix:{socket}"] if is_short else []))

    @property
    def specs(self) -> Path:
        """The files of `.specs`, byte for byte."""
        return self.state / "specs"

    @property
    def builds(self) -> Path:
        """Sealed prefixes."""
        return self.state / "builds"

    @property
    def packages(self) -> Path:
        """Package, repodata and bytecode cache."""
        return self.state / "packages"

    @property
    def logs(self) -> Path:
        """One log a build."""
        return self.state / "logs"

    @property
    def locks(self) -> Path:
        """Locks of damaged builds, as long as they are being made again."""
        return self.state / "locks"

    @property
    def exports(self) -> Path:
        """Indexes of exports, one directory a build."""
        return self.state / "exports"


def machine_platform() -> str:
    """Conda's word for this machine, as `linux-64` or `linux-aarch64` (conda's `subdir`)."""
    machine = os.uname().machine
    return f"linux-{ {'x86_64': '64', 'i686': '32'}.get(machine, machine) }"


def default_settings_file() -> Path:
    """`/etc/condafs.yaml` for root, `$XDG_CONFIG_HOME/condafs.yaml` (`~/.config/condafs.yaml`) for everybody else."""
    if os.geteuid() == 0:
        return Path("/etc/condafs.yaml")
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "condafs.yaml"
