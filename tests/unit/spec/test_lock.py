"""rattler's lock files."""

import pytest

from condafs.spec import LockedPackage
from tests.unit.spec.asked import assert_refused, read

ENVIRONMENT = "version: 6\nenvironments:\n  a:\n    packages:\n      linux-64:\n"


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            '[[package]]\nname = "x"\n',
            "1:1",
            "this is no lock that is known here",
            "locks of rattler and pixi are, and @EXPLICIT lists; conda-lock renders those with --kind explicit",
        ),
        (
            "version: 4\nenvironments: {}\npackages: []\n",
            "1:10",
            "a lock of version 4; 6 and 7 are read",
            "make the lock anew with a current pixi",
        ),
        (
            "version: 9\nenvironments: {}\npackages: []\n",
            "1:10",
            "a lock of version 9; 6 and 7 are read",
            "condafs is older than this lock",
        ),
        (
            "version: 6\nenvironments:\n  default:\n    packages:\n      osx-64: []\npackages: []\n",
            "5:7",
            "the lock is for osx-64, and this machine is linux-64",
            "add linux-64 to the platforms and lock again",
        ),
        (
            "version: 6\nenvironments:\n  a: {}\n  b: {}\npackages: []\n",
            "3:3",
            "the lock has the environments a, b, and none is called default",
            "copy a lock with one environment",
        ),
        (
            "version: 6\nenvironments:\n  a: []\npackages: []\n",
            "3:6",
            "'a' is a mapping in a lock, not a list",
            "make the lock anew",
        ),
        (
            "version: 7\nenvironments:\n  a:\n    packages:\n      linux-64: [{conda_source: x}]\npackages: []\n",
            "5:19",
            "there is no kind of package 'conda_source'",
            "packages that are built from source are not supported: put them into a channel",
        ),
        (
            "version: 1\nmetadata: {}\npackage: []\n",
            "1:1",
            "this is no lock that is known here",
            "locks of rattler and pixi are, and @EXPLICIT lists; conda-lock renders those with --kind explicit",
        ),
    ],
)
def test_what_is_no_lock_for_this_machine_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint, "foo.lock")


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "      - conda: https://host.org/a/noarch/b-1-0.conda\npackages: []\n",
            "6:16",
            "the lock does not describe this package under 'packages'",
            "make the lock anew",
        ),
        (
            "      - conda: .\npackages:\n- conda: .\n",
            "6:16",
            "a package that lies beside the lock, or is built from source",
            "nothing lies beside a specification: put the package into a channel",
        ),
        (
            "      - pypi: ./\npackages:\n- pypi: ./\n  name: x\n",
            "6:15",
            "'./' lies beside the lock",
            "nothing lies beside a specification: leave the project itself out of the environment that is locked",
        ),
        (
            "      - pypi: https://host.org/x.whl\npackages:\n- pypi: https://host.org/x.whl\n",
            "8:3",
            "'' is no name of a package of PyPI",
            "make the lock anew",
        ),
        (
            "      - pypi: https://host.org/x.whl\npackages:\n- pypi: https://host.org/x.whl\n  name: x\n",
            "1:1",
            "the lock has packages of PyPI, but no pip to install them with",
            "add pip to what is locked, for example with `pixi add pip`",
        ),
        (
            "      - conda: https://host.org/a/osx-64/b-1-0.conda\npackages:\n- conda: https://host.org/a/osx-64/b-1-0.conda\n",
            "6:16",
            "a package for osx-64, and this machine is linux-64",
            "make the lock anew",
        ),
        ("      - b\npackages: []\n", "6:9", "a package of a lock is a mapping, not a text", "make the lock anew"),
        (
            "      - conda: /a/noarch/b-1-0.conda\npackages:\n- conda: /a/noarch/b-1-0.conda\n  md5: 12\n",
            "9:8",
            "an md5 has 32 hex digits, not '12'",
            "copy it again",
        ),
        (
            "      - conda: https://***@host.org/a/noarch/b-1-0.conda\npackages:\n- conda: https://***@host.org/a/noarch/b-1-0.conda\n",
            "6:24",
            "the credentials of this URL are masked",
            "put them back for '***'",
        ),
    ],
)
def test_a_package_that_cannot_be_installed_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(ENVIRONMENT + text, place, message, hint, "foo.lock")


SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
MD5 = "d41d8cd98f00b204e9800998ecf8427e"
COMMIT = "0123456789012345678901234567890123456789"
LOCK = f"""\
version: 6
environments:
  default:
    channels:
    - url: https://host.org/a/
    indexes:
    - https://host.org/simple
    packages:
      linux-64:
      - conda: https://host.org/a/linux-64/python-3.12.1-h1_0_cpython.conda
      - conda: /srv/channel/noarch/pip-24.0-py_0.conda
      - pypi: https://host.org/requests-2.32.3-py3-none-any.whl
      - pypi: git+https://host.org/b/c?subdirectory=d&rev=main#{COMMIT}
      - pypi: git+https://host.org/b/e?tag=v1
      osx-arm64: []
  test: {{}}
packages:
- conda: https://host.org/a/linux-64/python-3.12.1-h1_0_cpython.conda
  sha256: {SHA256}
  md5: {MD5}
  depends:
  - tzdata
  license: Python-2.0
  size: 1
- conda: /srv/channel/noarch/pip-24.0-py_0.conda
  md5: {MD5}
- conda: https://host.org/a/osx-64/python-3.12.1-h1_0_cpython.conda
  sha256: {SHA256}
- pypi: https://host.org/requests-2.32.3-py3-none-any.whl
  name: requests
  version: 2.32.3
  sha256: {SHA256}
  requires_dist:
  - idna>=2.5,<4
- pypi: git+https://host.org/b/c?subdirectory=d&rev=main#{COMMIT}
  name: c
  version: '1.0'
- pypi: git+https://host.org/b/e?tag=v1
  name: e
"""


def test_the_default_environment_of_this_platform_is_read() -> None:
    specification = read(LOCK, "foo.lock")
    assert specification.name.text == "foo"
    assert specification.dependencies == ()
    assert specification.packages == (
        LockedPackage("file:///srv/channel/noarch/pip-24.0-py_0.conda", md5=MD5),
        LockedPackage("https://host.org/a/linux-64/python-3.12.1-h1_0_cpython.conda", SHA256, MD5),
    )


def test_packages_of_pypi_become_lines_for_pip() -> None:
    assert read(LOCK, "foo.lock").pip == (
        f"c @ git+https://host.org/b/c@{COMMIT}#subdirectory=d",
        "e @ git+https://host.org/b/e@v1",
        f"requests @ https://host.org/requests-2.32.3-py3-none-any.whl#sha256={SHA256}",
    )


def test_what_only_describes_the_packages_does_not_count() -> None:
    other = LOCK.replace("Python-2.0", "MIT").replace("host.org/simple", "host.org/other").replace("size: 1", "size: 2")
    assert read(other, "foo.lock") == read(LOCK, "foo.lock")


def test_the_only_environment_is_read_whatever_its_name() -> None:
    other = LOCK.replace("  default:", "  py312:").replace("  test: {}\n", "")
    assert read(other, "foo.lock") == read(LOCK, "foo.lock")


def test_version_7_is_read_alike() -> None:
    other = LOCK.replace("version: 6", "version: 7\nplatforms:\n- name: linux-64")
    assert read(other, "foo.lock") == read(LOCK, "foo.lock")


def test_a_platform_with_a_name_of_its_own_is_found_by_its_subdir() -> None:
    special = "version: 7\nplatforms:\n- name: gpu\n  subdir: linux-64\n- name: osx-arm64"
    other = LOCK.replace("version: 6", special).replace("      linux-64:", "      gpu:")
    assert read(other, "foo.lock") == read(LOCK, "foo.lock")


def test_two_machines_of_one_platform_are_refused() -> None:
    text = """\
version: 7
platforms:
- {name: gpu, subdir: linux-64}
- {name: big, subdir: linux-64}
environments:
  default:
    packages:
      gpu: []
      big: []
"""
    assert_refused(text, "8:7", "the lock has gpu and big for linux-64", "copy a lock with one of them", "foo.lock")
