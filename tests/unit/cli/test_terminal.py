import pytest
from rich.text import Text

from condafs.cli.terminal import print_table


def test_columns_for_a_pipe_line_up_and_end_without_blanks(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(
        ("NAME", "SIZE", "REMARK"), [("環境", "1 B", ""), (Text("b", "red"), "100 B", "x" * 200)], right=("SIZE",)
    )
    assert capsys.readouterr().out.splitlines() == [
        "NAME   SIZE  REMARK",
        "環境    1 B",
        f"b     100 B  {'x' * 200}",
    ]


def test_a_narrow_terminal_keeps_every_column(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    print_table(("NAME", "BUILD", "REMARK"), [("a" * 20, "b" * 20, "one two three four")])
    out = capsys.readouterr().out
    assert "one two three four" in out
