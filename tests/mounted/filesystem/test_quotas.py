"""What users may have, as they meet it: in the shell, when a file is closed."""

import os
from pathlib import Path

import pytest
import yaml

from tests.mounted.conftest import Daemon, specification, until
from tests.mounted.people import ANN, BOB, GROUP, SETTINGS, Person
from tests.way import open_the_way_to

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

FULL = "Disk quota exceeded"


@pytest.fixture
def settings() -> str:
    """Two environments and four builds a day; builds of these tests have 10 bytes of their own each."""
    special = f'{{"{BOB.uid}": {{environments: none, bytes: 20}}, "@{GROUP}": {{environments: 0}}}}'
    return f"{SETTINGS}quota-environments: 2\nquota-builds-per-day: 4\nquotas: {special}\n"


@pytest.fixture
def limited(daemon: Daemon, tmp_path: Path) -> Daemon:
    open_the_way_to(tmp_path)
    return daemon


def write(daemon: Daemon, who: Person, name: str, word: str = "one", script: str = "") -> str:
    """Error output of `cp`."""
    text = specification(word, name=name, script=script)
    return who.run(f"cat > /tmp/q-$$; cp /tmp/q-$$ $M/.specs/{name}.yaml", daemon.mount, text).stderr


def quota(daemon: Daemon, who: Person) -> dict[str, object]:
    document = yaml.safe_load((daemon.mount / f".status/.quota/{who.uid}").read_text())
    assert isinstance(document, dict)
    return document


def test_an_environment_too_many_is_refused_when_the_file_is_closed(limited: Daemon) -> None:
    assert write(limited, ANN, "a") == write(limited, ANN, "b") == ""
    assert FULL in write(limited, ANN, "c")
    message = (limited.specs / "c.yaml.error").read_text()
    assert "you have 2 of 2 environments" in message
    assert not (limited.mount / ".status/c").exists()
    assert write(limited, ANN, "a", "other") == "", "an environment that is there is no new one"
    assert "you have 2 of 2" in str(quota(limited, ANN)["used_up"])
    assert ANN.run("rm $M/.specs/b.yaml && touch $M/.specs/c.yaml", limited.mount).returncode == 0
    limited.until_state("ready", "c")
    assert not (limited.specs / "c.yaml.error").exists()


def test_renaming_into_place_is_refused_with_nothing_moved(limited: Daemon) -> None:
    assert write(limited, ANN, "a") == write(limited, ANN, "b") == ""
    text = specification(name="c")
    done = ANN.run("cat > $M/.specs/.t; mv $M/.specs/.t $M/.specs/c.yaml", limited.mount, text)
    assert FULL in done.stderr
    assert not (limited.specs / "c.yaml").exists()
    assert (limited.specs / ".t").exists()
    done = ANN.run("mv $M/.specs/b.yaml $M/.specs/renamed.yaml", limited.mount)
    assert done.returncode == 0, "another file name is no environment more"


def test_builds_of_the_day_are_counted_and_what_exists_costs_nothing(limited: Daemon) -> None:
    for word in ("one", "two", "three", "four"):
        assert write(limited, ANN, "a", word) == ""
        limited.until_state("ready", "a")
    assert FULL in write(limited, ANN, "a", "five")
    assert "you began 4 of 4 builds of today" in (limited.specs / "a.yaml.error").read_text()
    assert write(limited, ANN, "a", "two") == "", "the same specification is the same build"
    assert limited.status("a")["current"]["generation"] == 2  # type: ignore[index]
    assert quota(limited, ANN)["builds_today"] == 4
    limited.restart()
    assert FULL in write(limited, ANN, "a", "five"), "over a restart, too"


def test_touching_what_failed_is_a_build_of_the_day(limited: Daemon) -> None:
    assert write(limited, ANN, "a", script="fail") == ""
    for _ in range(3):
        limited.until_state("failed", "a")
        begun = quota(limited, ANN)["builds_today"]
        assert ANN.run("touch $M/.specs/a.yaml", limited.mount).returncode == 0
        until(lambda n=begun: quota(limited, ANN)["builds_today"] != n, "it is tried again")  # type: ignore[misc]
    limited.until_state("failed", "a")
    assert FULL in ANN.run("touch $M/.specs/a.yaml", limited.mount).stderr
    assert "you began 4 of 4" in (limited.specs / "a.yaml.error").read_text()


def test_bytes_are_those_of_published_builds_and_come_back_with_their_removal(limited: Daemon) -> None:
    for word in ("one", "two"):
        assert write(limited, BOB, "a", word) == ""
        limited.until_state("ready", "a")
    assert FULL in write(limited, BOB, "b")
    assert "your builds take 20 B of 20 B" in (limited.specs / "b.yaml.error").read_text()
    assert BOB.run("rm $M/a@-1", limited.mount).returncode == 0
    assert quota(limited, BOB)["own_bytes"] == 10
    assert write(limited, BOB, "b") == ""


def test_ones_own_entry_counts_before_that_of_a_group_and_both_before_what_holds_for_all(limited: Daemon) -> None:
    for number in range(3):
        assert write(limited, BOB, f"b{number}", script="hang") == ""
    assert quota(limited, BOB) == {
        "environments": 3,
        "builds_today": 3,
        "max_builds_per_day": 4,
        "own_bytes": 0,
        "max_own_bytes": 20,
    }
    games = yaml.safe_load((limited.mount / ".status/.quota/5").read_text())  # Debian's user `games`
    assert games["max_environments"] == 0
    assert "you have 0 of 0 environments" in games["used_up"]


def test_root_has_no_quota(limited: Daemon) -> None:
    for number in range(6):
        limited.write(name=f"r{number}")
    assert "max_environments" not in yaml.safe_load((limited.mount / ".status/.quota/0").read_text())


def test_of_many_who_write_at_once_so_many_are_let_through_as_may(limited: Daemon) -> None:
    text = specification("one", name="N")
    command = "for i in 1 2 3 4 5 6 7 8; do (sed s/N/n$i/ /tmp/q-$$ > $M/.specs/n$i.yaml) & done; wait"
    ANN.run(f"cat > /tmp/q-$$; {command}", limited.mount, text)
    until(lambda: len(list(limited.specs.glob("*.error"))) == 6, "six are refused")
    assert quota(limited, ANN)["environments"] == 2
    assert len(os.listdir(limited.mount / ".status")) == 2


def test_the_command_line_says_what_is_used_and_why_something_is_refused(limited: Daemon) -> None:
    assert write(limited, ANN, "a") == write(limited, ANN, "b") == ""
    file = limited.state.parent / "c.yaml"
    file.write_text(specification(name="c"))
    done = ANN.condafs(limited.mount, "build", str(file))
    assert done.returncode == 2
    assert "you have 2 of 2 environments (quota-environments)" in done.stderr
    done = ANN.condafs(limited.mount, "quota")
    assert done.stdout.split("\n")[1].split() == [str(ANN.uid), "2", "of", "2", "2", "of", "4", "20", "B"]
    assert "retire one" in done.stderr
