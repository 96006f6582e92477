"""Version, who asks, tokens, use, metrics, documents."""

import re
from dataclasses import replace

import pytest

from condafs import __version__
from condafs.prefix.contents import InstalledPackage
from condafs.web.access.roles import PERMISSIONS, Role
from tests.component.web.laid import Laid
from tests.component.web.served import Served


async def test_the_version_is_told_to_everybody(served: Served) -> None:
    assert (await served.get("/api/v1/")).data == {"version": __version__}
    assert (await served.get("/api/v1")).data == {"version": __version__}


@pytest.mark.parametrize("role", [None, *Role])
async def test_who_asks_hears_what_they_may_do(served: Served, role: Role | None) -> None:
    found = (await served.get("/api/v1/permission/", role)).data
    assert found["authenticated"] is bool(role)
    assert found["primary_namespace"] == "default"
    assert found["entity_permissions"] == {"default/*": PERMISSIONS[role or Role.VIEWER]}
    assert found["entity_roles"] == {"default/*": [role or "viewer"]}
    assert found["expiration"] is None


async def test_disk_use_counts_what_is_published(served: Served, laid: Laid) -> None:
    old, _, _ = laid.make_ready("foo"), laid.make_ready("foo", "dependencies: [six]\n"), laid.submit("bar")
    used = {"num_environments": 2, "num_builds": 3, "storage": 2_000_000}
    assert (await served.get("/api/v1/usage/")).data == {"default": used}
    laid.delete(old)
    used = {"num_environments": 2, "num_builds": 2, "storage": 1_000_000}
    assert (await served.get("/api/v1/usage/")).data == {"default": used}


async def test_there_is_one_namespace(served: Served) -> None:
    assert [item["name"] for item in (await served.get("/api/v1/namespace/")).data] == ["default"]
    assert (await served.get("/api/v1/namespace/?page=2")).data == []
    assert (await served.get("/api/v1/namespace/default/")).data["name"] == "default"
    assert (await served.get("/api/v1/namespace/other/")).status == 404


async def make_token(served: Served, role: Role | None, **wanted: object) -> tuple[int, str]:
    found = await served.ask("POST", "/api/v1/token/", wanted, role)
    return found.status, found.document["data"]["token"] if found.status == 200 else found.document["message"]


async def test_a_token_makes_tokens_of_its_own_role_or_less(served: Served) -> None:
    status, secret = await make_token(served, Role.EDITOR)
    assert status == 200
    shown = await served.ask("GET", "/api/v1/permission/", headers={"authorization": f"Bearer {secret}"})
    assert shown.data["entity_roles"] == {"default/*": ["editor"]}
    assert shown.data["name"].startswith("the-editor.")
    served.laid.now += 1
    bindings = {"default/*": ["viewer"], "x/y": ["developer"]}
    assert (await make_token(served, Role.EDITOR, role_bindings=bindings))[0] == 200
    status, message = await make_token(served, Role.EDITOR, role_bindings={"*/*": ["viewer", "admin"]})
    assert (status, message) == (403, "the token the-editor has role editor and cannot make one of role admin")
    assert (await make_token(served, Role.EDITOR, role_bindings={"*/*": ["king"]}))[0] == 400
    assert (await make_token(served, Role.VIEWER))[0] == 403
    assert (await make_token(served, None))[0] == 401


@pytest.mark.parametrize(
    "moment",
    ["soon", "2026-13-01", "1970-01-01T00:00:00", "0001-01-01", "2026-11-28T03:00:00", "9999-12-31T23:59:59-12:00"],
)
async def test_a_token_cannot_end_at_what_is_no_time_to_come(served: Served, moment: str) -> None:
    """One that ended at the beginning of 1970 never did."""
    assert (await make_token(served, Role.ADMIN, exp=moment))[0] == 400


@pytest.mark.parametrize("moment", ["2026-12-24T12:00:00", "9999-12-31T23:59:59", "2027-01-01T00:00:00+02:00"])
async def test_a_token_ends_when_it_is_to(served: Served, moment: str) -> None:
    status, secret = await make_token(served, Role.ADMIN, exp=moment)
    assert status == 200
    shown = await served.ask("GET", "/api/v1/permission/", headers={"authorization": f"Bearer {secret}"})
    assert shown.data["expiration"] in {f"{moment}.000000", "2026-12-31T22:00:00.000000"}


