"""The tour knows when something else happens than it says."""

import re

import pytest

from condafs.demo.bash import Ran
from condafs.demo.story import EMBEDDED, PUBLIC, Step, Subject, tell_story
from condafs.demo.tour import find_problem


def test_a_step_that_does_what_is_expected_is_no_problem() -> None:
    assert find_problem(Step("x", prints=("a+",), lacks=("b",)), Ran(0, "aaa")) == ""


@pytest.mark.parametrize(
    ("step", "ran"),
    [
        (Step("x"), Ran(1, "")),
        (Step("x", fails=True), Ran(0, "")),
        (Step("x", prints=("a", "b")), Ran(0, "a")),
        (Step("x", lacks=("a",)), Ran(0, "a")),
    ],
)
def test_anything_else_is_named(step: Step, ran: Ran) -> None:
    assert "`x`" in find_problem(step, ran)


@pytest.mark.parametrize("subject", [EMBEDDED, PUBLIC])
def test_the_story_is_sound(subject: Subject) -> None:
    for chapter in tell_story(subject, "~/envs"):
        assert all(len(line) <= 110 for step in chapter.steps for line in step.command.split("\n"))
        for step in chapter.steps:
            [re.compile(pattern) for pattern in (*step.prints, *step.lacks)]


def test_the_story_shows_both_versions_of_the_running_process() -> None:
    wanted = [
        pattern for chapter in tell_story(EMBEDDED, "~/envs") for step in chapter.steps for pattern in step.prints
    ]
    assert any("started with 1.0" in pattern for pattern in wanted)
    assert any("still works with 1.0" in pattern for pattern in wanted)
    assert any("condafs-hello 2.0" in pattern for pattern in wanted)
