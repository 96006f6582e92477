"""What `condafs watch` refuses before it begins."""

from pathlib import Path

from tests.component.cli.conftest import Run


def test_it_has_to_be_said_what_to_watch(run: Run) -> None:
    outcome = run("watch")
    assert outcome.code == 2
    assert "condafs watch ." in outcome.err


def test_a_file_that_is_no_specification_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").touch()
    outcome = run("watch", str(tmp_path / "pyproject.toml"))
    assert outcome.code == 2
    assert "no specification" in outcome.err
