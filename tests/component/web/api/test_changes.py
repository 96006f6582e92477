"""Changes, on a directory laid out like a mount: what the server writes there, and what it refuses to."""

import errno
import os
from pathlib import Path

import pytest

from condafs.catalog.events import Author
from condafs.names import EnvironmentName, behalf_of
from condafs.web.access.roles import Role
from condafs.web.ids import build_id
from tests.component.web.asgi import Exchange
from tests.component.web.laid import Laid
from tests.component.web.served import Served

TEXT = "name: foo\ndependencies: [python]\n"


async def submit(served: Served, text: str, **more: object) -> Exchange:
    return await served.ask("POST", "/api/v1/specification/", {"specification": text, **more}, Role.EDITOR)


def specs(laid: Laid) -> dict[str, str]:
    return {path.name: path.read_text() for path in (laid.mount / ".specs").iterdir()}


async def test_a_specification_is_written_where_it_would_be_copied(served: Served, laid: Laid) -> None:
    found = await submit(served, TEXT)
    build = laid.submit("reference", TEXT)
    assert found.data == {"build_id": build_id(build.digest), "digest": build.digest.hex, "name": "foo"}
    (laid.mount / ".specs/reference.yaml").unlink()
    assert specs(laid) == {"foo.yaml": TEXT}


async def test_the_name_may_stand_beside_the_text(served: Served, laid: Laid) -> None:
    assert (await submit(served, "dependencies: []", environment_name="bar")).status == 200
    assert specs(laid) == {"bar.yaml": "dependencies: []"}
    nameless = await submit(served, "dependencies: []")
    assert nameless.status == 400
    assert "gives no name" in nameless.document["message"]


async def test_the_file_that_describes_an_environment_is_written_whatever_it_is_called(
    served: Served, laid: Laid
) -> None:
    laid.submit("odd", TEXT)
    assert (await submit(served, TEXT + "variables: {A: b}\n")).status == 200
    assert specs(laid) == {"odd.yaml": TEXT + "variables: {A: b}\n"}


async def test_a_text_without_a_name_is_not_written_into_a_file_that_would_give_it_another(
    served: Served, laid: Laid
) -> None:
    """It retired the environment that it was for, and made one of the file's name."""
    laid.submit("odd", TEXT)
    found = await submit(served, "dependencies: [six]", environment_name="foo")
    assert found.status == 409
    assert "write it into the specification" in found.document["message"]
    assert specs(laid) == {"odd.yaml": TEXT}


async def test_a_file_of_another_kind_is_not_written_over(served: Served, laid: Laid) -> None:
    laid.submit("foo")
    text = "@EXPLICIT\nhttps://host.org/noarch/six-1-0.conda\n"
    found = await submit(served, text, environment_name="foo", is_lockfile=True)
    assert found.status == 409
    assert "a file of another kind: retire foo first" in found.document["message"]
    assert (await submit(served, text, environment_name="bar", is_lockfile=True)).status == 200
    assert set(specs(laid)) == {"foo.yaml", "bar.txt"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name: foo\ndependencies: [python >=]", "environment.yaml:2:23: no version behind '>='"),
        ("name: foo\ndependencies: [", "environment.yaml:3:1: this is not YAML"),
        ("name: a/b\ndependencies: []", "path separator"),
        ("name: foo\nnonsense: 1\ndependencies: []", "no key 'nonsense'"),
        ("# nothing", "describes no environment"),
        ("", "describes no environment"),
    ],
)
async def test_a_specification_is_refused_with_its_place(served: Served, laid: Laid, text: str, says: str) -> None:
    found = await submit(served, text)
    assert found.status == 400
    assert says in found.document["message"]
    assert specs(laid) == {}


@pytest.mark.parametrize("name", ["../evil", "a/b", ".hidden", "x" * 200, "foo\n"])
async def test_no_name_leads_out_of_the_mount(served: Served, laid: Laid, name: str) -> None:
    assert (await submit(served, "dependencies: []", environment_name=name)).status == 400
    assert specs(laid) == {}
    assert (await submit(served, TEXT, namespace="other")).status == 404


async def test_a_name_moves_to_another_build_of_it(served: Served, laid: Laid) -> None:
    first, second = laid.make_ready("foo"), laid.make_ready("foo", "dependencies: [six]\n")
    path = "/api/v1/environment/default/foo/"
    for wanted in (build_id(first.digest), str(build_id(first.digest)), first.digest.hex, str(first)):
        found = await served.ask("PUT", path, {"build_id": wanted}, Role.EDITOR)
        assert (found.status, found.document["message"]) == (200, "foo is at generation 1 now")
        assert os.readlink(laid.mount / "foo") == f"foo@{first.digest}"
        laid.point(second)
    assert not [name for name in os.listdir(laid.mount) if behalf_of(name)]


async def test_only_published_builds_of_an_environment_can_be_its_current_one(served: Served, laid: Laid) -> None:
    laid.make_ready("foo")
    queued, other = laid.submit("foo", "dependencies: [six]\n"), laid.make_ready("bar")
    path, before = "/api/v1/environment/default/foo/", os.readlink(laid.mount / "foo")
    for wanted, status in ((queued, 409), (other, 404), ("f" * 64, 404), ("nonsense", 400), (-1, 400), (2**53, 404)):
        number = wanted if isinstance(wanted, int | str) else build_id(wanted.digest)
        found = await served.ask("PUT", path, {"build_id": number}, Role.EDITOR)
        assert found.status == status, found.body
    assert (await served.ask("PUT", path, {}, Role.EDITOR)).document["message"] == "nothing was asked for"
    assert (await served.ask("PUT", path, {"description": "x"}, Role.EDITOR)).status == 200
    assert os.readlink(laid.mount / "foo") == before


