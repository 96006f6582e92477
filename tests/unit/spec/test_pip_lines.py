"""Lines of a pip list."""

import pytest

from tests.unit.spec.asked import assert_refused, read, refusal

LIST = "dependencies:\n  - pip:\n    - "


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        (
            "-r requirements.txt",
            7,
            "-r reads a file beside this one, and there is no beside",
            "write the lines of requirements.txt into the list",
        ),
        (
            "-cconstraints.txt",
            7,
            "-c reads a file beside this one, and there is no beside",
            "write the lines of constraints.txt into the list",
        ),
        (
            "-e .",
            7,
            "'.' is a path beside this file, and there is no beside",
            "write an absolute path, or the repository's URL as in git+https://host/project",
        ),
        (
            "./pkg",
            7,
            "'./pkg' is a path beside this file, and there is no beside",
            "write an absolute path, or the repository's URL as in git+https://host/project",
        ),
        ("requests=2.0", 15, "'=' is conda's; pip compares with '=='", "write requests==2.0"),
        ("requests=>2.0", 15, "there is no operator '=>'", "write >="),
        ("pip install requests", 7, "a command where a requirement should be", "write requests"),
        (
            "--upgrade",
            7,
            "'--upgrade' is no option of a requirements file",
            "pip allows options about indexes, links and binaries in lists",
        ),
        (
            "--extra-index=https://x.org",
            7,
            "'--extra-index' is no option of a requirements file",
            "did you mean --extra-index-url?",
        ),
        ("requests numpy", 16, "'numpy' cannot follow a requirement", "one requirement a line, as in requests>=2.31"),
        (
            "|\n      requests\n      numpy",
            7,
            "several lines in one item",
            "begin each with a dash and a blank of its own",
        ),
        ("'?x'", 8, "'?x' is nothing that pip can install", "as in requests>=2.31"),
        ("requests >=", 16, "'>=' is no version for pip", "the operators are == != <= >= < > ~= ==="),
        (
            "--index-url=https://***@x.org/simple",
            27,
            "the credentials of this URL are masked",
            "put them back for '***'",
        ),
        (
            "--find-links wheels",
            7,
            "'wheels' is a path beside this file, and there is no beside",
            "write an absolute path, or the repository's URL as in git+https://host/project",
        ),
        (
            "wheels/a.whl",
            7,
            "'wheels/a.whl' is a path beside this file, and there is no beside",
            "write an absolute path, or the repository's URL as in git+https://host/project",
        ),
        ("'# requests'", 8, "an empty line for pip", "remove it or write a requirement"),
        (
            "-c https://x.org/limits.txt",
            7,
            "-c reads a file elsewhere, which may change",
            "write the lines of https://x.org/limits.txt into the list",
        ),
        (
            "requests==2.31.0 \\",
            24,
            "a line for pip cannot go on in the next item",
            "remove the backslash, and write what follows into the same item",
        ),
    ],
)
def test_what_pip_could_not_install_is_refused(text: str, column: int, message: str, hint: str | None) -> None:
    assert_refused(LIST + text, f"3:{column}", message, hint)


@pytest.mark.parametrize(
    "line",
    [
        "requests",
        "requests==2.31",
        "requests >= 2.31, < 3",
        "requests[socks]~=2.31 ; python_version < '3.13'",
        "requests (>=2)",
        "requests===2.31",
        "pkg @ https://host.org/pkg-1-py3-none-any.whl#sha256=00",
        "git+https://host.org/a/b.git@main#egg=b",
        "git+ssh://git@host.org/a/b.git",
        "https://joe:secret@host.org/b.tar.gz",
        "-e git+https://host.org/a/b#egg=b",
        "--editable=git+https://host.org/a/b#egg=b",
        "-ehttps://host.org/b.tar.gz",
        "--index-url https://host.org/simple",
        "-i https://host.org/simple",
        "--extra-index-url=https://host.org/simple",
        "--find-links https://host.org/wheels",
        "-f /srv/wheels",
        "--no-binary :all:",
        "--pre",
        "--trusted-host host.org",
        "/srv/wheels/b-1-py3-none-any.whl",
        "file:///srv/wheels/b-1-py3-none-any.whl",
        "requests==2.31 --hash=sha256:00",
    ],
)
def test_a_line_that_pip_understands_is_kept_as_written(line: str) -> None:
    assert read(LIST + f'"{line}"').pip == (line,)


def test_comments_and_blanks_around_a_line_do_not_count() -> None:
    assert read(LIST + "'  requests ==2 # why'").pip == ("requests ==2",)


@pytest.mark.parametrize("end", ["\\r", "\\v", "\\f", "\\x1c", "\\x85", "\\u2028", "\\u2029"])
def test_nothing_that_pip_takes_for_the_end_of_a_line_hides_another_line(end: str) -> None:
    text = f'{LIST}"six>=1{end}-r /etc/passwd"'
    assert refusal(text).message == "several lines in one item"


def test_a_control_character_is_no_part_of_a_line() -> None:
    assert refusal(LIST + '"six>=1\\0"').message == "a control character in a line for pip"
