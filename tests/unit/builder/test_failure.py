"""Errors as rattler 0.28 and pip really word them, and what is made of them."""

import errno

import pytest

from condafs.builder.failure import BuildError, classify, kind_of_text
from condafs.builder.protocol import TRANSIENT_KINDS, FailureKind


def rattler_error(name: str, text: str) -> Exception:
    """An error as rattler raises it: no base of its own, no cause, the chain is lines of text."""
    return type(name, (Exception,), {})(text)


UNSATISFIABLE = (
    "Cannot solve the request because of: The following packages are incompatible\n"
    "├─ zz-a * cannot be installed because there are no viable options:\n"
    "│  └─ zz-a 1.0 would require\n"
    "│     └─ zz-lib <2, which cannot be installed because there are no viable options:\n"
    "└─ zz-b * cannot be installed because there are no viable options:\n"
)


@pytest.mark.parametrize(
    ("name", "text", "kind"),
    [
        ("SolverError", UNSATISFIABLE, FailureKind.UNSATISFIABLE),
        (
            "SolverError",
            "Cannot solve the request because of: No candidates were found for nope *.\n",
            FailureKind.UNSATISFIABLE,
        ),
        (
            "SolverError",
            "Cannot solve the request because of: No candidates were found for connection-refused-timeout *.\n",
            FailureKind.UNSATISFIABLE,
        ),
        ("InvalidMatchSpecError", "unable to parse version spec: =>3", FailureKind.BAD_SPEC),
        (
            "DetectVirtualPackageError",
            "malformed version string 'x y': encountered more characters but expected none",
            FailureKind.BAD_SPEC,
        ),
        (
            "GatewayError",
            (
                "error sending request for url (http://127.0.0.1:9/x/noarch/repodata_shards.msgpack.zst)\n"
                "Caused by: client error (Connect)\nCaused by: tcp connect error\n"
                "Caused by: Connection refused (os error 111)"
            ),
            FailureKind.NETWORK,
        ),
        (
            "GatewayError",
            (
                "error sending request for url (https://nowhere.invalid/x/noarch/repodata.json)\n"
                "Caused by: client error (Connect)\nCaused by: dns error\n"
                "Caused by: failed to lookup address information: Name or service not known"
            ),
            FailureKind.NETWORK,
        ),
        (
            "GatewayError",
            (
                "could not find subdir 'noarch' in channel 'http://127.0.0.1:1/nix/'\n"
                "Caused by: HTTP status client error (404 File not found) for url (http://127.0.0.1:1/nix/noarch/repodata.json)"
            ),
            FailureKind.CHANNEL,
        ),
        (
            "GatewayError",
            (
                "could not find subdir 'noarch' in channel 'file:///nix/'\n"
                "Caused by: failed to open file `/nix/noarch/repodata.json`: No such file or directory (os error 2)"
            ),
            FailureKind.CHANNEL,
        ),
        (
            "GatewayError",
            "HTTP status server error (503 Service Unavailable) for url (http://127.0.0.1:1/noarch/repodata.json)",
            FailureKind.NETWORK,
        ),
        (
            "GatewayError",
            "HTTP status client error (429 Too Many Requests) for url (http://127.0.0.1:1/noarch/repodata.json)",
            FailureKind.NETWORK,
        ),
        (
            "GatewayError",
            "HTTP status client error (401 Unauthorized) for url (http://127.0.0.1:1/noarch/repodata.json)",
            FailureKind.CHANNEL,
        ),
        (
            "InstallerError",
            (
                "failed to fetch zz-corrupt-3.0-0.conda\n"
                "Caused by: failed to interact with the package cache layer.\n"
                "Caused by: hash mismatch when extracting http://127.0.0.1:1/zz-corrupt-3.0-0.conda to /p/.zz: "
                "expected 00, got eb, total size 301648 bytes"
            ),
            FailureKind.CHECKSUM,
        ),
        (
            "InstallerError",
            (
                "failed to fetch zz-corrupt-1.0-0.conda\n"
                "Caused by: failed to interact with the package cache layer.\n"
                "Caused by: an io error occurred: failed to unpack `share/zz-corrupt/noise.bin`: Invalid checksum"
            ),
            FailureKind.PACKAGE,
        ),
        (
            "InstallerError",
            (
                "failed to fetch zz-missing-1.0-0.conda\n"
                "Caused by: failed to interact with the package cache layer.\n"
                "Caused by: HTTP status client error (404 File not found) for url (http://127.0.0.1:1/zz-missing-1.0-0.conda)"
            ),
            FailureKind.PACKAGE,
        ),
        (
            "InstallerError",
            (
                "failed to link python-3.12.1-0.conda\nCaused by: failed to link 'lib/libpython3.12.so'\n"
                "Caused by: No space left on device (os error 28)"
            ),
            FailureKind.DISK_FULL,
        ),
        ("PanicException", "called `Option::unwrap()` on a `None` value", FailureKind.INTERNAL),
    ],
)
def test_errors_of_rattler_are_told_apart_and_kept_whole(name: str, text: str, kind: FailureKind) -> None:
    found, message = classify(rattler_error(name, text))
    assert found is kind
    assert text.rstrip() in message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FailureKind.DISK_FULL),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), FailureKind.DISK_FULL),
        (OSError(errno.EAGAIN, "Resource temporarily unavailable"), FailureKind.LOCKED),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), FailureKind.KILLED),
        (OSError(errno.EACCES, "Permission denied"), FailureKind.INTERNAL),
        (MemoryError(), FailureKind.KILLED),
        (RuntimeError("can't start new thread"), FailureKind.KILLED),
        (ZeroDivisionError("division by zero"), FailureKind.INTERNAL),
        (BuildError(FailureKind.POST_LINK, "it failed"), FailureKind.POST_LINK),
    ],
)
def test_errors_of_the_machine_and_of_our_own_are_told_apart(error: BaseException, kind: FailureKind) -> None:
    assert classify(error)[0] is kind


def test_what_nobody_foresaw_says_what_class_it_was_of() -> None:
    assert classify(ZeroDivisionError("division by zero"))[1] == "ZeroDivisionError: division by zero"


def test_an_error_without_a_text_has_its_name() -> None:
    assert classify(rattler_error("InstallerError", ""))[1] == "InstallerError"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (
            (
                "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after "
                "connection broken by 'NewConnectionError('<HTTPConnection>: Failed to establish a new connection: "
                "[Errno 111] "
                "Connection refused')': /simple/x/"
            ),
            FailureKind.NETWORK,
        ),
        ("ReadTimeoutError(\"HTTPSConnectionPool(host='x', port=443): Read timed out.\")", FailureKind.TIMEOUT),
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            FailureKind.DISK_FULL,
        ),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", FailureKind.CHECKSUM),
        ("ERROR: Could not find a version that satisfies the requirement nope", None),
    ],
)
def test_output_of_pip_gives_away_what_it_was(text: str, kind: FailureKind | None) -> None:
    assert kind_of_text(text) is kind


def test_what_waiting_may_mend_is_transient_and_nothing_else() -> None:
    assert {FailureKind.UNSATISFIABLE, FailureKind.BAD_SPEC, FailureKind.CHECKSUM, FailureKind.POST_LINK}.isdisjoint(
        TRANSIENT_KINDS
    )


def test_a_full_disk_is_told_with_its_place_and_without_numbers() -> None:
    error = OSError(errno.ENOSPC, "No space left on device", "/s/builds/x")
    assert classify(error) == (FailureKind.DISK_FULL, "/s/builds/x: No space left on device")
