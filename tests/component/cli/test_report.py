import json

from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs


def test_status_of_an_empty_mount_says_how_to_begin(run: Run) -> None:
    outcome = run("status")
    assert outcome.code == 0
    assert "cp foo.yaml" in outcome.err
    assert outcome.out == ""


def test_status_lists_every_environment(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 3, "a"), 3)
    envs.set_status("bar", state="queued", building={"build": "b" * 64 + "-bar", "state": "queued"})
    rows = run("status").words
    assert rows[0][:4] == ["NAME", "STATE", "GEN", "BUILD"]
    assert rows[1] == ["bar", "queued"]
    assert rows[2][:6] == ["foo", "ready", "3", "a" * 12, "42", "210 MB"]


def test_status_shows_how_far_a_build_is_and_why_the_last_try_failed(run: Run, envs: FakeEnvs) -> None:
    building = {
        "build": "b" * 64 + "-foo",
        "state": "building",
        "phase": "link",
        "done": 3,
        "total": 9,
        "package": "numpy",
    }
    envs.set_status("foo", state="building", building=building)
    broken = {"build": "c" * 64 + "-bar", "kind": "unsatisfiable", "message": "no such package\nzz"}
    envs.set_status("bar", state="failed", last_error=broken)
    listing = run("status").out
    assert "link 3/9 numpy" in listing
    assert "unsatisfiable: no such package" in listing


def test_status_says_what_is_in_the_way(run: Run, envs: FakeEnvs) -> None:
    building = {"build": "b" * 64 + "-foo", "state": "queued", "obstacle": "no room left for the catalog"}
    envs.set_status("foo", state="queued", building=building)
    assert "(no room left for the catalog)" in run("status").out
    assert "(no room left for the catalog)" in run("status", "foo").out


def test_status_of_one_environment_is_told_in_full(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"), refused={"foo.yaml": "line 1\nline 2"})
    out = run("status", "foo").out
    assert f"generation 1 of 1: {'a' * 64}-foo" in out
    assert "foo.yaml is refused:\n    line 1\n    line 2" in out
    assert "foo.yaml of root" in out


def test_status_as_json_keeps_the_documents_keys(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"))
    document = json.loads(run("status", "foo", "--json").out)
    assert document["current"]["package_count"] == 42
    assert document["building"] is None
    assert json.loads(run("status", "--json").out) == [document]


def test_a_name_like_a_number_stays_a_name(run: Run, envs: FakeEnvs) -> None:
    (envs.mount / ".status" / "3.10").write_text("name: 3.10\nstate: none\n")
    assert json.loads(run("status", "--json").out)[0]["name"] == "3.10"


def test_status_mentions_files_refused_from_the_start(run: Run, envs: FakeEnvs) -> None:
    (envs.mount / ".specs" / "new.yaml.error").write_text("new.yaml:1:1: unknown key `naem`\n")
    assert "unknown key `naem`" in run("status").err


def test_an_unknown_name_is_answered_with_a_near_one(run: Run, envs: FakeEnvs) -> None:
    envs.set_status("datascience", state="none")
    outcome = run("status", "datasience")
    assert outcome.code == 3
    assert "did you mean datascience?" in outcome.err


def test_a_damaged_status_document_is_not_fatal(run: Run, envs: FakeEnvs) -> None:
    (envs.mount / ".status" / "foo").write_text("{: [\n")
    assert run("status", "foo").code == 0


def test_history_marks_the_current_generation(run: Run, envs: FakeEnvs) -> None:
    envs.add_generation("foo", 10, "b")
    envs.set_current("foo", envs.add_generation("foo", 9, "a"), 9)
    rows = run("history", "foo").words
    assert rows[1][:3] == ["*", "9", "foo@" + "a" * 12]
    assert rows[2][:2] == ["10", "foo@" + "b" * 12]


def test_history_as_json(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"))
    (only,) = json.loads(run("history", "foo", "--json").out)
    assert only["generation"] == 1
    assert only["current"] is True
    assert only["published"].endswith("+00:00")


def test_history_of_what_was_never_ready_is_a_remark(run: Run, envs: FakeEnvs) -> None:
    envs.set_status("foo", state="building")
    outcome = run("history", "foo")
    assert (outcome.code, outcome.out) == (0, "")
    assert "no generation yet" in outcome.err


def test_history_says_who_asked_for_each_generation(run: Run, envs: FakeEnvs) -> None:
    first, second = envs.add_generation("foo", 1, "a"), envs.add_generation("foo", 2, "b")
    envs.set_current("foo", envs.add_generation("foo", 3, "c"), 3)
    for build, who in ((first, {"uid": 0}), (second, {"uid": 0, "behalf": "ci"})):
        envs.add_event("foo", "submitted", build=str(build), **who)
        envs.add_event("foo", "published", build=str(build), generation=1)
    rows = run("history", "foo").words
    assert rows[0][-1] == "BY"
    assert [row[-1] for row in rows[1:3]] == ["root", "ci (via root)"]
    assert "(" in rows[3][-1], "nothing is remembered of the third"
    documents = json.loads(run("history", "foo", "--json").out)
    assert [(item["uid"], item["behalf"]) for item in documents] == [(0, ""), (0, "ci"), (None, "")]


def test_history_tells_all_events_in_words(run: Run, envs: FakeEnvs) -> None:
    build = str(envs.add_generation("foo", 1, "a"))
    envs.add_event("foo", "submitted", build=build, uid=0, behalf="ci")
    envs.add_event("foo", "started", build=build, attempts=1)
    envs.add_event("foo", "waiting", build=build, attempts=1, detail="network: no route")
    envs.add_event("foo", "started", build=build, attempts=2)
    envs.add_event("foo", "interrupted", build=build)
    envs.add_event("foo", "published", build=build, generation=1)
    envs.add_event("foo", "moved", build=build, generation=1, uid=0)
    envs.add_event("foo", "refused", uid=0, detail="foo.yaml")
    rows = [row[1:] for row in run("history", "foo", "--events").words]
    reference = "foo@" + "a" * 12
    assert rows == [
        ["BUILD", "WHAT", "BY"],
        [reference, "submitted", "ci (via root)"],
        [reference, "started"],
        [reference, "try 1 failed, another follows: network: no route"],
        [reference, "started, try 2"],
        [reference, "interrupted: the daemon ended"],
        [reference, "published as generation 1"],
        [reference, "the name leads to generation 1 now", "root"],
        ["refused: foo.yaml", "root"],
    ]
    documents = json.loads(run("history", "foo", "--events", "--json").out)
    assert [item["kind"] for item in documents][:2] == ["submitted", "started"]


def test_history_of_which_nothing_is_remembered_is_a_remark(run: Run, envs: FakeEnvs) -> None:
    envs.set_status("foo", state="building")
    outcome = run("history", "foo", "--events")
    assert (outcome.code, outcome.out) == (0, "")
    assert "nothing is remembered of foo" in outcome.err
    assert run("history", "fooo", "--events").code == 3
