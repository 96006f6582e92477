"""Hand-made packages that are sound, each for one thing that an environment can hold."""

import hashlib
import json

from condafs.demo.package import PLACEHOLDER, Package, PackageFile

MANY_FILES = 2_000
BIG_FILE_BYTES = 8 * 1024 * 1024
LONG_NAME = "n" * 255
"""The longest name that a file can have (NAME_MAX)."""
DEEP_PATH = "/".join(["share/zz-edgecases", *(["d" * 100] * 4), "file"])
AWKWARD_NAMES = (
    "\u00e9t\u00e9",
    "e\u0301te\u0301",
    "Straße 北京",
    "quo'te\"s",
    "-dash",
    "blank name",
    "UPPER",
    "upper",
    "back\\slash",
)


def sound_packages() -> list[Package]:
    """All of them."""
    return [
        *_linking(),
        *_activation(),
        *_prefixes(),
        *_contents(),
        *_noarch(),
        *_versions(),
        *_unsatisfiable(),
    ]


def text(path: str, content: str, *, mode: int = 0o644) -> PackageFile:
    """A text file; placeholders in it are declared by themselves."""
    return PackageFile(path, content.encode(), mode, placeholder="text" if PLACEHOLDER in content else "")


def script(path: str, *lines: str) -> PackageFile:
    """A shell script."""
    return text(path, "\n".join(["#!/bin/sh", *lines, ""]), mode=0o755)


def _linking() -> list[Package]:
    facts = 'printf "%s\\n" "$PREFIX" "$PKG_NAME" "$PKG_VERSION" "$PKG_BUILDNUM"'
    made = "$PREFIX/share/zz-postlink/made"
    return [
        Package(
            "zz-postlink",
            "1.0",
            (
                script(
                    "bin/.zz-postlink-post-link.sh",
                    "set -e",
                    f'mkdir -p "$PREFIX/etc" "{made}"',
                    f'{facts} > "$PREFIX/etc/zz-postlink.txt"',
                    f'touch "{made}/file"',
                    "echo zz-postlink was here",
                    'echo "zz-postlink has a message" >> "$PREFIX/.messages.txt"',
                ),
                script("bin/.zz-postlink-pre-unlink.sh", f'rm -rf "$PREFIX/etc/zz-postlink.txt" "{made}"'),
                text("share/zz-postlink/readme", "made by zz-postlink\n"),
            ),
        ),
        Package(
            "zz-badlink",
            "1.0",
            (script("bin/.zz-badlink-post-link.sh", "echo zz-badlink gives up", "echo on stderr too >&2", "exit 3"),),
        ),
        Package(
            "zz-slowlink",
            "1.0",
            # A grandchild as well, so that ending the script alone would leave something behind.
            (script("bin/.zz-slowlink-post-link.sh", "echo zz-slowlink waits", "sleep 3600 &", "sleep 3600"),),
        ),
        Package(
            "zz-greedy",
            "1.0",
            # A line without an end, all of which tail keeps.
            (script("bin/.zz-greedy-post-link.sh", "echo zz-greedy eats", "head -c 2G /dev/zero | tail -n 1"),),
        ),
    ]


def _activation() -> list[Package]:
    variables = {"ZZ_PLAIN": "plain", "ZZ_AWKWARD": "two words, \"quotes\", 'more', $HOME and \\"}
    return [
        Package(
            "zz-activate",
            "1.0",
            (
                text("etc/conda/activate.d/zz-activate.sh", 'export ZZ_ACTIVATED="$CONDA_PREFIX"\n'),
                text("etc/conda/activate.d/zz-activate.fish", 'set -gx ZZ_ACTIVATED "$CONDA_PREFIX"\n'),
                text("etc/conda/deactivate.d/zz-activate.sh", "unset ZZ_ACTIVATED\nexport ZZ_DEACTIVATED=1\n"),
                text("etc/conda/deactivate.d/zz-activate.fish", "set -e ZZ_ACTIVATED\nset -gx ZZ_DEACTIVATED 1\n"),
                text("etc/conda/env_vars.d/zz-activate.json", json.dumps(variables)),
            ),
        )
    ]


def _prefixes() -> list[Package]:
    strings = [f"{PLACEHOLDER}/share", f"{PLACEHOLDER}/lib:{PLACEHOLDER}/lib64", PLACEHOLDER, "no prefix here"]
    blob = b"\x7fZZ\x00\xff" + b"\0".join(string.encode() for string in strings) + b"\0\xfe\xfdend"
    return [
        Package("zz-binprefix", "1.0", (PackageFile("lib/zz-binprefix.bin", blob, placeholder="binary"),)),
        Package(
            "zz-textprefix",
            "1.0",
            (
                text("bin/zz-textprefix", f'#!/bin/sh\necho "{PLACEHOLDER}"\n', mode=0o755),
                text("bin/zz-textprefix-python", f"#!{PLACEHOLDER}/bin/python\nprint('ran')\n", mode=0o755),
                text("etc/zz-textprefix.json", json.dumps({"prefix": PLACEHOLDER, "twice": [PLACEHOLDER] * 2})),
                text("lib/pkgconfig/zz-textprefix.pc", f"prefix={PLACEHOLDER}\nlibdir=${{prefix}}/lib\n"),
                PackageFile("etc/zz-textprefix.link", link="zz-textprefix.json"),
            ),
        ),
    ]


