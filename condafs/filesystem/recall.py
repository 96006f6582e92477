"""What the kernel was told by a daemon that is gone, known again: inodes, then open files and directories."""

from condafs.filesystem.ledger import Ledger
from condafs.filesystem.operations import Operations
from condafs.tree.tree import Tree


async def recall(ledger: Ledger, tree: Tree, operations: Operations) -> None:
    """Know what is in the ledger. What is not there any more, as a build that was deleted, is stale from now on."""
    for number, key in ledger.nodes.items():
        node = await tree.recall(key)
        if node is None:
            ledger.note_forgotten(number)
        else:
            operations.inodes.recall(number, node)
    await operations.handles.recall(ledger.opened, ledger.listings, ledger.last_handle)
    tree.drop_open_files({ledger.nodes.get(inode, b"") for inode, _ in ledger.opened.values()})
    ledger.flush()
