"""The server against requests made up from its own OpenAPI document: no 5xx, no hang, nothing undocumented."""

import subprocess
import sys
from pathlib import Path

from tests.end_to_end.web.http_server import Server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "unsupported_method",
)


def test_no_request_is_more_than_the_server_can_answer(server: Server, hello: str, tmp_path: Path) -> None:
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json"),
        *("-H", f"Authorization: Bearer {server.token}"),
        *("--max-examples", "6", "--request-timeout", "60", "--workers", "2", "--seed", "1"),
        *("--checks", ",".join(CHECKS), "--exclude-path-regex", "events|logs"),
    ]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, cwd=tmp_path)
    assert outcome.returncode == 0, outcome.stdout[-6000:] + outcome.stderr
    assert server.get(f"/api/v1/environment/default/{hello}/", token="").status in {200, 404}
