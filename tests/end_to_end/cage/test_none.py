"""Without a cage: what the other tests find impossible is possible, so it is the cage that makes it impossible."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.builder.cage.level import Level
from condafs.builder.protocol import Succeeded
from tests.channel.hostile import with_script
from tests.end_to_end.cage.cell import Cell, furnished


@pytest.fixture
def cell() -> Iterator[Cell]:
    with furnished("somebody" if os.geteuid() else "root", Level.NONE) as cell:
        yield cell


def test_a_script_may_do_what_its_user_may_and_the_build_says_so(cell: Cell) -> None:
    script = [
        f"echo evil > {cell.victim}/new",
        f"cat {cell.victim}/secret > $PREFIX/share/read",
        "chmod u+w $PREFIX/share/zz-free/shared && echo evil >> $PREFIX/share/zz-free/shared",
        "perl -e 'use Socket; socket(F, AF_UNIX, SOCK_STREAM, 0) and print qq(MADE\\n)'",
        'echo "home is $HOME"',
    ]
    request = cell.request(cell.channel(with_script("zz-free", *script)), "zz-free")
    outcome = cell.run(request)
    assert isinstance(outcome, Succeeded)
    assert outcome.sandbox == "none"
    assert (cell.victim / "new").exists()
    assert (Path(request.prefix) / "share/read").read_text() == "hunter2\n"
    assert (cell.packages / "pkgs/zz-free-1.0-0/share/zz-free/shared").read_text() == "kept\nevil\n"
    assert "MADE" in cell.text
    assert f"home is {os.environ['HOME']}" in cell.text
    assert "sandbox: none; the settings want none" in cell.text
