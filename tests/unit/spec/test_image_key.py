"""The key `image:` of environment files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.spec import ImageSettings, digest_of, from_canonical, to_canonical
from condafs.spec.image_key import MAX_TOTAL_CHARACTERS
from condafs.spec.reading import MAX_CHARACTERS
from tests.unit.spec.asked import assert_refused, read, refusal

TEXT = "dependencies: [numpy]\n"
KEYS = "base, labels, entrypoint, user, workdir"

WHOLE = """\
dependencies: [numpy]
image:
  base: /srv/images/debian.tar
  labels:
    org.opencontainers.image.version: 3.10
    maintainer: on
    empty: ""
  entrypoint: [python, -m, "http.server", 8080, ""]
  user: 1000:100
  workdir: /srv/app
"""


LOCK = """\
version: 6
environments: {a: {packages: {linux-64: [conda: /a/noarch/b-1-0.conda]}}}
packages:
- conda: /a/noarch/b-1-0.conda
  md5: d41d8cd98f00b204e9800998ecf8427e
"""


def image(lines: str) -> ImageSettings:
    return read(TEXT + "image:\n" + lines).image


def test_a_whole_image() -> None:
    assert read(WHOLE).image == ImageSettings(
        base="/srv/images/debian.tar",
        labels=(("empty", ""), ("maintainer", "on"), ("org.opencontainers.image.version", "3.10")),
        entrypoint=("python", "-m", "http.server", "8080", ""),
        user="1000:100",
        workdir="/srv/app",
    )


@pytest.mark.parametrize("lines", ["", "image:\n", "image: {}\n", "image: {labels: , entrypoint: }\n", "image: ~\n"])
def test_nothing_said_is_the_default(lines: str) -> None:
    assert read(TEXT + lines).image == ImageSettings()


@pytest.mark.parametrize("base", ["host", "none", "/a b/c.tar", "' host '"])
def test_a_base_is_a_word_or_a_path(base: str) -> None:
    assert image(f"  base: {base}\n").base == base.strip("' ")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("yes", "yes"),
        ("1e3", "1e3"),
        ("010", "010"),
        ("12:30:00", "12:30:00"),
        ("2026-11-01", "2026-11-01"),
        ('"null"', "null"),
        ('"a\\n\\tb"', "a\n\tb"),
        ('"{{ kept }}"', "{{ kept }}"),
    ],
)
def test_labels_and_arguments_have_the_text_that_was_written(written: str, value: str) -> None:
    assert image(f"  labels: {{a: {written}}}\n").labels == (("a", value),)
    assert image(f"  entrypoint: [x, {written}]\n").entrypoint == ("x", value)


def test_labels_are_sorted_by_name() -> None:
    assert image("  labels: {b: 1, a: 2}\n") == image("  labels: {a: 2, b: 1}\n")


@pytest.mark.parametrize("written", ["python", " 'python' ", "[python]", "\n    - python"])
def test_a_single_word_is_a_program_without_arguments(written: str) -> None:
    assert image(f"  entrypoint: {written}\n").entrypoint == ("python",)


@pytest.mark.parametrize("user", ["nobody", "1000", "1000:1000", "www-data:www-data", "1:root"])
def test_a_user_is_a_name_or_a_number_with_its_group(user: str) -> None:
    assert image(f"  user: {user}\n").user == user


@pytest.mark.parametrize(
    ("line", "column", "message", "hint"),
    [
        ("image: debian", 8, "'image' is a mapping, not a text", f"write its keys below it: {KEYS}"),
        ("image: [a]", 8, "'image' is a mapping, not a list", f"write its keys below it: {KEYS}"),
        ("image: {entry-point: x}", 9, "'image' has no key 'entry-point'", "did you mean 'entrypoint'?"),
        ("image: {working_dir: /}", 9, "'image' has no key 'working_dir'", "did you mean 'workdir'?"),
        ("image: {cmd: x}", 9, "'image' has no key 'cmd'", "did you mean 'entrypoint'?"),
        (
            "image: {env: {}}",
            9,
            "'image' has no key 'env'",
            "'variables:' of the file itself are in the image as well",
        ),
        ("image: {ports: [80]}", 9, "'image' has no key 'ports'", f"there are {KEYS}"),
        ("image: {base: [host]}", 15, "'base' is a text, not a list", None),
        ("image: {base: ''}", 15, "'base' is empty", "write it, or remove the line"),
        (
            "image: {base: 'debian:12'}",
            15,
            "'base' is host, none or an absolute path, not 'debian:12'",
            "`skopeo copy docker://IMAGE oci-archive:/PATH` makes such a file",
        ),
        (
            "image: {base: Hosts}",
            15,
            "'base' is host, none or an absolute path, not 'Hosts'",
            "did you mean host?",
        ),
        (
            "image: {labels: [a=1]}",
            17,
            "'labels' is a mapping, not a list",
            "write each as '  name: value', without dash and '='",
        ),
        ("image: {labels: {a: [1]}}", 21, "the label a is a text, not a list", "put it into quotes"),
        ("image: {labels: {a: ~}}", 21, "the label a has no value", 'the empty text is a: ""'),
        (
            "image: {labels: {' ': x}}",
            18,
            "the name of a label is empty",
            "as in org.opencontainers.image.title",
        ),
        (
            'image: {labels: {"a\\nb": x}}',
            18,
            "the name of a label has the character U+000A",
            "remove it",
        ),
        ('image: {labels: {a: "b\\0c"}}', 21, "the label a has the character U+0000", "remove it"),
        (
            "image: {entrypoint: {a: b}}",
            21,
            "'entrypoint' is a list, not a mapping",
            "begin every line below it with a dash and a blank",
        ),
        (
            "image: {entrypoint: python -m app}",
            21,
            "an entrypoint of several words is a list; no shell is there to take them apart",
            "write [python, -m, app]",
        ),
        (
            "image: {entrypoint: sh -c 'a && b' -}",
            21,
            "an entrypoint of several words is a list; no shell is there to take them apart",
            'write [sh, -c, "a && b", "-"]',
        ),
        (
            "image: {entrypoint: it's here}",
            21,
            "an entrypoint of several words is a list; no shell is there to take them apart",
            'write ["it\'s", here]',
        ),
        (
            "image: {entrypoint: ['', a]}",
            22,
            "the command of 'entrypoint' is empty",
            "write it, or remove the line",
        ),
        ("image: {entrypoint: ''}", 21, "the command of 'entrypoint' is empty", "write it, or remove the line"),
        (
            "image: {entrypoint: [a, null]}",
            25,
            "an argument of 'entrypoint' is empty",
            'in quotes if you mean the word: "null"',
        ),
        (
            "image: {entrypoint: [a, [b]]}",
            25,
            "an argument of 'entrypoint' is a text, not a list",
            "put it into quotes",
        ),
        (
            'image: {entrypoint: ["a\\e"]}',
            22,
            "the command of 'entrypoint' has the character U+001B",
            "remove it",
        ),
        (
            "image: {user: a b}",
            15,
            "'user' is a name or a number, with a colon before its group, not 'a b'",
            "as in nobody, 1000 or 1000:100",
        ),
        (
            "image: {user: 'root:'}",
            15,
            "'user' is a name or a number, with a colon before its group, not 'root:'",
            "as in nobody, 1000 or 1000:100",
        ),
        ("image: {workdir: srv/app}", 18, "'workdir' is an absolute path, not 'srv/app'", "did you mean /srv/app?"),
        ('image: {workdir: "/a\\x7f"}', 18, "'workdir' has the character U+007F", "remove it"),
        (
            "image: {workdir: '/{{ x }}'}",
            20,
            "this is a template, not yet an environment file",
            "render it first; condafs fills nothing in",
        ),
    ],
)
def test_what_no_image_can_have_is_refused(line: str, column: int, message: str, hint: str | None) -> None:
    assert_refused(f"dependencies: []\n{line}\n", f"2:{column}", message, hint)


def test_a_text_without_end_is_refused() -> None:
    error = refusal(f"dependencies: []\nimage: {{labels: {{a: {'x' * (MAX_CHARACTERS + 1)}}}}}\n")
    assert error.message == "the label a has 4,097 characters; 4,096 are allowed"


def test_aliases_do_not_make_much_of_little() -> None:
    long = "x" * (MAX_CHARACTERS - 1)
    lines = "".join(f"    l{number}: *a\n" for number in range(MAX_TOTAL_CHARACTERS // MAX_CHARACTERS))
    error = refusal(f"dependencies: []\nimage:\n  labels:\n    a: &a {long}\n{lines}")
    assert "65,536 are allowed" in error.message
    assert error.position
    assert error.position.line == 3


@pytest.mark.parametrize(
    ("file_name", "text"),
    [
        ("foo.txt", "@EXPLICIT\nhttps://host.org/a/noarch/b-1-0.conda\n"),
        (
            "foo.lock",
            LOCK,
        ),
    ],
)
def test_locks_and_lists_have_no_image(file_name: str, text: str) -> None:
    assert read(text, file_name).image == ImageSettings()


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=9)
IMAGES = st.fixed_dictionaries(
    {},
    optional={
        "base": st.sampled_from(["host", "none", "/a.tar"]),
        "labels": st.dictionaries(WORDS, WORDS.map("'{}'".format), max_size=3),
        "entrypoint": st.lists(WORDS.map("'{}'".format), max_size=3),
        "user": st.just("nobody"),
        "workdir": st.just("/srv"),
    },
)


@given(IMAGES)
def test_the_image_never_changes_the_digest(keys: dict[str, str | list[str] | dict[str, str]]) -> None:
    def flow(value: str | list[str] | dict[str, str]) -> str:
        if isinstance(value, dict):
            return "{" + ", ".join(f"'{name}': {text}" for name, text in value.items()) + "}"
        return f"[{', '.join(value)}]" if isinstance(value, list) else value

    lines = ", ".join(f"{key}: {flow(value)}" for key, value in keys.items())
    plain, wrapped = read(TEXT), read(f"{TEXT}image: {{{lines}}}\n")
    assert to_canonical(wrapped) == to_canonical(plain)
    assert digest_of(wrapped) == digest_of(plain)
    assert from_canonical(to_canonical(wrapped)) == plain
    assert (wrapped == plain) == (wrapped.image == ImageSettings())
