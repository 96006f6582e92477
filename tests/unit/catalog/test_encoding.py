import string

from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog import encoding
from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.keys import user_key
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord, UsageRecord
from condafs.catalog.schema import EVENT_CODES, STATE_CODES
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings

WORD = string.ascii_letters + string.digits + "_é"
names = st.builds(
    EnvironmentName,
    st.builds(str.__add__, st.sampled_from(WORD), st.text(WORD + "+-", max_size=40)).filter(
        lambda text: len(text) < 60
    ),
)
digests = st.builds(SpecDigest, st.binary(min_size=32, max_size=32).filter(any).map(bytes.hex))
times = st.floats(min_value=0, max_value=1e11)
counts = st.integers(0, 2**31)
sizes = st.integers(0, 2**62)
words = st.text(string.ascii_lowercase + "-", max_size=20)
file_names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)

builds = st.builds(
    BuildRecord,
    st.builds(BuildName, digests, names),
    st.sampled_from(BuildState),
    sequence=sizes,
    generation=counts,
    attempts=counts,
    next_try=times,
    submitted=times,
    started=times,
    finished=times,
    failure_kind=words,
    failure_message=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
    owner_uid=st.integers(0, 2**32 - 1),
    size_bytes=sizes,
    own_bytes=sizes,
    package_count=counts,
)
environments = st.builds(
    EnvironmentRecord,
    names,
    digests,
    st.none() | digests,
    last_generation=counts,
    file_name=file_names | st.just(""),
    owner_uid=st.integers(0, 2**32 - 1),
    moved=times,
)
files = st.builds(
    FileRecord,
    file_names,
    st.binary(min_size=32, max_size=32).map(bytes.hex),
    sizes,
    st.integers(-(2**63), 2**63 - 1),
    st.none() | digests,
    st.none() | names,
    refusal=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)

