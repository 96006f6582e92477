"""Values of the catalog's tables: records to bytes and back, as `schema` lays them out; their keys are in `keys`.

Decoding takes about five microseconds a record.
"""

import json
import struct
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import asdict
from typing import Final

from condafs.catalog.events import EventRecord
from condafs.catalog.keys import digest_key, key_digest, key_text, key_user, text_key
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord, PinRecord, UsageRecord
from condafs.catalog.schema import EVENT_CODES, STATE_CODES
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.spec.image import ImageSettings

_ENVIRONMENT: Final = struct.Struct("<BIId32s32s")
_BUILD: Final = struct.Struct("<BQIIddddIQQIHB")
_COST: Final = struct.Struct("<B48xI8xQ4xH")
"""State, owner, own bytes and length of the name among what `_BUILD` has."""
_FILE: Final = struct.Struct("<Qq32s32sH")
_EVENT: Final = struct.Struct("<dBIIq32sHB")
_USAGE: Final = struct.Struct("<QQII")
_STAMP: Final = struct.Struct("<Qq")
_PIN: Final = struct.Struct("<32sIId")
_NUMBER: Final = struct.Struct("<Q")
_MARK: Final = struct.Struct("<32sI")
_DIGEST_BYTES: Final = 32
_NO_DIGEST: Final = bytes(_DIGEST_BYTES)
_STATES: Final = {code: state for state, code in STATE_CODES.items()}
_READY: Final = STATE_CODES[BuildState.READY]
_KINDS: Final = {code: kind for kind, code in EVENT_CODES.items()}

VISIBLE: Final = 1
"""First byte of an environment that `/envs` shows; readers look at it without decoding the rest."""

ACTIVE_MARK: Final = 0xFFFFFFFF
"""In the place of a generation in `builds_of`: the build is in one of ACTIVE_STATES."""


def is_retired(value: bytes) -> bool:
    """Whether the value of an environment is that of a retired one, without decoding it: no file name stands in it."""
    return len(value) == _ENVIRONMENT.size


def encode_number(number: int) -> bytes:
    """Counters."""
    return _NUMBER.pack(number)


def decode_number(value: bytes | None) -> int:
    """The inverse; 0 for nothing."""
    return int(_NUMBER.unpack(value)[0]) if value else 0


