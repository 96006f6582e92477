"""The platforms that conda packages are made for."""

PLATFORMS = frozenset(
    {
        "emscripten-wasm32",
        "freebsd-64",
        "linux-32",
        "linux-64",
        "linux-aarch64",
        "linux-armv6l",
        "linux-armv7l",
        "linux-loongarch64",
        "linux-ppc64",
        "linux-ppc64le",
        "linux-riscv32",
        "linux-riscv64",
        "linux-s390x",
        "osx-64",
        "osx-arm64",
        "wasi-wasm32",
        "win-32",
        "win-64",
        "win-arm64",
        "zos-z",
    }
)
"""conda's known subdirs (CEP 26) without noarch."""

SUBDIRS = PLATFORMS | {"noarch"}
"""Directories of a channel."""
