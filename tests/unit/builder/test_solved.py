"""Requests and answers of the solver, as lines."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.builder.protocol import Failed, FailureKind
from condafs.builder.solved import SolvedPackage, SolveRequest, decode_answer, encode_failure, encode_packages

PACKAGE = SolvedPackage("numpy", "1.2", "py_0", 0, "https://host/c/", "noarch", depends=("python >=3.11",))
PACKAGES = st.builds(
    SolvedPackage,
    *[st.text()] * 3,
    build_number=st.integers(),
    size_bytes=st.integers(min_value=0),
    depends=st.lists(st.text()).map(tuple),
)


def test_a_request_comes_back_as_it_was() -> None:
    request = SolveRequest('{"name":"é"}', "/cache", ("a", "https://host/b"), "https://host", 1)
    assert SolveRequest.decode(request.encode()) == request
    assert request.encode().count(b"\n") == 1


@given(st.lists(PACKAGES).map(tuple))
def test_packages_come_back_as_they_were_on_one_line(packages: tuple[SolvedPackage, ...]) -> None:
    line = encode_packages(packages)
    assert decode_answer(line) == packages
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("kind", FailureKind)
def test_a_failure_comes_back_as_it_was(kind: FailureKind) -> None:
    assert decode_answer(encode_failure(kind, "a\n└─ b")) == Failed(kind, "a\n└─ b")


def amended(**changes: Any) -> bytes:
    return json.dumps({"packages": [asdict(PACKAGE) | changes]}).encode()


def shortened(name: str) -> bytes:
    document = asdict(PACKAGE)
    del document[name]
    return json.dumps({"packages": [document]}).encode()


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b'{"packages": {}}',
        b'{"packages": "ab"}',
        b'{"packages": [1]}',
        b'{"packages": [[]]}',
        b'{"error": "no"}',
        b'{"error": {"kind": "nothing-we-know", "message": ""}}',
        b'{"error": {"kind": "network", "message": 1}}',
        amended(unknown=1),
        amended(name=None),
        amended(size_bytes="1"),
        amended(size_bytes=True),
        amended(size_bytes=1.5),
        amended(depends="python"),
        amended(depends=[1]),
        amended(license=["MIT"]),
        shortened("depends"),
        shortened("url"),
    ],
)
def test_what_is_no_answer_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's, an enum's and our own words
        decode_answer(line)


def test_a_package_of_which_little_is_known_says_so_with_empty_values() -> None:
    package = replace(PACKAGE, channel="", subdir="", depends=())
    assert decode_answer(encode_packages([package])) == (package,)


def test_who_asks_has_no_rattler() -> None:
    script = "import sys, condafs.builder.solving; sys.exit('rattler' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)
