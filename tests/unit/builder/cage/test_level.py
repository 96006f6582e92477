"""Levels in order, and when a demand is met."""

import pytest

from condafs.builder.cage.level import SETTINGS, Level, Reached, demanded, refusal
from condafs.cli.requirements import Level as Verdict
from condafs.cli.requirements import sandbox_finding
from condafs.config.values import SANDBOXES


def test_the_settings_file_knows_every_level() -> None:
    assert SANDBOXES == SETTINGS


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("level", Level)
def test_a_demand_is_met_by_as_much_or_more(setting: str, level: Level) -> None:
    assert (refusal(setting, Reached(level)) == "") is (level >= demanded(setting))


def test_a_refusal_says_what_was_wanted_what_there_is_and_where_to_look() -> None:
    text = refusal("unit", Reached(Level.LANDLOCK, ("Landlock 7",), ("bubblewrap is not installed",)))
    assert "demands unit" in text
    assert "landlock (Landlock 7); bubblewrap is not installed" in text
    assert "condafs doctor" in text


@pytest.mark.parametrize(
    ("setting", "reached", "verdict"),
    [
        ("auto", Reached(Level.BUBBLEWRAP, ("Landlock 7",)), Verdict.OK),
        ("auto", Reached(Level.UNIT, (), ("something",)), Verdict.OK),
        ("auto", Reached(Level.LANDLOCK, (), ("bubblewrap is not installed",)), Verdict.WARNING),
        ("auto", Reached(Level.NONE, (), ("no Landlock",)), Verdict.WARNING),
        ("none", Reached(Level.NONE), Verdict.WARNING),
        ("landlock", Reached(Level.NONE, (), ("no Landlock",)), Verdict.PROBLEM),
        ("unit", Reached(Level.BUBBLEWRAP), Verdict.PROBLEM),
    ],
)
def test_the_doctor_says_a_problem_where_no_build_would_be_made(
    setting: str, reached: Reached, verdict: Verdict
) -> None:
    finding = sandbox_finding(setting, reached)
    assert finding.level is verdict
    assert bool(finding.remedy) or verdict is Verdict.OK or setting == "none"
