from hypothesis import given
from hypothesis import strategies as st

from condafs.client.status import parse_status

WHOLE = """\
name: foo
state: waiting
file: foo.yaml
owner: ann
current:
  build: aaaa-foo
  digest: aaaa
  generation: 2
  published: 2026-11-22T18:00:00Z
  size_bytes: 10
  own_bytes: 3
  package_count: 4
  path: /builds/aaaa-foo
building:
  build: bbbb-foo
  digest: bbbb
  state: waiting
  attempts: 2
  max_attempts: 5
  next_try: 2026-11-22T18:01:00Z
last_error:
  build: bbbb-foo
  kind: network
  message: |
    no answer
    at all
  at: 2026-11-22T18:00:30Z
  attempts: 2
refused:
  foo.yaml: |
    foo.yaml:1:1: no
generations: 2
retired: false
"""


def test_the_whole_document_is_read() -> None:
    status = parse_status(WHOLE, "foo")
    assert status.current
    assert (status.current.generation, status.current.published) == (2, "2026-11-22T18:00:00Z")
    assert status.building
    assert (status.building.attempts, status.building.next_try) == (2, "2026-11-22T18:01:00Z")
    assert status.last_error
    assert status.last_error.message == "no answer\nat all"
    assert status.refused == {"foo.yaml": "foo.yaml:1:1: no\n"}
    assert status.is_active
    assert status.active_build == "bbbb-foo"
    assert not status.retired


def test_nulls_and_missing_parts_are_absent() -> None:
    status = parse_status("name: foo\ncurrent: null\nbuilding: ~\nfile: null\n", "foo")
    assert (status.current, status.building, status.file, status.state) == (None, None, "", "none")


def test_a_digest_left_out_is_the_builds() -> None:
    status = parse_status("current: {build: abc-foo}", "foo")
    assert status.current
    assert status.current.digest == "abc"


def test_what_gave_up_is_not_in_the_making() -> None:
    assert parse_status("state: failed\nbuilding: {build: abc-foo, state: failed}", "foo").active_build == ""


@given(st.text())
def test_any_text_is_read_without_complaint(text: str) -> None:
    assert parse_status(text, "foo").name
