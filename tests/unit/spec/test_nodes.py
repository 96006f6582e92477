"""YAML as a tree: places, limits, and what a specification cannot be written in."""

import pytest
import yaml

from condafs.spec import nodes
from tests.unit.spec.asked import assert_refused, read, read_any, refusal


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "name: a\nchannels: []\nname: b\n",
            "3:1",
            "the key 'name' is there twice; the first is in line 1",
            "keep one of them, with the content of both",
        ),
        (
            'dependencies: []\nvariables:\n  A: 1\n  "A": 2\n',
            "4:3",
            "the key 'A' is there twice; the first is in line 3",
            "keep one of them, with the content of both",
        ),
        ("dependencies:\n\t- numpy\n", "2:1", "a tab in the indentation", "YAML is indented with blanks only"),
        (
            "dependencies:\n  - numpy\n\t- pandas\n",
            "3:1",
            "a tab in the indentation",
            "YAML is indented with blanks only",
        ),
        (
            "name: {{ name }}\ndependencies: []\n",
            "1:7",
            "this is a template, not yet an environment file",
            "render it first; condafs fills nothing in",
        ),
        (
            'name: "{{ name }}"\ndependencies: []\n',
            "1:8",
            "this is a template, not yet an environment file",
            "render it first; condafs fills nothing in",
        ),
        (
            "{% set v = 1 %}\ndependencies: []\n",
            "1:1",
            "this is a template, not yet an environment file",
            "render it first; condafs fills nothing in",
        ),
        (
            "dependencies:\n  - python {{ python }}\n",
            "2:12",
            "this is a template, not yet an environment file",
            "render it first; condafs fills nothing in",
        ),
        (
            "dependencies:\n  - {{ python }}\n",
            "2:5",
            "this is a template, not yet an environment file",
            "render it first; condafs fills nothing in",
        ),
        (
            "name: a\n---\nname: b\n",
            "2:1",
            "a second document begins here; a specification is one",
            "write one file for each environment",
        ),
        (
            "name: !!python/unicode 'a'\ndependencies: []\n",
            "1:7",
            "the tag !!python/unicode has no place in a specification",
            "remove it and keep the value (as text in quotes)",
        ),
        (
            "name: !!python/object/apply:os.system ['x']\n",
            "1:7",
            "the tag !!python/object/apply:os.system has no place in a specification",
            "remove it and keep the value (as text in quotes)",
        ),
        (
            "name: !env X\n",
            "1:7",
            "the tag !env has no place in a specification",
            "remove it and keep the value (as text in quotes)",
        ),
        (
            "dependencies:\n  - *numpy\n",
            "2:5",
            "the alias *numpy is not defined before this line",
            'a value that begins with * needs quotes: "*numpy"',
        ),
        ("dependencies: &a\n  - *a\n", "2:5", "the alias *a contains itself", None),
        ("dependencies: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n", "1:38", "nested more than 24 levels deep", None),
        (
            "dependencies:\n  - >=1.2\n",
            "2:6",
            "this is not YAML: did not find expected comment or line break",
            'a value that begins with > or | needs quotes, as in ">=1.2"',
        ),
        (
            'name: "foo\ndependencies: []\n',
            "1:7",
            "this is not YAML: found unexpected end of stream",
            "a quote is not closed",
        ),
        (
            "dependencies:\n  - a\n - b\n",
            "3:2",
            "this is not YAML: did not find expected key",
            "what belongs together begins in one column",
        ),
        (
            "name: @x\n",
            "1:7",
            "this is not YAML: found character that cannot start any token",
            "a value that begins with @, ` or % needs quotes",
        ),
        (
            "name: a: b\n",
            "1:8",
            "this is not YAML: mapping values are not allowed in this context",
            "a ':' inside a value needs quotes; keys of one level begin in one column",
        ),
        ("? [a]\n: b\n", "1:3", "a key is a word, not a list or a mapping", "put the value into quotes"),
    ],
)
def test_yaml_is_refused_where_it_goes_wrong(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)


def test_an_alias_bomb_is_refused_before_it_is_expanded() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 30)]
    error = refusal("\n".join(lines))
    assert error.message == "more than 100,000 values, or too long ones, aliases expanded"
    assert error.position is not None
    assert error.position.line == 5


def test_a_long_text_with_many_aliases_is_a_bomb_too() -> None:
    lines = ["variables:", f"  A: &a {'x' * 100_000}", *(f"  B{number}: *a" for number in range(2000))]
    error = refusal("\n".join(lines))
    assert error.message.startswith("more than 100,000 values")


def test_anchors_aliases_and_merges_are_read() -> None:
    text = """
dependencies: &all
  - &np numpy=1.2
  - *np
variables:
  <<: &defaults {A: 1, B: 2}
  B: 3
description: {<<: [*defaults, {C: 1}], D: *all}
"""
    specification = read(text)
    assert specification.dependencies == ("numpy 1.2.*",)
    assert specification.variables == (("A", "1"), ("B", "3"))


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "---\n", "---\n...\n", "~\n", "\ufeff"])
def test_a_file_without_content_is_no_specification(text: str) -> None:
    assert read_any(text) is None


def test_core_tags_are_read_as_what_they_stand_before() -> None:
    assert read("name: !!str 3.10\ndependencies: !!seq [!!str numpy]\n").name.text == "3.10"


def test_both_parsers_of_the_yaml_library_point_at_the_same_place(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "dependencies:\n  - a\n - b\n"
    fast = refusal(text)
    monkeypatch.setattr(nodes, "_LOADER", yaml.SafeLoader)
    slow = refusal(text)
    assert (slow.position, slow.hint) == (fast.position, fast.hint)
