"""Numbers of open files and directories."""

from condafs.filesystem.handles import Handles
from condafs.filesystem.inodes import Inodes
from condafs.filesystem.memory import Memory
from condafs.tree.node import Directory


class Root(Directory):
    """Nothing is in it."""

    @property
    def key(self) -> bytes:
        return b"root"


async def test_numbers_of_another_process_are_not_given_again_though_they_are_closed() -> None:
    root = Root()
    handles = Handles(Inodes(root, Memory()))
    await handles.recall({}, {7: 1}, last=99)
    assert handles.open_listing(root) == 100
    handles.close_listing(99)
    assert handles.listing(100).directory is root
    assert handles.listing(7).directory is root
