import json
import os

from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

MINE = "environments: 2\nmax_environments: 2\nbuilds_today: 3\nown_bytes: 5000\nmax_own_bytes: 20000\nused_up: enough\n"


def fill(envs: FakeEnvs, **documents: str) -> None:
    directory = envs.mount / ".status" / ".quota"
    directory.mkdir()
    for uid, text in documents.items():
        (directory / uid.strip("_")).write_text(text)


def test_ones_own_use_is_shown_with_the_limits_that_there_are(run: Run, envs: FakeEnvs) -> None:
    fill(envs, **{str(os.geteuid()): MINE, "3999999999": "environments: 1\n"})
    outcome = run("quota")
    assert outcome.words[0] == ["USER", "ENVIRONMENTS", "BUILDS TODAY", "BYTES"]
    assert outcome.words[1][1:] == ["2 of 2", "3", "5.0 kB of 20 kB"]
    assert len(outcome.words) == 2
    assert outcome.err == "enough\n"


def test_all_users_are_shown_when_that_is_asked_for(run: Run, envs: FakeEnvs) -> None:
    fill(envs, **{str(os.geteuid()): MINE, "3999999999": "environments: 1\n"})
    assert run("quota", "--all").words[2] == ["3999999999", "1", "0", "0 B"]
    assert [item["environments"] for item in json.loads(run("quota", "--all", "--json").out)] == [2, 1]
    assert json.loads(run("quota", "--json").out)["max_own_bytes"] == 20000
