"""What somebody may do, in three steps, and conda-store's words for it."""

from enum import StrEnum


class Role(StrEnum):
    """From the least to the most; each may do what those before it may."""

    VIEWER = "viewer"  # read
    EDITOR = "editor"  # submit, solve, roll back, cancel, try again, retire
    ADMIN = "admin"  # delete builds

    def includes(self, other: "Role") -> bool:
        """Whether who has this role may do what the other may."""
        order = list(Role)
        return order.index(self) >= order.index(other)


_READ = ["build::read", "environment::read", "namespace::read", "setting::read"]
_EDIT = [
    "build::cancel",
    "environment::create",
    "environment::delete",
    "environment::solve",
    "environment::update",
    "namespace::create",
]

PERMISSIONS = {
    Role.VIEWER: _READ,
    Role.EDITOR: sorted([*_READ, *_EDIT]),
    Role.ADMIN: sorted([*_READ, *_EDIT, "build::delete"]),
}
"""As conda-store's clients look for them: its web interface offers "new environment" to who may `namespace::create`."""

CONDA_STORE_ROLES = {"viewer": Role.VIEWER, "developer": Role.EDITOR, "editor": Role.EDITOR, "admin": Role.ADMIN}
"""What its clients ask for when they make tokens."""
