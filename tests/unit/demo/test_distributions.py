"""What is installed beside the interpreter becomes packages, when it is for any machine."""

import zipfile
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import pytest

from condafs.demo.distributions import bundled_pip, pure_packages
from condafs.demo.package import Package

ANY = "py3-none-any"


def install(
    site: Path, name: str, *, tag: str = ANY, requires: tuple[str, ...] = (), files: tuple[str, ...] = ()
) -> Distribution:
    """Lay a distribution out as pip does."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: >=3.8\n{needs}"
    )
    (info / "WHEEL").write_text(f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
    (info / "INSTALLER").write_text("pip\n")
    (info / "entry_points.txt").write_text(f"[console_scripts]\n{name} = {name}.cli:main [extra]\n")
    own = [f"{info.name}/{part}" for part in ("METADATA", "WHEEL", "INSTALLER", "RECORD", "entry_points.txt")]
    listed = [f"{name}/__init__.py", f"{name}/__pycache__/__init__.cpython-311.pyc", f"../../../bin/{name}", *files]
    for path in (f"{name}/__init__.py", *files):
        if not path.startswith(".."):
            (site / path).parent.mkdir(exist_ok=True)
            (site / path).write_text("")
    (info / "RECORD").write_text("".join(f"{path},,\n" for path in listed + own))
    return PathDistribution(info)


def paths(package: Package) -> list[str]:
    return [file.path for file in package.files]


def test_a_pure_distribution_becomes_a_noarch_package(tmp_path: Path) -> None:
    (package,) = pure_packages([install(tmp_path, "alpha")])
    assert (package.name, package.version, package.noarch) == ("alpha", "1.0", "python")
    assert package.depends == ("python >=3.8",)
    assert package.entry_points == ("alpha = alpha.cli:main",)


def test_its_files_lie_below_site_packages_without_bytecode_and_programs(tmp_path: Path) -> None:
    (package,) = pure_packages([install(tmp_path, "alpha")])
    assert paths(package) == [
        "site-packages/alpha-1.0.dist-info/INSTALLER",
        "site-packages/alpha-1.0.dist-info/METADATA",
        "site-packages/alpha-1.0.dist-info/RECORD",
        "site-packages/alpha-1.0.dist-info/WHEEL",
        "site-packages/alpha-1.0.dist-info/entry_points.txt",
        "site-packages/alpha/__init__.py",
    ]


def test_conda_is_named_as_the_installer_and_the_record_lists_every_file(tmp_path: Path) -> None:
    (package,) = pure_packages([install(tmp_path, "alpha")])
    contents = {file.path.rpartition("/")[2]: file.read().decode() for file in package.files}
    assert contents["INSTALLER"] == "conda\n"
    assert len(contents["RECORD"].splitlines()) == len(package.files)


@pytest.mark.parametrize(
    "files",
    [("beta/_speed.so",), ("beta.pth",), ("../../../share/beta/data",), ("../../../../bin/../etc/beta",)],
)
def test_what_is_compiled_or_lies_elsewhere_is_left_out(tmp_path: Path, files: tuple[str, ...]) -> None:
    assert pure_packages([install(tmp_path, "beta", files=files)]) == []


def test_a_wheel_for_one_platform_is_left_out_even_if_it_calls_itself_pure(tmp_path: Path) -> None:
    assert pure_packages([install(tmp_path, "beta", tag="py3-none-linux_x86_64")]) == []


def test_what_was_not_installed_from_a_wheel_is_left_out(tmp_path: Path) -> None:
    distribution = install(tmp_path, "beta")
    (tmp_path / "beta-1.0.dist-info" / "WHEEL").unlink()
    assert pure_packages([distribution]) == []


def test_requirements_become_dependencies(tmp_path: Path) -> None:
    found = [install(tmp_path, "alpha", requires=("Beta>=1", "gamma; os_name == 'nt'")), install(tmp_path, "beta")]
    assert pure_packages(found)[0].depends == ("python >=3.8", "beta >=1")


def test_what_needs_something_that_is_not_there_is_left_out_and_so_is_what_needs_that(tmp_path: Path) -> None:
    found = [
        install(tmp_path, "alpha", requires=("beta",)),
        install(tmp_path, "beta", requires=("compiled-thing",)),
        install(tmp_path, "gamma"),
    ]
    assert [package.name for package in pure_packages(found)] == ["gamma"]


def test_the_first_on_the_path_hides_the_others(tmp_path: Path) -> None:
    found = [install(tmp_path / "1", "alpha"), install(tmp_path / "2", "alpha", files=("alpha/more.py",))]
    (package,) = pure_packages(found)
    assert "site-packages/alpha/more.py" not in paths(package)


def test_pip_is_taken_from_the_wheel_that_comes_with_the_interpreter(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "pip-23.0.1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("pip/__init__.py", "")
        wheel.writestr("pip-23.0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: pip\nVersion: 23.0.1\n")
        wheel.writestr("pip-23.0.1.dist-info/RECORD", "pip/__init__.py,,\n")
        wheel.writestr("pip-23.0.1.dist-info/entry_points.txt", "[console_scripts]\npip = pip._internal:main\n")
    pip = bundled_pip([tmp_path / "none", tmp_path])
    assert pip
    assert (pip.name, pip.version, pip.entry_points) == ("pip", "23.0.1", ("pip = pip._internal:main",))


def test_without_any_wheel_there_is_no_pip(tmp_path: Path) -> None:
    assert bundled_pip([tmp_path]) is None
