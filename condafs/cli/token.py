"""`token`: who may write over HTTP."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from condafs.cli.parameters import JsonOption
from condafs.cli.terminal import output, print_json, print_table, remarks
from condafs.config import load_settings, parse_duration
from condafs.errors import UserError
from condafs.web.access.roles import Role
from condafs.web.access.tokens import Token, TokenStore
from condafs.wording import time_text

ConfigOption = Annotated[Path | None, Parameter(name="--config", help="Settings file of the server.")]

token = App(name="token", help="Make, list and revoke the tokens that writing over HTTP needs.")


@token.command
def create(
    name: str,
    /,
    *,
    role: Literal["viewer", "editor", "admin"] = "editor",
    expires: str = "90d",
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Make a token and print it. It is shown this once and kept nowhere.

    Args:
        name: Recorded in the history beside everything that is done with it: letters, digits, '_', '.', '@', '-'.
        role: viewer reads (where reading is not open), editor submits and rolls back, admin deletes builds, too.
        expires: When it ends: 12h, 30d, or never.
        json: JSON for programs.
        config: Settings file of the server.
    """
    now = time.time()
    secret = _store(config).create(name, Role(role), now, _ends(expires, now))
    if json:
        print_json({"name": name, "role": role, "token": secret})
        return
    remarks().print(f"token {name}, {role}, ends {'never' if expires == 'never' else f'in {expires}'}; keep it safe:")
    output().print(secret)


@token.command(name="list")
def list_tokens(*, json: JsonOption = False, config: ConfigOption = None) -> None:
    """List the tokens: names, not secrets.

    Args:
        json: JSON for programs.
        config: Settings file of the server.
    """
    now = time.time()
    described = [_describe(item, now) for item in _store(config).tokens()]
    if json:
        print_json(described)
    elif described:
        rows = [[row["name"], row["role"], time_text(row["created"]), _end_text(row)] for row in described]
        print_table(("NAME", "ROLE", "CREATED", "ENDS"), rows)
    else:
        remarks().print("No tokens. Make one: condafs token create NAME")


@token.command
def revoke(name: str, /, *, config: ConfigOption = None) -> None:
    """End a token, at once.

    Args:
        name: Of the token.
        config: Settings file of the server.
    """
    _store(config).revoke(name)
    remarks().print(f"the token {name} is worth nothing from now on")


def _store(config: Path | None) -> TokenStore:
    return TokenStore(load_settings(config).http_directory)


def _ends(text: str, now: float) -> float:
    if text == "never":
        return 0
    try:
        return now + parse_duration(text)
    except ValueError as error:
        msg = f"--expires {error}, or never"
        raise UserError(msg) from None


def _describe(item: Token, now: float) -> dict[str, str]:
    ends = datetime.fromtimestamp(item.expires, UTC).isoformat(timespec="seconds") if item.expires else "never"
    created = datetime.fromtimestamp(item.created, UTC).isoformat(timespec="seconds")
    state = "valid" if item.is_valid(now) else "expired"
    return {"name": item.name, "role": item.role.value, "created": created, "ends": ends, "state": state}


def _end_text(row: dict[str, str]) -> str:
    return "never" if row["ends"] == "never" else time_text(row["ends"])
