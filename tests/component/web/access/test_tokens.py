"""The file of tokens: shared by processes, and never half."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from condafs.errors import ConflictError, DiskFullError, InvalidNameError, MachineError, NotFoundError
from condafs.web.access.roles import Role
from condafs.web.access.tokens import REMEMBERED_SECONDS, TokenStore, hash_of

NOW = 1000.0

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "http"


@pytest.fixture
def store(directory: Path) -> TokenStore:
    return TokenStore(directory)


def names(store: TokenStore) -> list[str]:
    return [token.name for token in store.tokens()]


def test_a_token_is_known_by_its_secret_and_kept_as_its_hash(store: TokenStore, directory: Path) -> None:
    secret = store.create("ci", Role.EDITOR, NOW)
    found = store.find(secret, NOW)
    assert found is not None
    assert (found.name, found.role, found.expires) == ("ci", Role.EDITOR, 0)
    assert store.find(secret + "x", NOW) is None
    content = (directory / "tokens.json").read_text()
    assert secret not in content
    assert hash_of(secret) in content


def test_a_token_ends_on_time(store: TokenStore) -> None:
    secret = store.create("ci", Role.EDITOR, NOW, NOW + 5)
    assert store.find(secret, NOW + 4.9)
    assert store.find(secret, NOW + 5) is None
    assert names(store) == ["ci"]


def test_another_process_sees_at_once_what_was_made_and_what_was_revoked(store: TokenStore, directory: Path) -> None:
    other = TokenStore(directory)
    assert other.tokens() == []
    for number in range(20):
        secret = store.create("ci", Role.EDITOR, NOW + number)
        assert other.find(secret, NOW)
        store.revoke("ci")
        assert other.find(secret, NOW) is None


def test_names_are_given_once_and_only_known_ones_are_revoked(store: TokenStore) -> None:
    store.create("ci", Role.EDITOR, NOW)
    with pytest.raises(ConflictError, match="called ci already"):
        store.create("ci", Role.VIEWER, NOW)
    with pytest.raises(NotFoundError, match="no token called bob; there is ci"):
        store.revoke("bob")
    with pytest.raises(InvalidNameError, match="cannot name a token"):
        store.create("a/b", Role.VIEWER, NOW)
    assert names(store) == ["ci"]


CREATE = """
import sys
from pathlib import Path
from condafs.web.access.roles import Role
from condafs.web.access.tokens import FILE, PREFIX, REMEMBERED_SECONDS, Token, TokenStore, hash_of
sys.stdin.readline()
for number in range(15):
    TokenStore(Path(sys.argv[1])).create(f"{sys.argv[2]}-{number}", Role.EDITOR, 1)