async def test_a_token_made_from_one_that_ends_ends_no_later(served: Served) -> None:
    _, secret = await make_token(served, Role.ADMIN, exp="2026-12-24T12:00:00")
    shown = {"authorization": f"Bearer {secret}"}
    later = await served.ask("POST", "/api/v1/token/", {"exp": "2027-01-01"}, headers=shown)
    assert later.status == 403
    child = (await served.ask("POST", "/api/v1/token/", {}, headers=shown)).data["token"]
    permission = await served.ask("GET", "/api/v1/permission/", headers={"authorization": f"Bearer {child}"})
    assert permission.data["expiration"] == "2026-12-24T12:00:00.000000"


SAMPLE = re.compile(r'([a-z_]+)(?:\{([a-z]+)="([^"\\\n]*)"\})? (-?[0-9.]+)')


def samples_of(text: str) -> dict[tuple[str, str], float]:
    """Prometheus' text format, version 0.0.4, as far as it is used; whatever is not of it fails."""
    found: dict[tuple[str, str], float] = {}
    kinds: dict[str, str] = {}
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert kinds.setdefault(name, kind) == kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            family = re.sub("_(bucket|sum|count)$", "", match[1])
            assert match[1] in kinds or kinds[family] == "histogram"
            key = (match[1], match[3] or "")
            assert key not in found
            found[key] = float(match[4])
    return found


async def test_metrics_count_builds_events_durations_streams_and_disk(served: Served, laid: Laid) -> None:
    before = samples_of((await served.get("/metrics")).body.decode())
    assert before["condafs_environments", ""] == 0
    build = laid.submit("foo")
    laid.publish(build, InstalledPackage("six", "1"), seconds=7)
    waiting = laid.submit("bar")
    laid.start(waiting)
    laid.fail(waiting, "network", "no answer", 60)
    size = len((await served.get(f"/api/v1/build/{build.digest}/archive/")).body)
    answer = await served.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    after = samples_of(answer.body.decode())
    assert after["condafs_environments", ""] == 2
    assert (after["condafs_builds", "ready"], after["condafs_builds", "waiting"]) == (1, 1)
    assert after["condafs_queue_length", ""] == 1
    assert after["condafs_events_total", "published"] == 1
    assert after["condafs_build_retries_total", ""] == 1
    assert (after["condafs_build_seconds_bucket", "5.0"], after["condafs_build_seconds_bucket", "10.0"]) == (0, 1)
    assert after["condafs_build_seconds_bucket", "+Inf"] == after["condafs_build_seconds_count", ""] == 1
    assert after["condafs_build_seconds_sum", ""] == 7
    assert after["condafs_export_bytes_total", ""] == size
    assert after["condafs_http_streams", ""] == 0
    assert 0 < after["condafs_disk_free_bytes", ""] < after["condafs_disk_total_bytes", ""]


async def test_where_reading_is_not_open_a_token_is_needed_for_that_too(laid: Laid, served: Served) -> None:
    closed = Served(laid_closed(laid), served.house.nursery, is_open=False)
    for target in ("/api/v1/environment/", "/api/v1/build/", "/api/v1/usage/", "/api/v1/events/", "/metrics"):
        found = await closed.get(target)
        assert found.status == 401, target
        assert found.headers["www-authenticate"] == 'Bearer realm="condafs"'
    for target in ("/api/v1/environment/", "/metrics"):
        assert (await closed.get(target, Role.VIEWER)).status == 200
    assert (await closed.get("/api/v1/permission/")).data["entity_permissions"] == {"default/*": []}


def laid_closed(laid: Laid) -> Laid:
    """The same, with tokens of its own."""
    return replace(laid, settings=replace(laid.settings, http_directory=laid.settings.http_directory / "closed"))


async def test_the_openapi_document_tells_what_needs_a_token(served: Served) -> None:
    paths = (await served.get("/openapi.json")).document["paths"]
    reading = paths["/api/v1/build/"]["get"]["security"]
    assert {} in reading, "reading is open"
    assert {} not in paths["/api/v1/specification/"]["get"]["security"]
    assert {} not in paths["/api/v1/specification/"]["post"]["security"]
    assert (await served.get("/openapi.json")).document["paths"] == paths