def with_mark(value: bytes, digest: bytes, mark: int | None) -> bytes:
    """A value of `builds_of` in which a digest (32 bytes) has that mark; None: in which it is not.

    A name may have thousands of builds: the place is searched for, and the rest copied as it is.
    """
    size = _MARK.size
    at = size * bisect_left(range(len(value) // size), digest, key=lambda i: value[i * size : i * size + _DIGEST_BYTES])
    rest = at + size if value.startswith(digest, at) else at
    return value[:at] + (b"" if mark is None else _MARK.pack(digest, mark)) + value[rest:]


def decode_marks(value: bytes | None) -> Iterator[tuple[bytes, int]]:
    """(digest, mark) of each build in a value of `builds_of`, by digest; nothing for nothing."""
    return _MARK.iter_unpack(value or b"")


def encode_environment(record: EnvironmentRecord) -> bytes:
    """Value of `environments`."""
    visible = VISIBLE if record.shown else 0
    wanted, current = digest_key(record.wanted), digest_key(record.current) if record.current else _NO_DIGEST
    head = _ENVIRONMENT.pack(visible, record.last_generation, record.owner_uid, record.moved, wanted, current)
    return head + text_key(record.file_name)


def decode_environment(name: EnvironmentName, value: bytes) -> EnvironmentRecord:
    """The inverse."""
    _, last_generation, owner_uid, moved, wanted, current = _ENVIRONMENT.unpack_from(value)
    return EnvironmentRecord(
        name,
        key_digest(wanted),
        None if current == _NO_DIGEST else key_digest(current),
        last_generation,
        key_text(value[_ENVIRONMENT.size :]),
        owner_uid,
        moved,
    )


def encode_build(record: BuildRecord) -> bytes:
    """Value of `builds`."""
    name, kind = record.name.text.encode(), record.failure_kind.encode()
    head = _BUILD.pack(
        STATE_CODES[record.state],
        record.sequence,
        record.generation,
        record.attempts,
        record.next_try,
        record.submitted,
        record.started,
        record.finished,
        record.owner_uid,
        record.size_bytes,
        record.own_bytes,
        record.package_count,
        len(name),
        len(kind),
    )
    return head + name + kind + record.failure_message.encode("utf-8", "replace")


def decode_build(digest: SpecDigest, value: bytes) -> BuildRecord:
    """The inverse."""
    head = _BUILD.unpack_from(value)
    kind_at = _BUILD.size + head[12]
    message_at = kind_at + head[13]
    return BuildRecord(
        BuildName(digest, EnvironmentName(value[_BUILD.size : kind_at].decode())),
        _STATES[head[0]],
        sequence=head[1],
        generation=head[2],
        attempts=head[3],
        next_try=head[4],
        submitted=head[5],
        started=head[6],
        finished=head[7],
        failure_kind=value[kind_at:message_at].decode(),
        failure_message=value[message_at:].decode(),
        owner_uid=head[8],
        size_bytes=head[9],
        own_bytes=head[10],
        package_count=head[11],
    )


def check_build(value: bytes) -> tuple[str, BuildState]:
    """(name, state) of a value of `builds` that can be decoded, five times as fast as that.

    Raises:
        ValueError, KeyError, struct.error: It cannot be. Whether the name is one is not looked at.
    """
    head = _BUILD.unpack_from(value)
    kind_at = _BUILD.size + head[12]
    message_at = kind_at + head[13]
    if len(value) < message_at:
        msg = "a record of a build ends too early"
        raise ValueError(msg)
    value[kind_at:message_at].decode()
    value[message_at:].decode()
    return value[_BUILD.size : kind_at].decode(), _STATES[head[0]]


def decode_cost(value: bytes) -> tuple[str, bool, int, int]:
    """(name, whether it is READY, owner, own bytes) of a value of `builds`, without the rest."""
    state, owner_uid, own_bytes, name_length = _COST.unpack_from(value)
    return value[_BUILD.size : _BUILD.size + name_length].decode(), state == _READY, owner_uid, own_bytes


def decode_owner(value: bytes) -> tuple[int, bool]:
    """(owner, whether it is retired) of a value of `environments`, without the rest."""
    return _ENVIRONMENT.unpack_from(value)[2], is_retired(value)


def decode_file_owner(value: bytes) -> tuple[str, int]:
    """(file name, owner) of a value of `environments`, without the rest."""
    return key_text(value[_ENVIRONMENT.size :]), _ENVIRONMENT.unpack_from(value)[2]


def encode_file(record: FileRecord) -> bytes:
    """Value of `files`."""
    name = record.name.text.encode() if record.name else b""
    digest = digest_key(record.digest) if record.digest else _NO_DIGEST
    content = bytes.fromhex(record.content_sha256)
    head = _FILE.pack(record.size_bytes, record.mtime_ns, content, digest, len(name))
    return head + name + record.refusal.encode("utf-8", "surrogateescape")


def decode_file(file_name: str, value: bytes) -> FileRecord:
    """The inverse."""
    size_bytes, mtime_ns, content, digest, name_length = _FILE.unpack_from(value)
    refusal_at = _FILE.size + name_length
    name = value[_FILE.size : refusal_at].decode()
    return FileRecord(
        file_name,
        content.hex(),
        size_bytes,
        mtime_ns,
        None if digest == _NO_DIGEST else key_digest(digest),
        EnvironmentName(name) if name else None,
        value[refusal_at:].decode("utf-8", "surrogateescape"),
    )


def decode_stamp(value: bytes) -> tuple[int, int]:
    """(size_bytes, mtime_ns) of a value of `files`, without the rest."""
    size_bytes, mtime_ns = _STAMP.unpack_from(value)
    return size_bytes, mtime_ns


def encode_pin(record: PinRecord) -> bytes:
    """Value of `pins`."""
    return _PIN.pack(digest_key(record.digest), record.owner_uid, record.owner_gid, record.made)


def decode_pin(label: str, value: bytes) -> PinRecord:
    """The inverse."""
    digest, uid, gid, made = _PIN.unpack(value)
    return PinRecord(label, key_digest(digest), uid, gid, made)


def encode_image(settings: ImageSettings) -> bytes:
    """Value of `images`."""
    document = {**asdict(settings), "labels": dict(settings.labels)}
    kept = {key: value for key, value in document.items() if value}
    return json.dumps(kept, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def decode_image(value: bytes | None) -> ImageSettings:
    """The inverse; the default for nothing. What a newer program added is left out."""
    document = json.loads(value) if value else {}
    return ImageSettings(
        base=document.get("base", ""),
        labels=tuple(sorted(document.get("labels", {}).items())),
        entrypoint=tuple(document.get("entrypoint", ())),
        user=document.get("user", ""),
        workdir=document.get("workdir", ""),
    )


def encode_event(event: EventRecord) -> bytes:
    """Value of `events`."""
    name, behalf = event.name.text.encode() if event.name else b"", event.behalf.encode()
    head = _EVENT.pack(
        event.at,
        EVENT_CODES[event.kind],
        event.generation,
        event.attempts,
        event.uid,
        digest_key(event.digest) if event.digest else _NO_DIGEST,
        len(name),
        len(behalf),
    )
    return head + name + behalf + event.detail.encode("utf-8", "replace")


def decode_event(number: int, value: bytes) -> EventRecord | None:
    """The inverse; None for a kind that a newer program added."""
    at, code, generation, attempts, uid, digest, _, behalf_length = _EVENT.unpack_from(value)
    kind, name = _KINDS.get(code), event_name(value)
    if kind is None:
        return None
    behalf_at = _EVENT.size + len(name.encode())
    detail_at = behalf_at + behalf_length
    return EventRecord(
        number,
        at,
        kind,
        EnvironmentName(name) if name else None,
        None if digest == _NO_DIGEST else key_digest(digest),
        generation,
        attempts,
        uid,
        value[behalf_at:detail_at].decode(),
        value[detail_at:].decode(),
    )


def check_event(value: bytes) -> str:
    """The name in a value of `events` that can be decoded, "" for none; of a newer program's kind no more is looked at.

    Raises:
        ValueError, struct.error: It cannot be. Whether the name is one is not looked at.
    """
    _, code, *_, name_length, behalf_length = _EVENT.unpack_from(value)
    behalf_at = _EVENT.size + name_length
    detail_at = behalf_at + behalf_length
    if code in _KINDS:
        if len(value) < detail_at:
            msg = "a record of an event ends too early"
            raise ValueError(msg)
        value[behalf_at:detail_at].decode()
        value[detail_at:].decode()
    return value[_EVENT.size : behalf_at].decode()


def encode_usage(record: UsageRecord) -> bytes:
    """Value of `usage`."""
    return _USAGE.pack(record.environments, record.own_bytes, record.day, record.builds)


def decode_usage(key: bytes, value: bytes) -> UsageRecord:
    """The inverse; the key is that of `user_key`."""
    return UsageRecord(key_user(key), *_USAGE.unpack(value))


def event_name(value: bytes) -> str:
    """The name in a value of `events`, of whatever kind; "" for none."""
    return value[_EVENT.size : _EVENT.size + _EVENT.unpack_from(value)[6]].decode()
