"""What an image inherits from the configuration document of its base, checked once.

The form is the document's own (OCI image specification, config.md), without what is not inherited, and without the null
that Go writes for an empty list or mapping.
"""

from collections.abc import Callable
from typing import Any

from condafs.export.configuration import INHERITED, BaseConfig
from condafs.export.digests import hex_of


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


def _is_mapping_of_texts(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, value.values()))


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict)


_FORMS: dict[str, Callable[[object], bool]] = {
    "Env": _is_list_of_texts,
    "Entrypoint": _is_list_of_texts,
    "Cmd": _is_list_of_texts,
    "User": _is_text,
    "WorkingDir": _is_text,
    "Labels": _is_mapping_of_texts,
    "ExposedPorts": _is_mapping,
    "Volumes": _is_mapping,
    "StopSignal": _is_text,
    "StopTimeout": lambda value: isinstance(value, int),
    "Healthcheck": _is_mapping,
    "Shell": _is_list_of_texts,
}
assert set(INHERITED) <= set(_FORMS)  # noqa: S101 - what is handed on has a form

_HISTORY: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys(("created", "created_by", "author", "comment"), _is_text),
    "empty_layer": lambda value: isinstance(value, bool),
}


def base_config(document: object) -> BaseConfig:
    """What is inherited.

    Args:
        document: As JSON has it.

    Returns:
        A mapping with `config`, `history` and `rootfs`.

    Raises:
        ValueError: It is not what the specification says; the text is the end of a sentence.
    """
    whole = _checked(document, "it", _is_mapping)
    execution = _checked(whole.get("config") or {}, "'config'", _is_mapping)
    history = _checked(whole.get("history") or [], "'history'", lambda value: isinstance(value, list))
    rootfs = _checked(whole.get("rootfs"), "'rootfs'", _is_mapping)
    diff_ids = _checked(rootfs.get("diff_ids") or [], "'diff_ids'", _is_list_of_texts)
    for diff_id in diff_ids:
        hex_of(diff_id)
    return {
        "config": _properties(execution, _FORMS),
        "history": [_properties(_checked(entry, "an entry of 'history'", _is_mapping), _HISTORY) for entry in history],
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _properties(mapping: dict[str, Any], forms: dict[str, Callable[[object], bool]]) -> dict[str, Any]:
    return {
        name: _checked(mapping[name], repr(name), has_form)
        for name, has_form in forms.items()
        if mapping.get(name) is not None
    }


def _checked(value: Any, what: str, has_form: Callable[[object], bool]) -> Any:
    if not has_form(value):
        msg = f"{what} has a value that it cannot have"
        raise ValueError(msg)
    return value