"""


def test_processes_that_make_tokens_at_once_lose_none(directory: Path, store: TokenStore) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", CREATE, str(directory), name], stdin=subprocess.PIPE)
        for name in ("a", "b")
    ]
    for process in processes:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert sorted(names(store)) == sorted(f"{name}-{number}" for name in "ab" for number in range(15))


def test_nobody_else_may_read_any_of_it(store: TokenStore, directory: Path) -> None:
    before = os.umask(0)
    try:
        store.create("ci", Role.EDITOR, NOW)
    finally:
        os.umask(before)
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.name: path.stat().st_mode & 0o777 for path in directory.iterdir()} == {
        "tokens.json": 0o600,
        "tokens.lock": 0o600,
    }


@as_root
def test_what_root_makes_belongs_to_the_server(store: TokenStore, directory: Path) -> None:
    directory.mkdir()
    os.chown(directory, 12345, 23456)
    store.create("ci", Role.EDITOR, NOW)
    store.create("other", Role.EDITOR, NOW)
    assert {(path.stat().st_uid, path.stat().st_gid) for path in directory.iterdir()} == {(12345, 23456)}


@pytest.mark.parametrize("name", ["tokens.lock", "tokens.new"])
def test_no_link_leads_a_writer_elsewhere(store: TokenStore, directory: Path, tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    directory.mkdir()
    (directory / name).symlink_to(victim)
    with suppress(MachineError):
        store.create("ci", Role.EDITOR, NOW)
    assert victim.read_text() == "precious"
    assert not (directory / "tokens.json").is_symlink()


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "7",
        "{}",
        '{"tokens": 7}',
        '{"tokens": [7]}',
        '{"tokens": [{"name": "a"}]}',
        '{"tokens": [{"name": "a", "role": "king", "sha256": "x", "created": 1}]}',
        '{"tokens": [{"name": "a", "role": [], "sha256": "x", "created": 1}]}',
        '{"tokens": [{"name": "a", "role": "editor", "sha256": [], "created": 1}]}',
        '{"tokens": [{"name": 1, "role": "editor", "sha256": "x", "created": 1}]}',
        '{"tokens": [{"name": "a", "role": "editor", "sha256": "x", "created": 1, "expires": "soon"}]}',
        '{"tokens": [{"name": "a", "role": "editor", "sha256": "x", "created": 1, "expires": null}]}',
        '{"tokens": [{"name": "a", "role": "editor", "sha256": "x", "created": 1, "more": 1}]}',
        "[" * 100_000,
        "\udcff",
    ],
)
def test_a_damaged_file_is_told_and_nobody_gets_in(store: TokenStore, directory: Path, content: str) -> None:
    secret = store.create("ci", Role.EDITOR, NOW)
    assert store.find(secret, NOW)
    damaged = content.encode(errors="surrogateescape")
    (directory / "tokens.json").write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(MachineError, match="is damaged"):
            store.find(secret, NOW)
        with pytest.raises(MachineError, match="is damaged"):
            store.create("other", Role.ADMIN, NOW)
    assert (directory / "tokens.json").read_bytes() == damaged


def test_a_file_that_was_removed_ends_all_tokens(store: TokenStore, directory: Path) -> None:
    secret = store.create("ci", Role.EDITOR, NOW)
    assert store.find(secret, NOW)
    (directory / "tokens.json").unlink()
    assert store.find(secret, NOW) is None
    assert store.tokens() == []


def test_a_file_that_cannot_be_read_is_told(store: TokenStore, directory: Path) -> None:
    (directory / "tokens.json").mkdir(parents=True)
    with pytest.raises(MachineError, match="cannot be read: Is a directory"):
        store.tokens()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = TokenStore(tmp_path / "file/http")
    with pytest.raises(MachineError, match="Not a directory"):
        store.create("ci", Role.EDITOR, NOW)


@contextmanager
def small_files(size_bytes: int) -> Iterator[None]:
    """No file of this process grows beyond that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_tokens_stay_as_they_were_when_there_is_no_room_for_more(store: TokenStore, directory: Path) -> None:
    secret = store.create("ci", Role.EDITOR, NOW)
    with small_files(100), pytest.raises(MachineError, match="cannot be written"):
        store.create("other", Role.EDITOR, NOW)
    assert names(TokenStore(directory)) == ["ci"]
    assert store.find(secret, NOW)
    store.create("later", Role.EDITOR, NOW)
    assert names(store) == ["ci", "later"]


def create_many(store: TokenStore) -> None:
    for number in range(100):
        store.create(f"other-{number}", Role.EDITOR, NOW)


@as_root
def test_a_full_disk_is_called_by_its_name(tmp_path: Path) -> None:
    mount = tmp_path / "small"
    mount.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", mount], check=True)
    try:
        store = TokenStore(mount)
        store.create("ci", Role.EDITOR, NOW)
        (mount / "filler").write_bytes(bytes(4096))
        with pytest.raises(DiskFullError, match="cannot be written: No space left on device"):
            create_many(store)
        assert names(TokenStore(mount))[0] == "ci"
        json.loads((mount / "tokens.json").read_bytes())
    finally:
        subprocess.run(["umount", mount], check=True)


def test_a_token_that_was_made_from_another_ends_with_it(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    first = store.create("ann", Role.EDITOR, 0)
    second = store.create("ann.1", Role.VIEWER, 0, parent=hash_of(first))
    third = store.create("ann.2", Role.VIEWER, 0, parent=hash_of(second))
    assert store.find(third, 1)
    store.revoke("ann")
    assert store.find(second, 1) is None
    assert store.find(third, 1) is None


def test_what_ended_long_ago_is_forgotten(tmp_path: Path) -> None:
    store = TokenStore(tmp_path)
    store.create("old", Role.EDITOR, 0, expires=10)
    store.create("new", Role.EDITOR, 11)
    assert [token.name for token in store.tokens()] == ["new", "old"]
    store.create("newer", Role.EDITOR, 11 + REMEMBERED_SECONDS)
    assert [token.name for token in store.tokens()] == ["new", "newer"]
