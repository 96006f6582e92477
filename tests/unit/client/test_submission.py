"""Writing specifications, into a directory that stands for `.specs`."""

import errno
import os
from pathlib import Path

import pytest

from condafs.client import submission
from condafs.client.envs import Envs
from condafs.client.submission import parse_here, parse_or_refuse, replace_specification, write_specification
from condafs.errors import InvalidNameError, SpecificationError, UserError

TEXT = b"dependencies: [python]\n"


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    specs = tmp_path / ".specs"
    specs.mkdir()
    return specs


@pytest.mark.parametrize("behalf", ["", "ci"])
def test_a_file_is_there_as_a_whole_and_nothing_beside_it(specs: Path, behalf: str) -> None:
    replace_specification(specs / "foo.yaml", TEXT, behalf)
    assert os.listdir(specs) == ["foo.yaml"]
    assert (specs / "foo.yaml").read_bytes() == TEXT


def test_a_file_that_is_replaced_keeps_its_mode(specs: Path) -> None:
    (specs / "foo.yaml").touch(mode=0o600)
    replace_specification(specs / "foo.yaml", TEXT, "ci")
    assert (specs / "foo.yaml").stat().st_mode & 0o7777 == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_root_leaves_a_file_to_its_owner(specs: Path) -> None:
    (specs / "foo.yaml").touch()
    os.chown(specs / "foo.yaml", 12345, 23456)
    replace_specification(specs / "foo.yaml", TEXT)
    found = (specs / "foo.yaml").stat()
    assert (found.st_uid, found.st_gid) == (12345, 23456)


def test_what_cannot_be_put_into_place_leaves_nothing(specs: Path) -> None:
    (specs / "foo.yaml").mkdir()
    with pytest.raises(IsADirectoryError):
        replace_specification(specs / "foo.yaml", TEXT, "ci")
    assert os.listdir(specs) == ["foo.yaml"]


def test_nobody_writes_under_what_is_no_label(specs: Path) -> None:
    with pytest.raises(InvalidNameError):
        replace_specification(specs / "foo.yaml", TEXT, "../ci")
    assert os.listdir(specs) == []


def test_a_refusal_of_the_mount_is_told_in_its_words(specs: Path) -> None:
    (specs / "foo.yaml.error").write_text("foo.yaml:1:1: nonsense\n")
    told = submission._translated(OSError(errno.EINVAL, "Invalid argument"), specs / "foo.yaml")
    assert isinstance(told, UserError)
    assert str(told) == "foo.yaml:1:1: nonsense\n"
    untold = submission._translated(OSError(errno.EBADMSG, "Bad message"), specs / "bar.yaml")
    assert "bar.yaml: the specification is refused" in str(untold)


def test_other_troubles_stay_what_they_are(specs: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_specification(Envs(specs / "gone"), "foo.yaml", TEXT)


def test_a_blank_file_describes_nothing() -> None:
    assert parse_here(b" \n# note\n", "foo.yaml") is None
    with pytest.raises(UserError, match="describes no environment"):
        parse_or_refuse(b"", "foo.yaml", "foo.yaml")


@pytest.mark.parametrize("name", ["foo", ".foo.yaml", "foo.yaml~", "-.yaml"])
def test_a_file_that_is_no_specification_by_its_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match="is no specification"):
        parse_here(TEXT, name)


def test_what_is_wrong_has_its_place_and_a_caret() -> None:
    with pytest.raises(SpecificationError):
        parse_here(b"dependencies: [python >=]\n", "foo.yaml")
    with pytest.raises(UserError, match=r"here.yaml:1:23(.|\n)*\^"):
        parse_or_refuse(b"dependencies: [python >=]\n", "foo.yaml", "here.yaml")
