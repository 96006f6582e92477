"""What a caged program may see of the machine: a value, and what of the system everybody needs.

Not there: homes, /root, /srv, /var, /tmp, /run, the state directory (but for what a view names), disks, and most of
/etc: a root without capabilities still owns what only root may read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_ETC = (
    *("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ld.so.preload", "alternatives", "nsswitch.conf", "locale.alias"),
    *("passwd", "group", "hosts", "host.conf", "resolv.conf", "gai.conf", "services", "protocols", "networks"),
    *("localtime", "timezone", "mime.types", "magic", "fonts", "os-release", "lsb-release", "debian_version"),
    *("ssl/certs", "ssl/cert.pem", "ssl/openssl.cnf", "ssl/ca-bundle.pem", "ca-certificates", "ca-certificates.conf"),
    *("pki/tls/certs", "pki/tls/cert.pem", "pki/tls/openssl.cnf", "pki/ca-trust", "crypto-policies", "redhat-release"),
    *("bash.bashrc", "profile", "profile.d", "inputrc", "environment", "terminfo", "gitconfig", "pip.conf", "xdg/pip"),
)
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix/store", "/gnu/store"),
    *("/proc", "/sys/devices/system", "/sys/fs/cgroup", "/sys/kernel/mm"),
    *(f"/etc/{name}" for name in _ETC),
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")

NAMING_FILES = (
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO"),
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_FIND_LINKS"),
)
"""Variables whose value is a path, or several."""

_PATH_IN_LINE = re.compile(r"(?:^|[\s=@'\"])(?:file://(?:localhost)?)?(/[^\s'\"#;]+)")


@dataclass(frozen=True, slots=True)
class View:
    """What a program may do.

    Attributes:
        writable: Existing directories, where it may do everything.
        readable: Paths that it may read, beside what it needs of the system.
        public: Paths of which it may read what everybody may, see `look_for_public`.
        has_network: Whether it may talk to other machines, and to servers of this one.
    """

    writable: tuple[Path, ...]
    readable: tuple[Path, ...] = ()
    public: tuple[Path, ...] = ()
    has_network: bool = False


def system_paths(*, has_network: bool) -> list[Path]:
    """What every program needs to start, and to resolve names when it is to."""
    # Often a link to /run, where there are also sockets and other people's runtime files.
    resolver = [Path("/etc/resolv.conf").resolve()] if has_network else []
    return [*map(Path, _SYSTEM), *resolver]


def device_paths() -> list[Path]:
    """Devices that may be written to."""
    return [path for path in map(Path, _DEVICES) if path.exists()]


def paths_in_lines(lines: Sequence[str]) -> list[Path]:
    """Files and directories of this machine that lines for pip name."""
    return list(dict.fromkeys(Path(match[1]) for line in lines for match in _PATH_IN_LINE.finditer(line)))


def paths_in_variables(environment: Mapping[str, str]) -> list[Path]:
    """Files and directories that variables of the daemon's own name, for whoever talks to the network."""
    values = (environment.get(name, "") for name in NAMING_FILES)
    return [Path(word) for value in values for word in value.split() if word.startswith("/")]
