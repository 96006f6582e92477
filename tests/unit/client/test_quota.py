"""What users have, read from a directory that stands for the mount."""

import os
from pathlib import Path

import pytest

from condafs.client.envs import Envs
from condafs.client.quota import Quota, parse_quota, read_quota, read_quotas


def test_a_document_becomes_a_value() -> None:
    text = 'environments: 3\nmax_environments: 5\nown_bytes: 7\nused_up: "you have enough"\n'
    assert parse_quota(text, 9) == Quota(9, 3, 5, own_bytes=7, used_up="you have enough")


@pytest.mark.parametrize("text", ["", "[", "- 1\n", "environments: many\n", "builds_today: yes\n", "more: 1\n"])
def test_what_is_missing_or_odd_is_as_if_it_were_not_there(text: str) -> None:
    assert parse_quota(text, 9) == Quota(9)


def test_a_daemon_that_does_not_count_says_nothing(tmp_path: Path) -> None:
    envs = Envs(tmp_path)
    assert read_quota(envs) == Quota(os.geteuid())
    assert list(read_quotas(envs)) == []


def test_all_are_sorted_by_number(tmp_path: Path) -> None:
    (tmp_path / ".status/.quota").mkdir(parents=True)
    for uid in (1000, 33, 2):
        (tmp_path / f".status/.quota/{uid}").write_text(f"environments: {uid}\n")
    assert [(q.uid, q.environments) for q in read_quotas(Envs(tmp_path))] == [(2, 2), (33, 33), (1000, 1000)]
