import os

from condafs.client.events import Event, parse_events, submissions
from condafs.wording import user_text


def test_lines_become_events_and_what_is_none_is_left_out() -> None:
    text = (
        '{"number":1,"at":"2026-11-01T12:00:00+00:00","kind":"submitted","build":"x-foo","uid":0,"behalf":"ci"}\n'
        "nonsense\n"
        "[1]\n"
        '{"number":"2","kind":"new-kind","uid":true,"newer":1}\n'
    )
    assert parse_events(text) == [
        Event(1, "2026-11-01T12:00:00+00:00", "submitted", "x-foo", uid=0, behalf="ci"),
        Event(0, "", "new-kind"),
    ]


def test_who_did_it_is_a_user_somebody_through_a_user_or_the_daemon() -> None:
    me = user_text(str(os.geteuid()))
    assert Event(1, "", "moved", uid=os.geteuid()).by == me
    assert Event(1, "", "moved", uid=os.geteuid(), behalf="ci").by == f"ci (via {me})"
    assert Event(1, "", "moved").by == ""


def test_who_asked_for_a_build_is_who_submitted_it_before_it_was_published() -> None:
    first, again, later = (Event(number, "", "submitted", "one", uid=number) for number in (1, 4, 9))
    published = Event(5, "", "published", "one")
    assert submissions([first, Event(2, "", "published", "one"), again, published, later]) == {"one": again}
    assert submissions([published, later]) == {}
