"""The list of sums: sha256sum's own format, whatever the names."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.prefix.sums import format_sums, hash_file, parse_sums

NAMES = (
    st.binary(min_size=1, max_size=12)
    .filter(lambda name: b"\0" not in name)
    .map(lambda n: n.decode("utf-8", "surrogateescape"))
)
DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(st.dictionaries(NAMES, DIGESTS))
def test_what_is_written_is_read_back(sums: dict[str, str]) -> None:
    assert parse_sums(format_sums(sums)) == sums


def test_a_list_that_ends_in_the_middle_is_refused() -> None:
    text = format_sums({"a": "0" * 64, "b": "1" * 64})
    with pytest.raises(ValueError, match="middle"):
        parse_sums(text[:-3])


def test_a_line_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="no sum"):
        parse_sums(b"0" * 63 + b"g  a\n")


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1, max_size=8), max_size=5))
def test_sha256sum_reads_it(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    directory = tmp_path_factory.mktemp("sums")
    for name in names - {".", ".."}:
        (directory / f"f{name}").write_text(name)
    sums = {path.name: hash_file(str(path)) for path in directory.iterdir()}
    if sums:
        done = subprocess.run(
            ["sha256sum", "-c", "-"], input=format_sums(sums), cwd=directory, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(FileNotFoundError):
        hash_file(str(tmp_path / "link"))
