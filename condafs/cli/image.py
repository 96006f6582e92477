"""`image`: what the container image of an environment is made of, and what it shares with others."""

from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from condafs.catalog.store import Catalog
from condafs.cli.parameters import JsonOption, MountOption, ReferenceArgument
from condafs.cli.terminal import output, print_json, print_table
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.errors import CondafsError
from condafs.export.facts import LaidOut
from condafs.export.index import LAYERS
from condafs.export.layouts import read_layers
from condafs.wording import size_text

_SHOWN = 3
"""Names of sharing environments in a line; the rest is counted."""


def image(reference: ReferenceArgument, /, *, json: JsonOption = False, mount: MountOption = None) -> None:
    """Show the layers of an environment's container image, and which other environments share them.

    A layer that is shared goes to a registry once. Digests are shown as far as they are known: they are found out in
    the background after a build, or when the image is first read.

    Args:
        reference: foo, foo@-1, foo@3f2a9c1d77e0, or the full name of a build.
        json: JSON for programs.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    prefix = envs.prefix(reference)
    size = (envs.mount / f"{prefix.name}.oci").stat().st_size  # laid out when this is answered
    exports = prefix.parent.parent / "exports"
    layers = read_layers(exports / prefix.name / LAYERS)
    sharing = _sharing(envs, exports, prefix.name)
    digests = _digests(prefix.parent.parent / "catalog", layers)
    if json:
        print_json(
            {
                "build": prefix.name,
                "size_bytes": size,
                "layers": [_document(layer, digests, sharing) for layer in layers],
            }
        )
        return
    rows = [
        (
            size_text(layer.size),
            digests.get(layer.key, "")[:12],
            layer.package or layer.comment,
            _names(sharing[layer.key]),
        )
        for layer in layers
    ]
    own = sum(layer.size for layer in layers)
    rows.append((size_text(size - own), "", "the base and the image's documents", ""))
    print_table(("SIZE", "DIGEST", "LAYER", "SHARED WITH"), rows, right=("SIZE",))
    shared = sum(layer.size for layer in layers if sharing[layer.key])
    output().print(f"{size_text(size)} in {len(layers)} layers and a base; {size_text(shared)} shared")


def _sharing(envs: Envs, exports: Path, build: str) -> Mapping[str, list[str]]:
    """Key of a layer -> the other environments whose current build has it, by name."""
    found: dict[str, list[str]] = defaultdict(list)
    for name in envs.names():
        other = envs.current_build(name)
        if other is None or str(other) == build:
            continue
        with suppress(OSError, ValueError):  # not laid out yet
            for layer in read_layers(exports / str(other) / LAYERS):
                found[layer.key].append(name)
    return found


def _digests(catalog: Path, layers: list[LaidOut]) -> Mapping[str, str]:
    """Key -> digest, of those that are known; none for who may not read the catalog."""
    try:
        with Catalog.open_read_only(catalog) as opened, opened.snapshot() as snapshot:
            found = {layer.key: snapshot.layer_digest(bytes.fromhex(layer.key)) for layer in layers}
    except (CondafsError, OSError):
        return {}
    return {key: digest.hex() for key, digest in found.items() if digest}


def _document(layer: LaidOut, digests: Mapping[str, str], sharing: Mapping[str, list[str]]) -> dict[str, object]:
    return {
        "size_bytes": layer.size,
        "digest": f"sha256:{digests[layer.key]}" if layer.key in digests else None,
        "package": layer.package,
        "comment": layer.comment,
        "shared_with": sharing[layer.key],
    }


def _names(names: list[str]) -> str:
    rest = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {rest} more" if rest > 0 else "")