async def test_retiring_removes_the_specification(served: Served, laid: Laid) -> None:
    laid.make_ready("foo")
    assert (await served.ask("DELETE", "/api/v1/environment/default/foo/", role=Role.EDITOR)).status == 200
    assert specs(laid) == {}
    assert laid.is_known("foo")
    for name in ("unknown", "é" * 255):
        found = await served.ask("DELETE", f"/api/v1/environment/default/{name}/", role=Role.EDITOR)
        assert found.status == 404, "and no question to the mount, which cannot have so long a name"


async def test_a_failed_build_is_tried_again_by_touching_its_file(served: Served, laid: Laid) -> None:
    build = laid.submit("foo")
    laid.start(build)
    laid.fail(build, "network", "no answer")
    os.utime(laid.mount / ".specs/foo.yaml", (1, 1))
    assert (await served.ask("PUT", f"/api/v1/build/{build.digest}/", role=Role.EDITOR)).status == 200
    assert (laid.mount / ".specs/foo.yaml").stat().st_mtime > 1


async def test_what_is_built_or_not_wanted_is_not_tried_again(served: Served, laid: Laid) -> None:
    old = laid.submit("foo")
    laid.start(old)
    laid.fail(old, "conflict", "no")
    current = laid.make_ready("foo", "dependencies: [six]\n")
    for build, says in ((old, "is not what foo wants any more"), (current, "nothing is built twice")):
        found = await served.ask("PUT", f"/api/v1/build/{build.digest}/", role=Role.EDITOR)
        assert found.status == 409
        assert says in found.document["message"]


async def test_the_build_that_is_named_is_cancelled_and_no_other_of_its_environment(served: Served, laid: Laid) -> None:
    """It was always the one that the environment wants."""
    old = laid.submit("foo")
    laid.start(old)
    wanted = laid.submit("foo", "dependencies: [six]\n")
    found = await served.ask("PUT", f"/api/v1/build/{old.digest}/cancel/", role=Role.EDITOR)
    assert found.status == 200
    logs = os.listdir(laid.mount / ".logs")
    assert logs == [f"{wanted}.log"], "removing a log is how a build is cancelled"
    again = await served.ask("PUT", f"/api/v1/build/{old.digest}/cancel/", role=Role.EDITOR)
    assert (again.status, again.document["message"]) == (409, f"{old} ended just now")


async def test_what_is_not_being_built_is_not_cancelled(served: Served, laid: Laid) -> None:
    ready = laid.make_ready("foo")
    laid.make_ready("foo", "dependencies: [six]\n")
    path = f"/api/v1/build/{ready.digest}/cancel/"
    assert (await served.ask("PUT", path, role=Role.EDITOR)).status == 409
    laid.delete(ready)
    assert (await served.ask("PUT", path, role=Role.EDITOR)).status == 409
    assert len(os.listdir(laid.mount / ".logs")) == 2


async def test_only_administrators_delete_builds_and_only_published_ones(served: Served, laid: Laid) -> None:
    first = laid.make_ready("foo")
    laid.make_ready("foo", "dependencies: [six]\n")
    queued = laid.submit("bar")
    path = f"/api/v1/build/{first.digest}/"
    assert (await served.ask("DELETE", path, role=Role.EDITOR)).status == 403
    assert (await served.ask("DELETE", f"/api/v1/build/{queued.digest}/", role=Role.ADMIN)).status == 409
    assert (await served.ask("DELETE", path, role=Role.ADMIN)).status == 200
    assert str(first) not in os.listdir(laid.mount)


async def test_events_say_on_whose_behalf(served: Served, laid: Laid) -> None:
    laid.submit("foo", author=Author(0, "ci"))
    with laid.catalog.snapshot() as snapshot:
        [event] = snapshot.events_of(EnvironmentName("foo"))
    assert (event.uid, event.behalf) == (0, "ci")


async def test_a_quota_that_is_used_up_is_no_room_and_says_what_is_used(
    served: Served, laid: Laid, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    (laid.mount / ".status/.quota").mkdir()
    (laid.mount / f".status/.quota/{os.geteuid()}").write_text('used_up: "you have 2 of 2 environments"\n')
    monkeypatch.setattr(Path, "replace", refuse)
    found = await submit(served, TEXT)
    assert found.status == 507
    assert found.document["status"] == "error"
    assert "you have 2 of 2 environments" in found.document["message"]
    assert specs(laid) == {}


async def test_a_retired_name_of_somebody_else_is_not_taken_up(
    served: Served, laid: Laid, monkeypatch: pytest.MonkeyPatch
) -> None:
    (laid.mount / ".status/foo").write_text("name: foo\nretired: true\nowner: 3999999999\n")
    monkeypatch.setattr(os, "geteuid", lambda: 33)
    found = await submit(served, TEXT)
    assert found.status == 409
    assert "it belongs to 3999999999" in found.document["message"]
