"""What linking generates, as it would be anywhere and at any time."""

import json

import pytest

from condafs.export.generated import PLACEHOLDER, entry_point, history, package_document, wheel_record

BODY = b"# -*- coding: utf-8 -*-\nimport sys\n"


@pytest.mark.parametrize(
    "first",
    [
        b"#!/state/builds/x-foo/bin/python3.12\n",
        b"#!/bin/sh\n'''exec' \"/a very long/place/bin/python3.12\" \"$0\" \"$@\" #'''\n",
    ],
)
def test_an_entry_point_names_the_interpreter_below_the_placeholder(first: bytes) -> None:
    assert entry_point(first + BODY) == f"#!{PLACEHOLDER}/bin/python3.12\n".encode() + BODY


def test_the_placeholder_is_as_long_as_a_prefix_may_be_and_is_quoted_by_shells() -> None:
    from shlex import quote  # noqa: PLC0415 - what the activation scripts use

    assert len(PLACEHOLDER) == 255
    assert quote(PLACEHOLDER) == f"'{PLACEHOLDER}'"


def test_history_tells_neither_the_moment_nor_the_build() -> None:
    text = b"==> 2026-11-26 23:01:16 <==\n# cmd: condafs build 971a-ds\n+c/linux-64::a-1-0\n# update specs: []\n"
    made = history(text, "2001-01-01 00:00:00")
    assert made == b"==> 2001-01-01 00:00:00 <==\n# cmd: condafs build\n+c/linux-64::a-1-0\n# update specs: []\n"


def test_a_wheels_record_says_nothing_of_files_that_hold_a_prefix() -> None:
    text = b'zz.py,sha256=abc,10\r\n../../../bin/zz,sha256=def,200\r\n"odd, name",sha256=x,1\r\n'
    made = wheel_record(text, frozenset({"bin/zz"}), "lib/python3.12/site-packages")
    assert made == b'../../../bin/zz,,\n"odd, name",sha256=x,1\nzz.py,sha256=abc,10\n'


def test_a_package_document_holds_nothing_of_the_machine() -> None:
    paths = [
        {"_path": "bin/zz", "path_type": "unix_python_entry_point", "sha256": "1", "size_in_bytes": 3},
        {"_path": "__clobbers__/zz/b", "original_path": "b", "path_type": "hardlink", "sha256": "2"},
        {"_path": "a", "path_type": "hardlink", "sha256": "3", "sha256_in_prefix": "4", "size_in_bytes": 5},
    ]
    record = {
        "name": "zz",
        "link": {"source": "/x"},
        "extracted_package_dir": "/x",
        "requested_specs": ["zz"],
        "files": ["bin/zz"],
        "paths_data": {"paths_version": 1, "paths": paths},
    }
    apart = json.loads(package_document(record, {"bin/zz", "a"}, is_apart=True))  # type: ignore[arg-type]
    assert apart == {
        "name": "zz",
        "files": ["a", "b", "bin/zz"],
        "paths_data": {
            "paths_version": 1,
            "paths": [
                {"_path": "a", "path_type": "hardlink", "sha256": "3"},
                {"_path": "b", "path_type": "hardlink", "sha256": "2"},
                {"_path": "bin/zz", "path_type": "unix_python_entry_point"},
            ],
        },
    }
    together = json.loads(package_document(record, set(), is_apart=False))  # type: ignore[arg-type]
    assert together["files"][0] == "__clobbers__/zz/b"
    assert "original_path" in together["paths_data"]["paths"][0]
