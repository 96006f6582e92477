"""What pip's end and pip's report are taken for."""

import json
from pathlib import Path

import pytest

from condafs.builder.pip import Distribution, _failure, _has_report, _read_report
from condafs.builder.programs import Ended
from condafs.builder.protocol import FailureKind


@pytest.mark.parametrize(
    ("tail", "kind"),
    [
        ("ERROR: No matching distribution found for nope", FailureKind.PIP),
        (
            (
                "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError'\n"
                "ERROR: No matching distribution found for requests"
            ),
            FailureKind.NETWORK,
        ),
        ("ERROR: [Errno 28] No space left on device", FailureKind.DISK_FULL),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", FailureKind.CHECKSUM),
        ("error: subprocess-exited-with-error\nBuilding wheel for x did not run successfully.", FailureKind.PIP),
    ],
)
def test_pips_last_words_tell_whether_waiting_helps(tail: str, kind: FailureKind) -> None:
    error = _failure(Ended(1, tail))
    assert error.kind is kind
    assert tail in error.message


def test_credentials_in_pips_last_words_are_masked() -> None:
    assert "secret" not in _failure(Ended(1, "ERROR: 404 for https://user:secret@index.invalid/simple")).message


@pytest.mark.parametrize(("version", "has"), [("22.1.2", False), ("22.2", True), ("26.3", True), ("9.0.1", False)])
def test_a_report_is_asked_for_where_pip_knows_it(tmp_path: Path, version: str, *, has: bool) -> None:
    (tmp_path / f"lib/python3.12/site-packages/pip-{version}.dist-info").mkdir(parents=True)
    assert _has_report(tmp_path) is has


def test_a_report_becomes_names_versions_and_places(tmp_path: Path) -> None:
    install = [
        {
            "metadata": {"name": "six", "version": "1.16"},
            "download_info": {
                "url": "https://u:p@index.invalid/six-1.16.whl",
                "archive_info": {"hashes": {"sha256": "ab"}},
            },
        },
        {
            "metadata": {"name": "own", "version": "0.1"},
            "download_info": {"url": "https://git.invalid/own", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
        },
    ]
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"install": install}))
    assert _read_report(report) == [
        Distribution("six", "1.16", "https://***@index.invalid/six-1.16.whl#sha256=ab"),
        Distribution("own", "0.1", "git+https://git.invalid/own@c0ffee"),
    ]


def test_without_a_report_nothing_is_known(tmp_path: Path) -> None:
    assert _read_report(tmp_path / "none.json") == []
