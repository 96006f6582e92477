"""What an environment is called as an image: a name that registries and all tools take.

Two grammars hold. distribution's reference (github.com/distribution/reference, regexp.go) has, for a component of a
repository's name::

    component  ::= [a-z0-9]+ ( separator [a-z0-9]+ )*
    separator  ::= "." | "_" | "__" | "-"+

and the annotation `org.opencontainers.image.ref.name` (OCI image specification, annotations.md) has `--`, but neither
`__` nor more dashes. What is made here fits both.
"""

import re
import unicodedata
from hashlib import sha256

MAX_CHARACTERS = 200
"""Registry and repository together have 255 at most (distribution/reference, `RepositoryNameTotalLengthMax`)."""

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_OTHER = re.compile(r"[^a-z0-9]+")
_SEPARATORS = frozenset({".", "_", "-", "--"})
_HASH_DIGITS = 12


def repository_name(name: str) -> str:
    """An environment's name as a repository: `Py3.11_cuda+` -> `py3.11_cuda`.

    Capitals become small and lose their accents, letters that ASCII has nothing like become `u` and their number in
    Unicode, any other run of characters that is not `.`, `_`, `-` or `--` becomes `-`, and there is none at either end.
    So two names share a repository only if they differ in case, accents, punctuation or forms of a letter alone (`foo`
    and `Foo+`; `_` and `environment`), or if one spells a number of Unicode out.

    Args:
        name: Any text.
    """
    text = _FOREIGN.sub(_numbers, _folded(name))
    text = _OTHER.sub(lambda run: run[0] if run[0] in _SEPARATORS else "-", text)
    text = text.strip("._-") or "environment"
    if len(text) > MAX_CHARACTERS:
        mark = sha256(name.encode(errors="surrogatepass")).hexdigest()[:_HASH_DIGITS]
        text = f"{text[: MAX_CHARACTERS - _HASH_DIGITS - 1].rstrip('._-')}-{mark}"
    return text


def _folded(name: str) -> str:
    """Without case and accents (Unicode, chapter 3.13, compatibility caseless matching)."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())
    bare = "".join(character for character in decomposed if not unicodedata.combining(character))
    return unicodedata.normalize("NFC", bare).lower()


def _numbers(run: re.Match[str]) -> str:
    return "-" + "-".join(f"u{ord(character):04x}" for character in run[0]) + "-"
