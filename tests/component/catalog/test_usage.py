"""What users have, what they may have, and whose environments are."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from condafs.catalog import attempts, changes, claims
from condafs.catalog.events import Author
from condafs.catalog.records import BuildRecord, BuildState, FileRecord, UsageRecord
from condafs.catalog.rights import Policy, require_owner
from condafs.catalog.store import Catalog
from condafs.catalog.usage import DAY_SECONDS, count_anew, used_up
from condafs.config.quotas import NO_LIMITS, Limits
from condafs.errors import ConflictError, NotYoursError, QuotaError
from tests.component.catalog.records import build_name

ANN, BOB = 1000, 1001
NOW = 20_000 * DAY_SECONDS + 3600.0


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog") as opened:
        yield opened


def submission(name: str, number: int = 1, uid: int = ANN, file_name: str = "") -> claims.Submission:
    build = build_name(number, name)
    record = FileRecord(file_name or f"{name}.yaml", build.digest.hex, 1, 1, build.digest, build.name)
    return claims.Submission(record, b"{}", uid)


def submit(catalog: Catalog, one: claims.Submission, limits: Limits = NO_LIMITS, now: float = NOW) -> None:
    policy = Policy(limits_of=lambda _: limits)
    catalog.write_now(lambda t: claims.submit(t, one, now, policy))


def publish(catalog: Catalog, one: claims.Submission, own_bytes: int = 100) -> None:
    digest = one.file.digest
    assert digest
    catalog.write_now(lambda t: attempts.start(t, digest, NOW))
    catalog.write_now(lambda t: attempts.publish(t, digest, attempts.Sizes(1000, own_bytes, 1), NOW))


def usage(catalog: Catalog, uid: int = ANN) -> UsageRecord:
    with catalog.snapshot() as snapshot:
        return snapshot.usage(uid)


def test_environments_bytes_and_builds_of_the_day_are_kept(catalog: Catalog) -> None:
    foo = submission("foo", 1)
    submit(catalog, foo)
    publish(catalog, foo)
    submit(catalog, submission("bar", 2))
    assert usage(catalog) == UsageRecord(ANN, 2, 100, 20_000, 2)
    submit(catalog, foo)
    assert usage(catalog).builds == 2, "what is built costs nothing"
    submit(catalog, submission("bar", 3), now=NOW + DAY_SECONDS)
    assert (usage(catalog).day, usage(catalog).builds) == (20_001, 1)
    catalog.write_now(lambda t: claims.retire(t, "foo.yaml", NOW))
    assert usage(catalog).environments == 1
    catalog.write_now(lambda t: changes.delete(t, build_name(1, "foo"), NOW))
    assert usage(catalog).own_bytes == 0


def test_a_quota_is_exact_in_the_transaction(catalog: Catalog) -> None:
    limits = Limits(environments=1)
    submit(catalog, submission("foo"), limits)
    with pytest.raises(QuotaError, match="you have 1 of 1 environments"):
        submit(catalog, submission("bar", 2), limits)
    submit(catalog, submission("bar", 2, file_name="foo.yaml"), limits)
    with catalog.snapshot() as snapshot:
        assert [record.name.text for record in snapshot.environments() if not record.is_retired] == ["bar"]
    with pytest.raises(QuotaError):
        submit(catalog, submission("foo", file_name="other.yaml"), limits)
    assert usage(catalog) == UsageRecord(ANN, 1, 0, 20_000, 2)


def test_a_retired_environment_that_comes_back_counts_as_one_more(catalog: Catalog) -> None:
    submit(catalog, submission("foo"))
    publish(catalog, submission("foo"))
    catalog.write_now(lambda t: claims.retire(t, "foo.yaml", NOW))
    submit(catalog, submission("bar", 2))
    with pytest.raises(QuotaError):
        submit(catalog, submission("foo"), Limits(environments=1))


def test_touching_is_a_build_and_refused_as_one(catalog: Catalog) -> None:
    submit(catalog, submission("foo"))
    catalog.write_now(lambda t: changes.cancel(t, build_name(1), NOW))
    policy = Policy(limits_of=lambda _: Limits(builds_per_day=2))
    catalog.write_now(lambda t: claims.retry(t, "foo.yaml", NOW, policy))
    assert usage(catalog).builds == 2
    catalog.write_now(lambda t: claims.retry(t, "nothing.yaml", NOW, policy))
    catalog.write_now(lambda t: changes.cancel(t, build_name(1), NOW))
    with pytest.raises(QuotaError, match="you began 2 of 2 builds of today"):
        catalog.write_now(lambda t: claims.retry(t, "foo.yaml", NOW, policy))
    catalog.write_now(lambda t: claims.retry(t, "foo.yaml", NOW + DAY_SECONDS, policy))


def test_all_that_is_used_up_is_told() -> None:
    used = UsageRecord(ANN, 5, 2000, 20_000, 7)
    text = used_up(used, Limits(5, 7, 2000), NOW)
    assert "you have 5 of 5 environments" in text
    assert "you began 7 of 7 builds of today" in text
    assert "in 23 h 0 min" in text
    assert "your builds take 2.0 kB of 2.0 kB" in text
    assert used_up(used, Limits(6, 8, 2001), NOW) == ""
    assert used_up(used, Limits(builds_per_day=7), NOW + DAY_SECONDS) == "", "tomorrow is another day"
    assert used_up(UsageRecord(ANN), Limits(0, 0, 0), NOW).count(";") == 2


def test_counting_anew_mends_what_an_older_daemon_left(catalog: Catalog) -> None:
    for one in (submission("foo", 1), submission("bar", 2, BOB)):
        submit(catalog, one)
        publish(catalog, one)
    right = [usage(catalog, ANN), usage(catalog, BOB)]
    catalog.write_now(lambda t: t.put_usage(UsageRecord(ANN, 77, 77, 20_000, 1)))
    catalog.write_now(lambda t: t.put_usage(UsageRecord(55, 1, 1)))
    catalog.write_now(lambda t: t.put_build(replace(t.build(build_name(2).digest) or fail(), owner_uid=ANN)))
    catalog.write_now(count_anew)
    assert [usage(catalog, ANN), usage(catalog, BOB)] == right
    assert usage(catalog, 55) == UsageRecord(55)
    with catalog.snapshot() as snapshot:
        assert {build.owner_uid for build in snapshot.builds()} == {ANN, BOB}


def fail() -> BuildRecord:
    raise AssertionError


def test_a_name_is_its_owners_until_its_last_build_is_gone(catalog: Catalog) -> None:
    foo = submission("foo")
    submit(catalog, foo)
    publish(catalog, foo)
    with pytest.raises(ConflictError):
        submit(catalog, submission("foo", 2, BOB, "other.yaml"))
    with pytest.raises(NotYoursError, match="belongs to uid 1000"):
        submit(catalog, submission("foo", 2, BOB))
    catalog.write_now(lambda t: claims.retire(t, "foo.yaml", NOW))
    with pytest.raises(NotYoursError, match="is retired, but builds of it are there") as caught:
        submit(catalog, submission("foo", 2, BOB))
    assert "which ann and root can do" in caught.value.said_of("ann")
    catalog.write_now(lambda t: changes.delete(t, build_name(1), NOW))
    catalog.write_now(lambda t: changes.erase(t, build_name(1).digest, NOW))
    submit(catalog, submission("foo", 2, BOB))
    assert usage(catalog, BOB).environments == 1


def test_what_root_takes_over_is_roots_with_all_its_builds(catalog: Catalog) -> None:
    for number in (1, 2):
        submit(catalog, submission("foo", number))
        publish(catalog, submission("foo", number))
    submit(catalog, submission("foo", 3, 0))
    with catalog.snapshot() as snapshot:
        environment = snapshot.environment(build_name(1).name)
        assert environment
        assert environment.owner_uid == 0
        assert {build.owner_uid for build in snapshot.builds()} == {0}
    assert (usage(catalog).environments, usage(catalog).own_bytes) == (0, 0)
    assert (usage(catalog, 0).environments, usage(catalog, 0).own_bytes) == (1, 200)
    catalog.write_now(lambda t: claims.give_file(t, "foo.yaml", BOB))
    catalog.write_now(lambda t: claims.give_file(t, "unknown.yaml", BOB))
    assert (usage(catalog, BOB).environments, usage(catalog, BOB).own_bytes) == (1, 200)


def test_only_the_owner_root_and_the_daemon_steer(catalog: Catalog) -> None:
    submit(catalog, submission("foo"))
    policy = Policy(frozenset({-1, 0, 33}))
    for uid in (ANN, 0, 33, -1):
        catalog.write_now(lambda t: require_owner(t, build_name(1).name, policy), Author(uid))
    with pytest.raises(NotYoursError, match="foo belongs to uid 1000: only its owner or root"):
        catalog.write_now(lambda t: require_owner(t, build_name(1).name, policy), Author(BOB))
    catalog.write_now(lambda t: require_owner(t, build_name(1, "unknown").name, policy), Author(BOB))


def test_a_build_that_becomes_ready_twice_is_counted_once(catalog: Catalog) -> None:
    foo = submission("foo")
    submit(catalog, foo)
    publish(catalog, foo)
    catalog.write_now(lambda t: t.put_build(t.build(build_name(1).digest) or fail()))
    assert usage(catalog).own_bytes == 100
    with catalog.snapshot() as snapshot:
        assert snapshot.count_by_state()[BuildState.READY] == 1
