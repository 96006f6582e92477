"""YAML files that are not environment files, and keys that are nearly right: each with what to do instead."""

from condafs.errors import SpecificationError
from condafs.spec.nodes import Mapping, Scalar
from condafs.spec.source import Source
from condafs.spec.suggest import nearest

_KINDS: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"services"}), "a compose file of containers", "environment files have `dependencies:`"),
    (frozenset({"apiVersion", "kind"}), "a Kubernetes manifest", "environment files have `dependencies:`"),
    (frozenset({"apiVersion"}), "a Helm chart", "environment files have `channels:` and `dependencies:` of packages"),
    (frozenset({"jobs", "on"}), "a workflow of GitHub Actions", "environment files have `dependencies:`"),
    (
        frozenset({"metadata", "package"}),
        "a lock of conda-lock",
        "`conda-lock render --kind explicit` makes one to copy",
    ),
    (frozenset({"environments", "packages"}), "a lock of rattler or pixi", "give the file a name that ends in .lock"),
    (frozenset({"package", "requirements"}), "a recipe of a package", "environment files have `dependencies:`"),
    (frozenset({"package", "build"}), "a recipe of a package", "environment files have `dependencies:`"),
    (frozenset({"repos"}), "a configuration of pre-commit", "environment files have `dependencies:`"),
)
"""Keys that tell other kinds of files, the most telling first."""

_MEANT = {
    "pip": "a 'pip:' list is an item of 'dependencies:': `  - pip:`",
    "packages": "did you mean 'dependencies'?",
    "requirements": "did you mean 'dependencies'?",
    "deps": "did you mean 'dependencies'?",
    "env": "did you mean 'variables'?",
    "env_vars": "did you mean 'variables'?",
    "environment": "did you mean 'variables'?",
    "platform": "did you mean 'platforms' (a list)?",
    "channel": "did you mean 'channels' (a list)?",
    "python": "a package is an item of 'dependencies:': `  - python=3.12`",
}


def unknown_key(source: Source, root: Mapping, key: Scalar, known: tuple[str, ...]) -> SpecificationError:
    """The refusal of a key that environment files do not have."""
    keys = {name.text for name, _ in root.entries}
    for telling, kind, remedy in _KINDS:
        if telling <= keys and not ("dependencies" in keys and kind.startswith("a recipe")):
            return source.refusal(key.place, f"this is {kind}, not an environment file", remedy)
    hint = _MEANT.get(key.text.lower())
    if not hint and (near := nearest(key.text, known)):
        hint = f"did you mean {near!r}?"
    return source.refusal(key.place, f"there is no key {key.text!r}", hint or f"there are {', '.join(known)}")
