import pytest
import trio
import trio.testing

from condafs.catalog.events import DAEMON, Author
from condafs.catalog.records import BuildState
from condafs.errors import NotFoundError, SpecificationError
from condafs.names import BuildName, EnvironmentName
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings
from tests.component.scheduler.scripted import (
    NETWORK,
    UNSATISFIABLE,
    House,
    build_for,
    specification,
)


async def test_the_log_is_there_when_a_submission_returns(house: House) -> None:
    house.runner.hold()
    build = await house.write("foo.yaml", specification("foo"))
    assert house.log(build).splitlines()[0].endswith(" queued")


async def test_the_same_bytes_again_make_nothing(house: House) -> None:
    await house.ready("foo.yaml", specification("foo"))
    before = house.environment("foo")
    await house.write("foo.yaml", b"# a comment\n" + specification("foo"))
    assert house.environment("foo") == before
    assert len(house.runner.requests) == 1


async def test_the_journal_names_who_asked(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo"))
    second = await house.ready("foo.yaml", specification("foo", "other"))
    web, ann = Author(0, "ci"), Author(1000)
    await house.steering.roll_back(first.name, first.digest, web)
    await house.steering.delete_build(second, ann)
    house.runner.hold()
    third = await house.write("foo.yaml", specification("foo", "third"))
    await house.steering.cancel(third, web)
    with pytest.raises(SpecificationError):
        await house.intake.submit("foo.yaml", b"name: a/b\n", 5, 1000, web)
    await house.intake.note_refusal("bar.yaml", ann)
    await house.intake.retry("foo.yaml", ann)
    await house.intake.retire("foo.yaml", web)
    with house.catalog.snapshot() as snapshot:
        told = [(event.kind.value, Author(event.uid, event.behalf)) for event in snapshot.events()]
    by_people = [(kind, author) for kind, author in told if author != DAEMON]
    assert by_people == [
        ("submitted", ann),
        ("submitted", ann),
        ("moved", web),
        ("deleted", ann),
        ("submitted", ann),
        ("cancelled", web),
        ("refused", web),
        ("refused", ann),
        ("submitted", ann),
        ("retired", web),
        ("cancelled", web),
    ]
    assert {kind for kind, author in told if author == DAEMON} == {"started", "published", "moved"}


IMAGE = b"image: {user: nobody, labels: {a: 1}}\n"
SETTINGS = ImageSettings(labels=(("a", "1"),), user="nobody")


def _image(house: House, name: str) -> ImageSettings:
    with house.catalog.snapshot() as snapshot:
        return snapshot.image(EnvironmentName(name))


async def test_another_image_is_remembered_and_builds_nothing(house: House) -> None:
    await house.ready("foo.yaml", specification("foo"))
    before = house.environment("foo")
    assert _image(house, "foo") == DEFAULT_IMAGE
    await house.write("foo.yaml", specification("foo") + IMAGE)
    assert _image(house, "foo") == SETTINGS
    await house.write("foo.yaml", specification("foo") + b"image: {user: root}\n")
    assert _image(house, "foo") == ImageSettings(user="root")
    await house.write("foo.yaml", specification("foo"))
    assert _image(house, "foo") == DEFAULT_IMAGE
    await house.idle()
    assert house.environment("foo") == before
    assert len(house.runner.requests) == 1


async def test_a_refused_document_leaves_the_image_of_the_last_one(house: House) -> None:
    await house.ready("foo.yaml", specification("foo") + IMAGE)
    with pytest.raises(SpecificationError, match="absolute path"):
        await house.write("foo.yaml", specification("foo") + b"image: {workdir: srv}\n")
    assert _image(house, "foo") == SETTINGS


async def test_an_image_goes_along_when_its_file_is_renamed_and_stays_when_it_is_retired(house: House) -> None:
    build = await house.ready("foo.yaml", specification("foo") + IMAGE)
    await house.intake.rename("foo.yaml", "other.yaml", specification("foo") + IMAGE, 5, 1000)
    assert _image(house, "foo") == SETTINGS
    await house.intake.rename("other.yaml", "foo.yaml", specification("foo") + b"image: {base: none}\n", 5, 1000)
    assert _image(house, "foo") == ImageSettings(base="none")
    await house.intake.retire("foo.yaml")
    assert _image(house, "foo") == ImageSettings(base="none")
    await house.steering.delete_build(build)
    await house.until(build, None)
    await house.idle()
    assert house.environment("foo") is None
    assert _image(house, "foo") == DEFAULT_IMAGE


async def test_a_rollback_keeps_the_image_of_the_latest_document(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo", "a"))
    await house.ready("foo.yaml", specification("foo", "b") + IMAGE)
    await house.steering.roll_back(first.name, first.digest)
    assert _image(house, "foo") == SETTINGS


async def test_writing_an_earlier_specification_is_a_rollback_at_once(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo", "a"))
    await house.ready("foo.yaml", specification("foo", "b"))
    await house.write("foo.yaml", specification("foo", "a"))
    record = house.environment("foo")
    assert record
    assert (record.current, record.last_generation) == (first.digest, 2)
    assert "foo points here now" in house.log(first)


async def test_a_refused_file_is_remembered_with_the_reason_and_its_environment_stays(house: House) -> None:
    build = await house.ready("foo.yaml", specification("foo"))
    with pytest.raises(SpecificationError):
        await house.write("foo.yaml", b"name: foo\nchanels: [zz]\n")
    with house.catalog.snapshot() as snapshot:
        file = snapshot.file("foo.yaml")
    assert file
    assert file.refusal.startswith("foo.yaml:2:1: ")
    assert (file.digest, file.name) == (None, EnvironmentName("foo"))
    assert house.current("foo") == build.digest
    await house.write("foo.yaml", specification("foo"))
    with house.catalog.snapshot() as snapshot:
        accepted = snapshot.file("foo.yaml")
    assert accepted
    assert (accepted.refusal, accepted.digest) == ("", build.digest)


async def test_a_refused_file_that_is_removed_retires_what_it_described(house: House) -> None:
    await house.ready("foo.yaml", specification("foo"))
    with pytest.raises(SpecificationError):
        await house.write("foo.yaml", b"name: [foo\n")
    await house.intake.retire("foo.yaml")
    record = house.environment("foo")
    assert record
    assert record.is_retired


async def test_two_files_cannot_claim_one_name(house: House) -> None:
    await house.ready("foo.yaml", specification("foo"))
    content = specification("foo", "other")
    with pytest.raises(SpecificationError, match=r"foo\.yaml"):
        house.intake.check("bar.yaml", content, 1000)
    with pytest.raises(SpecificationError, match=r"foo\.yaml"):
        await house.intake.submit("bar.yaml", content, 1, 1000)
    record = house.environment("foo")
    assert record
    assert record.file_name == "foo.yaml"
    with house.catalog.snapshot() as snapshot:
        refused = snapshot.file("bar.yaml")
    assert refused
    assert "foo.yaml" in refused.refusal
    await house.intake.retire("foo.yaml")
    assert house.intake.check("bar.yaml", content, 1000)


async def test_removing_a_refused_second_file_leaves_the_first_one_alone(house: House) -> None:
    build = await house.ready("foo.yaml", specification("foo"))
    with pytest.raises(SpecificationError):
        await house.intake.submit("bar.yaml", specification("foo", "other"), 1, 1000)
    await house.intake.retire("bar.yaml")
    record = house.environment("foo")
    assert record
    assert (record.file_name, record.current) == ("foo.yaml", build.digest)


async def test_checking_changes_nothing(house: House) -> None:
    assert house.intake.check("foo.yaml", specification("foo"), 1000)
    assert house.intake.check("foo.yaml", b"\n", 1000) is None
    assert house.intake.check("notes.txt", b"hello\n", 1000) is None
    with pytest.raises(SpecificationError):
        house.intake.check("foo.yaml", b"name: a/b\n", 1000)
    with house.catalog.snapshot() as snapshot:
        assert list(snapshot.files()) == []
        assert list(snapshot.environment_names()) == []


async def test_a_renamed_file_takes_its_claim_along_and_a_rollback_holds(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo", "a"))
    content = specification("foo", "b")
    await house.ready("foo.yaml", content)
    await house.steering.roll_back(first.name, first.digest)
    await house.intake.rename("foo.yaml", "other.yaml", content, 5, 1000)
    record = house.environment("foo")
    assert record
    assert (record.file_name, record.current, record.wanted) == ("other.yaml", first.digest, first.digest)
    with house.catalog.snapshot() as snapshot:
        assert [file.file_name for file in snapshot.files()] == ["other.yaml"]


async def test_a_file_named_by_its_stem_describes_another_environment_after_a_rename(house: House) -> None:
    content = b"dependencies: [zz-pure]\nchannels: [zz]\n"
    build = await house.ready("foo.yaml", content)
    await house.intake.rename("foo.yaml", "bar.yaml", content, 5, 1000)
    other = build_for(content, "bar.yaml")
    await house.until(other, BuildState.READY)
    foo, bar = house.environment("foo"), house.environment("bar")
    assert foo
    assert bar
    assert (foo.is_retired, foo.current) == (True, build.digest)
    assert (bar.is_retired, bar.current) == (False, other.digest)


async def test_a_file_renamed_over_another_releases_what_that_one_described(house: House) -> None:
    foo, bar = specification("foo"), specification("bar")
    await house.ready("foo.yaml", foo)
    build = await house.ready("bar.yaml", bar)
    await house.intake.rename("bar.yaml", "foo.yaml", bar, 5, 1000)
    retired, moved = house.environment("foo"), house.environment("bar")
    assert retired
    assert moved
    assert retired.is_retired
    assert (moved.file_name, moved.current) == ("foo.yaml", build.digest)


async def test_a_rename_that_is_refused_retires_what_the_file_described(house: House) -> None:
    await house.ready("foo.yaml", specification("foo"))
    with pytest.raises(SpecificationError):
        await house.intake.rename("foo.yaml", "bar.yaml", b"name: a/b\n", 5, 1000)
    record = house.environment("foo")
    assert record
    assert record.is_retired


async def test_a_file_that_describes_another_name_from_now_on_retires_the_old_one(house: House) -> None:
    await house.ready("env.yaml", specification("foo"))
    await house.ready("env.yaml", specification("bar"))
    retired = house.environment("foo")
    assert retired
    assert retired.is_retired
    assert house.current("bar")


async def test_a_list_that_becomes_a_note_retires_what_it_described(house: House) -> None:
    content = b"@EXPLICIT\nhttps://zz.example/noarch/zz-pure-1-0.conda\n"
    await house.ready("foo.txt", content)
    await house.intake.submit("foo.txt", b"just a note\n", 5, 1000)
    record = house.environment("foo")
    assert record
    assert record.is_retired


async def test_touching_tries_a_failed_build_again(house: House) -> None:
    house.runner.outcomes = [UNSATISFIABLE]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.FAILED)
    await house.intake.retry("foo.yaml")
    await house.until(build, BuildState.READY)


async def test_touching_tries_a_waiting_build_now_with_fresh_tries(house: House) -> None:
    house.runner.outcomes = [NETWORK]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until_tried(build, 1, BuildState.WAITING)
    house.runner.hold()
    await house.intake.retry("foo.yaml")
    record = await _until_building(house, build)
    assert record == 1
    house.runner.release()
    await house.until(build, BuildState.READY)


async def _until_building(house: House, build: BuildName) -> int:
    await house.until(build, BuildState.BUILDING)
    record = house.build(build)
    assert record
    return record.attempts


async def test_touching_never_changes_what_is_wanted(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo", "a"))
    second = await house.ready("foo.yaml", specification("foo", "b"))
    await house.steering.roll_back(first.name, first.digest)
    await house.intake.retry("foo.yaml")
    assert house.current("foo") == first.digest
    assert house.state(second) is BuildState.READY


async def test_touching_what_is_not_known_is_nothing(house: House) -> None:
    await house.intake.retry("never.yaml")
    await house.intake.retire("never.yaml")


async def test_retiring_cancels_what_is_built_and_keeps_what_was(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo", "a"))
    house.runner.hold()
    second = await house.write("foo.yaml", specification("foo", "b"))
    await house.runner.wait_until(lambda: bool(house.runner.at_work))
    await house.intake.retire("foo.yaml")
    await house.idle()
    assert house.state(first) is BuildState.READY
    assert house.state(second) is BuildState.CANCELLED
    assert not house.prefix(second).exists()
    with house.catalog.snapshot() as snapshot:
        assert list(snapshot.visible_names()) == []


async def test_a_retired_environment_comes_back_with_its_file_and_its_numbers(house: House) -> None:
    first = await house.ready("foo.yaml", specification("foo", "a"))
    await house.intake.retire("foo.yaml")
    second = await house.ready("foo.yaml", specification("foo", "b"))
    record = house.build(second)
    assert record
    assert record.generation == 2
    with pytest.raises(NotFoundError):
        await house.steering.roll_back(EnvironmentName("bar"), first.digest)


async def test_a_thousand_specifications_at_once_are_all_accepted_and_built_once(house: House) -> None:
    contents = {f"e{i:04d}.yaml": specification(f"e{i:04d}") for i in range(1000)}
    async with trio.open_nursery() as nursery:
        for file_name, content in contents.items():
            nursery.start_soon(house.intake.submit, file_name, content, 1, 1000)
    with house.catalog.snapshot() as snapshot:
        assert [file.file_name for file in snapshot.files()] == sorted(contents)
        assert list(snapshot.environment_names()) == [name.removesuffix(".yaml") for name in sorted(contents)]
    with trio.fail_after(120):
        await house.runner.wait_until(lambda: len(house.runner.requests) == 1000)
    await house.idle()
    assert len(house.runner.requests) == len({request.build for request in house.runner.requests}) == 1000
    with house.catalog.snapshot() as snapshot:
        assert snapshot.count_by_state()[BuildState.READY] == 1000


async def test_credentials_do_not_show_in_refusals(house: House) -> None:
    content = b"name: foo\nchannels: [https://me:secret@zz.example]\nchannels: [zz]\n"
    with pytest.raises(SpecificationError):
        await house.intake.submit("foo.yaml", content, 1, 1000)
    with house.catalog.snapshot() as snapshot:
        file = snapshot.file("foo.yaml")
    assert file
    assert "secret" not in file.refusal


async def test_an_environment_name_must_leave_room_in_the_prefix(house: House) -> None:
    room = 255 - len(str(house.settings.builds).encode()) - 1 - 65
    assert house.intake.check("foo.yaml", specification("n" * room), 1000)
    with pytest.raises(SpecificationError):
        house.intake.check("foo.yaml", specification("n" * (room + 1)), 1000)