def _contents() -> list[Package]:
    share = "share/zz-edgecases"
    noise = hashlib.shake_128(b"zz-bigfile").digest(BIG_FILE_BYTES)
    return [
        Package(
            "zz-edgecases",
            "1.0",
            (
                PackageFile(f"{share}/target", b"target\n"),
                PackageFile(f"{share}/relative", link="target"),
                PackageFile(f"{share}/chained", link="relative"),
                PackageFile(f"{share}/loop", link="loop"),
                PackageFile(f"{share}/dangling", link="nowhere"),
                PackageFile(f"{share}/absolute", link="/etc/hostname"),
                PackageFile(f"{share}/folder/file", b"in a folder\n"),
                PackageFile(f"{share}/folder-link", link="folder"),
                PackageFile(f"{share}/empty"),
                PackageFile(f"{share}/{LONG_NAME}", b"long\n"),
                PackageFile(DEEP_PATH, b"deep\n"),
                PackageFile(f"{share}/mode-0444", b"r\n", 0o444),
                PackageFile(f"{share}/mode-0600", b"rw\n", 0o600),
                PackageFile(f"{share}/mode-0664", b"g\n", 0o664),
                PackageFile(f"{share}/mode-4755", b"#!/bin/sh\n", 0o4755),
                *(PackageFile(f"{share}/names/{name}", name.encode()) for name in AWKWARD_NAMES),
            ),
        ),
        Package("zz-bigfile", "1.0", (PackageFile("share/zz-bigfile/noise.bin", noise),)),
        Package(
            "zz-manyfiles",
            "1.0",
            tuple(PackageFile(f"share/zz-manyfiles/{n % 50}/{n}", f"{n}\n".encode()) for n in range(MANY_FILES)),
        ),
        Package("zz-clobber-a", "1.0", (text("share/zz-clobber/file", "from a\n"), text("share/zz-clobber/a", "a\n"))),
        Package("zz-clobber-b", "1.0", (text("share/zz-clobber/file", "from b\n"), text("share/zz-clobber/b", "b\n"))),
    ]


def _noarch() -> list[Package]:
    data = [
        Package("zz-noarch-data", version, (text("share/zz-noarch-data", f"{version}\n"),), noarch="generic")
        for version in ("1.0", "2.0")
    ]
    module = "site-packages/zz_noarch_py"
    return [
        *data,
        Package(
            "zz-noarch-py",
            "1.0",
            (
                text(f"{module}/__init__.py", "def main():\n    print('zz-noarch-py runs')\n"),
                text(f"{module}/part.py", "VALUE = 1\n"),
                text(f"{module}/data.json", "{}\n"),
                text("python-scripts/zz-noarch-script", f"#!{PLACEHOLDER}/bin/python\nprint('script')\n", mode=0o755),
                text("share/zz-noarch-py/data", "data\n"),
            ),
            depends=("python",),
            noarch="python",
            entry_points=("zz-noarch-py = zz_noarch_py:main",),
        ),
        Package(
            "zz-uncompilable",
            "1.0",
            (
                text("site-packages/zz_uncompilable/__init__.py", "VALUE = 2\n"),
                text("site-packages/zz_uncompilable/template.py", "print {{ cookiecutter.name }}\n"),
                PackageFile("site-packages/zz_uncompilable/latin.py", b"# \xe9t\xe9, in no declared encoding\n"),
                PackageFile("site-packages/zz_uncompilable/nul.py", b"a = 1\0\n"),
            ),
            depends=("python",),
            noarch="python",
        ),
    ]


def _versions() -> list[Package]:
    plain = [_lib(version) for version in ("1.0", "1.1", "2.0", "3.0rc1")]
    return [*plain, _lib("2.1"), _lib("2.1", build_number=1)]


def _lib(version: str, build_number: int = 0) -> Package:
    content = text("share/zz-lib/version", f"{version} build {build_number}\n")
    return Package("zz-lib", version, (content,), build=f"h0_{build_number}", build_number=build_number)


def _unsatisfiable() -> list[Package]:
    """Packages that cannot be installed, or not with each other; the solver has to say why."""
    return [
        Package("zz-a", "1.0", depends=("zz-lib <2",)),
        Package("zz-b", "1.0", depends=("zz-lib >=2",)),
        Package("zz-constrains", "1.0", constrains=("zz-lib <2",)),
        Package("zz-needs-nothing-here", "1.0", depends=("zz-not-in-any-channel",)),
        Package("zz-old-python", "1.0", depends=("python <3",)),
        Package("zz-needs-glibc", "1.0", depends=("__glibc >=99",)),
        Package("zz-needs-cuda", "1.0", depends=("__cuda",)),
    ]
