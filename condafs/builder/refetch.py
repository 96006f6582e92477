"""`python -m condafs.builder.refetch`: one archive, fetched, compared with its sum, extracted beside the package cache.

For repairs. The request is one JSON line on standard input: `url`, `sha256` in hex, and `directory`, which exists and
gets the archive and `extracted/`. The answer is one JSON line: `error`, "" when it is there.

Nothing but that directory can be changed from here, whatever an archive holds: the outer ring of the cage.

Ends by os._exit like the builder, and for its reason.
"""

import asyncio
import json
import os
import sys
from pathlib import Path

from rattler.networking import Client
from rattler.package_streaming import download_to_path, extract

from condafs.builder.archives import Archive, verify_file
from condafs.builder.cage.rings import close_outer_ring
from condafs.builder.failure import classify
from condafs.spec.credentials import mask_credentials

EXTRACTED = "extracted"


def main() -> None:
    """Fetch, and never return."""
    request = json.loads(sys.stdin.readline())
    answer = os.dup(1)
    os.dup2(2, 1)
    directory = Path(request["directory"])
    os.environ["TMPDIR"] = str(directory)
    try:
        close_outer_ring([directory])  # before there are threads
        error = asyncio.run(_fetch(request["url"], request["sha256"], directory))
    except BaseException as caught:  # noqa: BLE001 - rattler's panics are no Exceptions; every end needs an answer
        error = classify(caught)[1]
    os.write(answer, json.dumps({"error": mask_credentials(error)}).encode() + b"\n")
    os._exit(0)


async def _fetch(url: str, sha256: str, directory: Path) -> str:
    archive = Archive(url, bytes.fromhex(sha256))
    path = archive.path
    if path is None:
        path = directory / archive.file_name
        await download_to_path(Client.default_client(), url, path)
    elif not path.exists():
        return f"there is no {path} any more"
    verified = await asyncio.to_thread(verify_file, archive, path)
    if isinstance(verified, str):
        return verified
    extract(path, directory / EXTRACTED)
    return ""


if __name__ == "__main__":
    main()
