"""What can go wrong, named by whose fault it is.

Every error that condafs raises on purpose descends from `CondafsError`; its text is one or more sentences that
say what, where and what to do. Each edge translates once: errno (`filesystem`), exit code (`cli`).
"""

from dataclasses import dataclass


class CondafsError(Exception):
    """Anything that condafs raises on purpose; `exit_code` is what the command line ends with."""

    exit_code = 1


class UserError(CondafsError):
    """The request cannot be carried out as it stands; the person who asked can mend it."""

    exit_code = 2


class InvalidNameError(UserError):
    """A text that cannot be an environment's name, a digest or a path component."""


class NotFoundError(UserError):
    """No environment, build, generation or file of that name."""

    exit_code = 3


class AmbiguousDigestError(UserError):
    """A digest prefix that more than one build of the environment begins with."""


class ForbiddenError(UserError):
    """Understood, but not allowed: the current build deleted, another environment's build adopted, and so on."""


class NotYoursError(ForbiddenError):
    """It belongs to somebody else, and only its owner or root may do that.

    Args:
        message: Says so; `{owner}` stands for the owner.
        owner_uid: Who that is. To find out the name may take long, so it is left to whoever can wait (`said_of`).
    """

    def __init__(self, message: str, owner_uid: int) -> None:
        super().__init__(message.format(owner=f"uid {owner_uid}"))
        self.owner_uid = owner_uid
        self._message = message

    def said_of(self, owner: str) -> str:
        """The message with a name in it."""
        return self._message.format(owner=owner)


class ConflictError(UserError):
    """Two files claim one environment name."""


class QuotaError(UserError):
    """What the user may have is used up."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a text: `line` and `column` count from 1, columns in characters; `text` is that line, unbroken."""

    line: int
    column: int
    text: str


class SpecificationError(UserError):
    """A specification file that is refused.

    Args:
        message: One sentence that says what is wrong.
        position: Where, when a place can be named.
        hint: What to write instead, when that can be guessed.
    """

    def __init__(self, message: str, position: Position | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.position = position
        self.hint = hint

    def render(self, file_name: str) -> str:
        """Several lines for a person: `file:line:column: message`, the line with a caret under it, the hint."""
        where = f"{file_name}:{self.position.line}:{self.position.column}" if self.position else file_name
        lines = [f"{where}: {self.message}"]
        if self.position:
            margin = f"{self.position.line:>5} | "
            caret_indent = "".join("\t" if c == "\t" else " " for c in self.position.text[: self.position.column - 1])
            lines += [margin + self.position.text, " " * (len(margin) - 2) + "| " + caret_indent + "^"]
        if self.hint:
            lines.append(f"help: {self.hint}")
        return "\n".join(lines) + "\n"


class MachineError(CondafsError):
    """The machine lacks something: /dev/fuse, fusermount3, room on the disk, a right."""

    exit_code = 4


class UnsoundPrefixError(CondafsError):
    """An environment that packages made into something that cannot be sealed."""


class DiskFullError(MachineError):
    """No room left where the state directory is."""


class CatalogError(CondafsError):
    """The catalog cannot be opened or written; what it holds stays as it was."""

    exit_code = 5


class TransitionError(CatalogError):
    """A step that the table of build states does not have."""
