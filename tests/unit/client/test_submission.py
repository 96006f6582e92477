"""Writing specifications, into a directory that stands for `.specs`."""

import errno
import os
from pathlib import Path

import pytest

from condafs.client import submission
from condafs.client.envs import Envs
from condafs.client.submission import parse_here, parse_or_refuse, replace_specification, write_specification
from condafs.errors import ForbiddenError, InvalidNameError, QuotaError, SpecificationError, UserError

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


def test_a_quota_that_is_used_up_is_told_in_the_mounts_words(tmp_path: Path, specs: Path) -> None:
    full = OSError(errno.EDQUOT, "Disk quota exceeded")
    untold = submission._translated(full, specs / "foo.yaml")
    assert isinstance(untold, QuotaError)
    assert "a quota is used up" in str(untold)
    (tmp_path / ".status/.quota").mkdir(parents=True)
    (tmp_path / f".status/.quota/{os.geteuid()}").write_text('used_up: "you have 2 of 2"\n')
    assert "foo.yaml: you have 2 of 2" in str(submission._translated(full, specs / "foo.yaml"))
    (specs / "foo.yaml.error").write_text("foo.yaml: you have 5 of 5\n")
    assert str(submission._translated(full, specs / "foo.yaml")) == "foo.yaml: you have 5 of 5\n"


def test_what_belongs_to_others_is_told_apart(specs: Path) -> None:
    forbidden = PermissionError(errno.EPERM, "Operation not permitted")
    told = submission._translated(forbidden, specs / "foo.yaml")
    assert isinstance(told, ForbiddenError)
    assert "what it describes belongs to somebody else" in str(told)
    (specs / "foo.yaml").touch()
    (specs / "foo.yaml.error").write_text("foo.yaml: the name foo belongs to ann\n")
    assert "belongs to ann" in str(submission._translated(forbidden, specs / "foo.yaml"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_somebody_else_is_told_with_its_owner(specs: Path) -> None:
    (specs / "foo.yaml").touch()
    os.chown(specs / "foo.yaml", 3_999_999_999, 0)
    told = submission._translated(PermissionError(errno.EACCES, "Permission denied"), specs / "foo.yaml")
    assert "it belongs to 3999999999" in str(told)


@pytest.mark.parametrize(("mode", "words"), [(0o755, "only root may"), (0o3775, "members of the group root may")])
def test_who_may_not_write_at_all_hears_who_may(
    specs: Path, monkeypatch: pytest.MonkeyPatch, mode: int, words: str
) -> None:
    refused = PermissionError(errno.EACCES, "Permission denied")
    assert submission._translated(refused, specs / "foo.yaml") is refused, "it is something else"
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(submission, "user_text", lambda _: "root")
    monkeypatch.setattr(submission, "group_text", lambda _: "root")
    specs.chmod(mode)
    assert words in str(submission._translated(refused, specs / "foo.yaml"))


def test_writing_into_a_file_keeps_it(specs: Path) -> None:
    """Root may not open other people's files with O_CREAT in a sticky directory, where the kernel is strict."""
    (specs / "foo.yaml").write_text("something that is longer than what comes")
    before = (specs / "foo.yaml").stat().st_ino
    write_specification(Envs(specs.parent), "foo.yaml", TEXT)
    assert (specs / "foo.yaml").read_bytes() == TEXT
    assert (specs / "foo.yaml").stat().st_ino == before
    write_specification(Envs(specs.parent), "new.yaml", TEXT)
    assert (specs / "new.yaml").read_bytes() == TEXT
