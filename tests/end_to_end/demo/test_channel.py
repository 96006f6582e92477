"""The embedded channel, made by every interpreter of this machine, installed and used."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.demo.package import native_subdir

INSTALLING = Path(__file__).with_name("installing.py")
ROOT = Path(__file__).parents[3]
MAKE = "import sys, pathlib; from condafs.demo.channel import make_channel; make_channel(pathlib.Path(sys.argv[1]))"
ABOUT = "import os, sys; print(os.path.realpath(sys._base_executable)); print(sys.version_info >= (3, 11))"
IMPORTS = "import ssl, sqlite3, ctypes, bz2, lzma, zlib, hashlib, decimal, json, multiprocessing, asyncio"


def interpreters() -> list[str]:
    """Those that condafs can run on: the one that runs this, Debian's, and what the path, pyenv and uv offer."""
    names = ["/usr/bin/python3", *(f"python3.{minor}" for minor in range(11, 16))]
    pyenv = Path.home().glob(".pyenv/versions/3.*/bin/python3")
    uv = Path.home().glob(".local/share/uv/python/*/bin/python3")
    found: dict[str, str] = {}
    for program in filter(None, [sys.executable, *map(shutil.which, names), *map(str, sorted([*pyenv, *uv]))]):
        done = subprocess.run([program, "-c", ABOUT], capture_output=True, text=True, check=False)
        if not done.returncode and (lines := done.stdout.split("\n"))[1] == "True":
            found.setdefault(lines[0], program)
    return list(found.values())


def run(*command: str | Path) -> str:
    """Run a program away from the repository, with no variable that pythons look at; its output."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(command, cwd="/", env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.rstrip("\n")


def install(channel_url: str, prefix: Path, *specs: str) -> None:
    run(sys.executable, INSTALLING, channel_url, prefix, prefix.parent / "packages", *specs)


@pytest.fixture(scope="module", params=interpreters())
def prefix(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that the channel of one interpreter has, installed."""
    root = tmp_path_factory.mktemp("channel")
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([request.param, "-c", MAKE, root / "channel"], check=True, env=environ)
    records = [
        record
        for subdir in ("noarch", native_subdir())
        for record in json.loads((root / "channel" / subdir / "repodata.json").read_text())["packages.conda"].values()
    ]
    install((root / "channel").as_uri(), root / "env", *sorted({record["name"] for record in records}))
    return root / "env"


def minor_of(prefix: Path) -> str:
    return run(prefix / "bin/python", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")


def test_python_runs_from_its_new_place(prefix: Path) -> None:
    code = "import sys; print(sys.prefix, sys.base_prefix)"
    assert run(prefix / "bin/python3", "-c", code) == f"{prefix} {prefix}"


def test_it_loads_the_libpython_that_came_along(prefix: Path) -> None:
    linked = run("ldd", prefix / "bin/python")
    assert "libpython" not in linked or str(prefix) in linked


def test_the_standard_library_is_complete_enough_and_compiled(prefix: Path) -> None:
    cached = run(prefix / "bin/python", "-c", f"{IMPORTS}; print(json.__cached__)")
    assert cached.startswith(f"{prefix}/lib")
    assert Path(cached).read_bytes()[4:8] == b"\x01\0\0\0"


def test_packages_are_where_python_looks_for_them(prefix: Path) -> None:
    where = f"{prefix}/lib/python{minor_of(prefix)}/site-packages"
    code = "import sys, sysconfig, condafs_hello; print(sysconfig.get_path('purelib'), condafs_hello.__file__)"
    assert run(prefix / "bin/python", "-c", code) == f"{where} {where}/condafs_hello/__init__.py"


def test_its_configuration_names_the_new_place(prefix: Path) -> None:
    code = "import sysconfig; print(*(sysconfig.get_config_var(name) for name in ('prefix', 'LIBDEST')))"
    assert run(prefix / "bin/python", "-c", code) == f"{prefix} {prefix}/lib/python{minor_of(prefix)}"


def test_no_placeholder_is_left(prefix: Path) -> None:
    found = subprocess.run(
        ["grep", "-rl", "--exclude-dir=conda-meta", "/opt/condafs-placeholder_", prefix],
        capture_output=True,
        check=False,
    )
    assert found.stdout == b""


def test_entry_points_and_scripts_run(prefix: Path) -> None:
    assert run(prefix / "bin/condafs-hello") == "hello from condafs-hello 2.0"
    assert "pydoc" in run(prefix / "bin/pydoc3")


def test_pip_lists_checks_and_installs(prefix: Path, tmp_path: Path) -> None:
    if not (prefix / "bin/pip").exists():
        pytest.skip("this interpreter has no pip to make a package of")
    names = [package["name"].lower() for package in json.loads(run(prefix / "bin/pip", "list", "--format=json"))]
    assert {"pip", "condafs-hello"} <= set(names)
    assert "No broken requirements" in run(prefix / "bin/pip", "check")
    project = tmp_path / "wheel"
    project.mkdir()
    (project / "extra_module.py").write_text("VALUE = 1\n")
    wheel = make_wheel(project)
    run(prefix / "bin/pip", "install", "--no-index", "--no-deps", wheel)
    assert run(prefix / "bin/python", "-c", "import extra_module; print(extra_module.__file__)").startswith(
        f"{prefix}/"
    )


def make_wheel(folder: Path) -> Path:
    info = folder / "extra_module-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: extra-module\nVersion: 1\n")
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in [*files, "extra_module-1.dist-info/RECORD"]))
    archive = shutil.make_archive(str(folder.parent / "wheel-made"), "zip", folder)
    return Path(archive).rename(folder.parent / "extra_module-1-py3-none-any.whl")


def test_a_virtual_environment_can_be_made_on_top(prefix: Path, tmp_path: Path) -> None:
    run(prefix / "bin/python", "-m", "venv", "--without-pip", "--system-site-packages", tmp_path / "venv")
    code = "import sys, condafs_hello; print(sys.prefix, condafs_hello.__version__)"
    assert run(tmp_path / "venv/bin/python", "-c", code) == f"{tmp_path / 'venv'} 2.0"


def test_hello_was_uploaded_version_by_version_after_everything_else(channel_path: Path) -> None:
    uploaded: dict[str, dict[str, int]] = {}
    for subdir in ("noarch", native_subdir()):
        for record in json.loads((channel_path / subdir / "repodata.json").read_text())["packages.conda"].values():
            uploaded.setdefault(record["name"], {})[record["version"]] = record["timestamp"]
    hello = uploaded.pop("condafs-hello")
    assert hello["1.0"] < hello["1.1"] < hello["2.0"]
    assert max(max(versions.values()) for versions in uploaded.values()) < hello["1.0"]


def test_the_sound_edge_cases_can_be_installed_together(channel_url: str, tmp_path: Path) -> None:
    names = "postlink activate textprefix binprefix edgecases bigfile manyfiles noarch-data noarch-py uncompilable lib"
    install(channel_url, tmp_path / "env", "python", *(f"zz-{name}" for name in names.split()))
    assert run(tmp_path / "env/bin/zz-noarch-py") == "zz-noarch-py runs"
    assert run(tmp_path / "env/bin/zz-textprefix") == str(tmp_path / "env")