events = st.builds(
    EventRecord,
    sizes,
    times,
    st.sampled_from(EventKind),
    st.none() | names,
    st.none() | digests,
    counts,
    counts,
    st.integers(-1, 2**32 - 1),
    words,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
images = st.builds(
    ImageSettings,
    base=texts,
    labels=st.dictionaries(texts, texts, max_size=4).map(lambda labels: tuple(sorted(labels.items()))),
    entrypoint=st.lists(texts, max_size=4).map(tuple),
    user=texts,
    workdir=texts,
)


@given(builds)
def test_builds_come_back_as_they_went(record: BuildRecord) -> None:
    assert encoding.decode_build(record.digest, encoding.encode_build(record)) == record


@given(environments)
def test_environments_come_back_as_they_went(record: EnvironmentRecord) -> None:
    value = encoding.encode_environment(record)
    assert encoding.decode_environment(record.name, value) == record
    assert (value[0] == encoding.VISIBLE) == (record.current is not None and not record.is_retired)


@given(files)
def test_files_come_back_as_they_went(record: FileRecord) -> None:
    value = encoding.encode_file(record)
    assert encoding.decode_file(record.file_name, value) == record
    assert encoding.decode_stamp(value) == (record.size_bytes, record.mtime_ns)


@given(images)
def test_images_come_back_as_they_went(settings: ImageSettings) -> None:
    assert encoding.decode_image(encoding.encode_image(settings)) == settings


def test_no_image_is_the_default_and_what_a_newer_program_added_is_left_out() -> None:
    assert encoding.decode_image(None) == DEFAULT_IMAGE
    assert encoding.decode_image(b'{"ports":[80],"user":"x"}') == ImageSettings(user="x")


def test_an_image_has_the_bytes_that_the_schema_says() -> None:
    settings = ImageSettings("none", (("a", "é"), ("b", "")), ("c", ""), "d", "/e")
    assert encoding.encode_image(settings).decode() == (
        '{"base":"none","entrypoint":["c",""],"labels":{"a":"é","b":""},"user":"d","workdir":"/e"}'
    )
    assert encoding.encode_image(ImageSettings(user="d")) == b'{"user":"d"}'


@given(st.lists(st.tuples(st.binary(min_size=32, max_size=32), st.none() | st.integers(0, 2**32 - 1))))
def test_marks_are_a_sorted_mapping(steps: list[tuple[bytes, int | None]]) -> None:
    value, expected = b"", dict[bytes, int]()
    for digest, mark in steps:
        value = encoding.with_mark(value, digest, mark)
        expected.pop(digest, None)
        if mark is not None:
            expected[digest] = mark
    assert list(encoding.decode_marks(value)) == sorted(expected.items())


@given(events)
def test_events_come_back_as_they_went(event: EventRecord) -> None:
    value = encoding.encode_event(event)
    assert encoding.decode_event(event.number, value) == event
    assert encoding.event_name(value) == (event.name.text if event.name else "")


def test_an_event_of_a_kind_that_is_not_known_is_none() -> None:
    value = bytearray(encoding.encode_event(EventRecord(1, 2.0, EventKind.RETIRED, EnvironmentName("foo"))))
    value[8] = 255
    assert encoding.decode_event(1, bytes(value)) is None
    assert encoding.event_name(bytes(value)) == "foo"


def test_a_detail_that_is_no_text_is_kept_as_far_as_it_goes() -> None:
    event = EventRecord(1, 2.0, EventKind.REFUSED, None, detail="a\ud800b")
    found = encoding.decode_event(1, encoding.encode_event(event))
    assert found
    assert found.detail == "a?b"


def test_nothing_has_no_marks() -> None:
    assert list(encoding.decode_marks(None)) == []


def test_a_message_that_is_no_text_is_kept_as_far_as_it_goes() -> None:
    build = BuildName(SpecDigest("0" * 63 + "1"), EnvironmentName("foo"))
    record = BuildRecord(build, BuildState.FAILED, 1, failure_message="a\udcffb")
    assert encoding.decode_build(build.digest, encoding.encode_build(record)).failure_message == "a?b"


def test_a_record_has_the_bytes_that_the_schema_says() -> None:
    build = BuildName(SpecDigest("ab" * 32), EnvironmentName("foo"))
    record = BuildRecord(build, BuildState.READY, 1, 2, 3, 4.0, 5.0, 6.0, 7.0, "net", "why", 8, 9, 10, 11)
    assert encoding.encode_build(record).hex() == (
        "04" "0100000000000000" "02000000" "03000000"
        "0000000000001040" "0000000000001440" "0000000000001840" "0000000000001c40"
        "08000000" "0900000000000000" "0a00000000000000" "0b000000" "0300" "03"
    ) + b"foonetwhy".hex()  # fmt: skip
    environment = EnvironmentRecord(build.name, build.digest, None, 1, "f.yaml", 2, 3.0)
    assert encoding.encode_environment(environment).hex() == (
        "00" "01000000" "02000000" "0000000000000840" + "ab" * 32 + "00" * 32 + b"f.yaml".hex()
    )  # fmt: skip
    file = FileRecord("f.yaml", "cd" * 32, 1, 2, build.digest, build.name, "no")
    assert encoding.encode_file(file).hex() == (
        "0100000000000000" "0200000000000000" + "cd" * 32 + "ab" * 32 + "0300" + b"foono".hex()
    )  # fmt: skip


def test_state_codes_never_change() -> None:
    assert {state.value: code for state, code in STATE_CODES.items()} == {
        "queued": 1,
        "building": 2,
        "waiting": 3,
        "ready": 4,
        "failed": 5,
        "cancelled": 6,
        "superseded": 7,
        "deleting": 8,
    }
    assert set(STATE_CODES) == set(BuildState)


def test_an_event_has_the_bytes_that_the_schema_says() -> None:
    digest, name = SpecDigest("ab" * 32), EnvironmentName("foo")
    event = EventRecord(9, 4.0, EventKind.SUBMITTED, name, digest, 1, 2, -1, "ci", "why")
    assert encoding.encode_event(event).hex() == (
        "0000000000001040" "01" "01000000" "02000000" "ffffffffffffffff" + "ab" * 32 + "0300" "02"
    ) + b"foociwhy".hex()  # fmt: skip


def test_codes_of_events_never_change() -> None:
    assert {kind.value: code for kind, code in EVENT_CODES.items()} == {
        "submitted": 1,
        "started": 2,
        "published": 3,
        "failed": 4,
        "waiting": 5,
        "cancelled": 6,
        "superseded": 7,
        "interrupted": 8,
        "deleted": 9,
        "moved": 10,
        "retired": 11,
        "refused": 12,
        "pinned": 20,
        "unpinned": 21,
    }
    assert set(EVENT_CODES) == set(EventKind)


usages = st.builds(UsageRecord, st.integers(0, 2**32 - 1), sizes, sizes, counts, counts)


@given(usages)
def test_usages_come_back_as_they_were(record: UsageRecord) -> None:
    key = user_key(record.uid)
    assert encoding.decode_usage(key, encoding.encode_usage(record)) == record
