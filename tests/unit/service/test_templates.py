import re
from dataclasses import replace
from pathlib import Path

import pytest

from condafs.errors import UserError
from condafs.service.templates import SYSTEM_UNITS, Values, render, system_files, user_files

VALUES = Values(
    Path("/envs"), Path("/var/lib/condafs"), Path("/etc/condafs.yaml"), "/opt/c/bin/condafs", Path("/opt/c/py")
)


def test_nothing_is_left_to_be_filled_in() -> None:
    texts = [*system_files(VALUES).values(), *user_files(VALUES, Path("/home/ann/.config")).values()]
    assert len(texts) == len(SYSTEM_UNITS) + 4
    assert [found for text in texts for found in re.findall(r"@[a-z]+@", text)] == []


def test_the_units_run_the_condafs_that_installs_them() -> None:
    unit = render("condafs.service", VALUES)
    assert "\nExecStart=/opt/c/bin/condafs mount /envs --state /var/lib/condafs " in unit
    assert "\nExecStartPre=+/opt/c/py -P -m condafs.service.mounter mount /envs condafs %n\n" in unit


@pytest.mark.parametrize("place", ["/srv/my envs", "/srv/100%", "/srv/$HOME", '/srv/"x"', "/srv/a\nb"])
def test_paths_that_a_unit_would_read_otherwise_are_refused(place: str) -> None:
    with pytest.raises(UserError, match="cannot stand in a unit"):
        replace(VALUES, mountpoint=Path(place))
