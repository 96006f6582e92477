"""Packages that mean harm by where their bytecode goes, and by a python that is none."""

import sys
from collections.abc import Iterator

import pytest

from condafs.builder.cage.level import Level
from condafs.builder.protocol import Failed, FailureKind
from condafs.demo.interpreter import running_interpreter
from condafs.demo.package import PLACEHOLDER, Package, PackageFile
from tests.channel.hostile import channel_of
from tests.end_to_end.cage.cell import Cell, furnished

MINOR = running_interpreter().minor
TAG = sys.implementation.cache_tag or ""
PLACED = f"P = '{PLACEHOLDER}'\n".encode()

COMPILING = f"""#!/bin/bash
prefix=$(cd "$(dirname "$0")/.." && pwd)
echo '{{"tag": "{TAG}", "magic": "cb0d0d0a"}}'
while read -r line; do
  ON_REQUEST
  while [ "${{line#*'"]'}}" != "$line" ]; do
    start=${{line%%'"]'*}}
    target=${{start##*'"'}}
    echo evil > "$target"
    line=${{line#*'"]'}}
  done
  AFTERWARDS
  echo '{{"failed": [], "errno": null, "why": ""}}'
done
"""
"""What compiles for condafs, in shell: every module becomes `evil`."""


@pytest.fixture(params=[("root", Level.LANDLOCK), ("somebody", Level.BUBBLEWRAP)], ids=["root", "somebody"])
def cell(request: pytest.FixtureRequest) -> Iterator[Cell]:
    with furnished(*request.param) as cell:
        yield cell


def python(*, on_request: str = ":", afterwards: str = ":") -> Package:
    """A python that is a shell script."""
    text = COMPILING.replace("ON_REQUEST", on_request).replace("AFTERWARDS", afterwards)
    program = PackageFile(f"bin/python{MINOR}", text.encode(), 0o755)
    return Package("python", running_interpreter().version, (program,), build="h0_0_evil")


def noarch(name: str, *files: PackageFile) -> Package:
    return Package(name, "1.0", files, noarch="python", depends=("python",))


def test_bytecode_of_another_package_is_neither_removed_nor_replaced(cell: Cell) -> None:
    genuine = f"lib/python{MINOR}/__pycache__/zzlib.{TAG}.pyc"
    victim = Package("zz-victim", "1.0", (PackageFile(genuine, b"genuine\n"), PackageFile("share/zzlib", b"x")))
    cell.make(cell.channel(victim), "zz-victim")
    cached = (cell.packages / "pkgs/zz-victim-1.0-0").resolve() / genuine
    link = PackageFile("site-packages/a/__pycache__", link=str(cached.parent))
    channel = cell.channel(
        victim,
        python(),
        noarch("zz-removes", PackageFile("site-packages/a/zzlib.py", PLACED, placeholder="text"), link),
        noarch("zz-replaces", PackageFile("site-packages/a/zzlib.py", b"x = 2\n"), link),
    )
    for name in ("zz-removes", "zz-replaces"):
        failed = cell.fail(channel, name, "python")
        assert failed.kind is FailureKind.PACKAGE
        assert (
            f"a package made lib/python{MINOR}/site-packages/a/__pycache__ a link to {cached.parent}" in failed.message
        )
        assert failed.message in cell.text
        assert [path.name for path in cached.parent.iterdir()] == [cached.name]
        assert cached.read_bytes() == b"genuine\n"


def test_a_python_that_forges_records_while_it_compiles_is_found_out(cell: Cell) -> None:
    record = (
        '{"name": "zz-rec", "version": "1.0", "build": "0", "files": [], '
        f'"extracted_package_dir": "{cell.victim}", "paths_data": {{"paths_version": 1, "paths": '
        '[{"_path": "secret", "path_type": "hardlink", "prefix_placeholder": "x"}]}}'
    )
    meta = "$prefix/conda-meta"
    forge = f"[ -w {meta} ] && rm -f {meta}/zz-rec-*.json && echo '{record}' > {meta}/zz-rec-1.0-0.json"
    channel = cell.channel(
        python(on_request=forge),
        noarch("zz-rec", PackageFile("site-packages/zzrec/p.py", PLACED, placeholder="text")),
    )
    failed = cell.fail(channel, "zz-rec", "python")
    assert failed.kind is FailureKind.PACKAGE
    assert "the python of this environment, which compiled modules, changed the records of packages" in failed.message
    assert "zz-rec-1.0-0.json" in failed.message


@pytest.mark.parametrize(
    "afterwards",
    [
        "directory=${target%/*}; rm -rf $directory; ln -s VICTIM $directory",
        "ln -s VICTIM/file ${target%/*}/index",
        "rm $target; mkfifo $target",
        "rm $target; ln -s VICTIM/secret $target",
    ],
    ids=["directory", "index", "pipe", "module"],
)
def test_a_python_cannot_have_anything_but_bytecode_published(cell: Cell, afterwards: str) -> None:
    channel = cell.channel(
        python(afterwards=afterwards.replace("VICTIM", str(cell.victim))),
        noarch("zz-one", PackageFile("site-packages/zzone.py", b"x = 1\n")),
    )
    cell.victim.chmod(0o700)
    failed = cell.fail(channel, "zz-one", "python")
    assert failed.kind is FailureKind.PACKAGE
    assert "did not make the bytecode of zz-one-1.0-0 as asked" in failed.message
    assert cell.victim.stat().st_mode & 0o777 == 0o700
    assert not list(cell.packages.glob("bytecode/zz-one-*/*"))


def test_modules_go_where_modules_belong(cell: Cell) -> None:
    """A python may say where its site-packages are (CEP 17); not that records of packages are modules."""
    channel = channel_of(cell.root / "channel", noarch("zz-one", PackageFile("site-packages/zzone.py", b"x = 1\n")))
    package = python()
    record = channel.record(package.folder, channel.add(package).name)
    channel.add_record(package.folder, f"{package.stem}.conda", record | {"python_site_packages_path": "conda-meta"})
    channel.finish()
    outcome = cell.run(cell.request((cell.root / "channel").as_uri(), "zz-one", "python"))
    assert isinstance(outcome, Failed)
    assert outcome.kind is FailureKind.PACKAGE
    assert "wants modules in 'conda-meta'" in outcome.message
