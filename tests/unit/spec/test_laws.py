"""Laws of parsing, normalising and identity."""

import json
import string
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from condafs.errors import SpecificationError
from condafs.spec import ImageSettings, Specification, digest_of, from_canonical, parse, to_canonical
from condafs.spec.match_spec import normalise_match_spec
from tests.unit.spec.asked import MAX_NAME_BYTES, read, read_any

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,8}[a-z0-9]", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,3}((a|b|rc)[0-9])?", fullmatch=True)
BUILDS = st.from_regex(r"\*?[a-z]{1,4}[0-9]{0,2}_[0-9]\*?", fullmatch=True)
OPERATORS = st.sampled_from(["==", "!=", ">=", "<=", ">", "<", "~=", "=", ""])
CONSTRAINTS = st.builds("{}{}".format, OPERATORS, VERSIONS)
EXPRESSIONS = st.recursive(
    CONSTRAINTS,
    lambda inner: st.lists(inner, min_size=2, max_size=3).flatmap(
        lambda parts: st.sampled_from(
            [",".join(parts), "|".join(parts), f"({','.join(parts)})", f"({'|'.join(parts)})"]
        )
    ),
    max_leaves=6,
)
CHANNELS = st.sampled_from(["conda-forge", "bioconda", "a/label/dev", "https://host.org/a", "file:///srv/a"])
MATCH_SPECS = st.builds(
    lambda channel, name, version, build: f"{channel}{name}{f' {version}' if version else ''}{build}",
    st.one_of(st.just(""), CHANNELS.map("{}::".format)),
    NAMES,
    st.one_of(st.just(""), EXPRESSIONS),
    st.just(""),
) | st.builds("{} {} {}".format, NAMES, CONSTRAINTS, BUILDS)
PIP_LINES = st.one_of(NAMES, st.builds("{}=={}".format, NAMES, VERSIONS), st.just("--pre"))
DOCUMENTS = st.fixed_dictionaries(
    {"dependencies": st.lists(MATCH_SPECS, max_size=5)},
    optional={
        "name": NAMES,
        "channels": st.lists(CHANNELS, max_size=3),
        "variables": st.dictionaries(NAMES.map(lambda name: "V_" + name.replace("-", "_")), st.text(string.printable)),
        "exclude-newer": st.dates().map(str),
        "pip": st.lists(PIP_LINES, max_size=3),
    },
)


def write(document: dict[str, Any], dump: Callable[[Any], str] = json.dumps) -> str:
    """The document as a file; its `pip` goes where it belongs."""
    document = dict(document)
    pip = document.pop("pip", None)
    if pip is not None:
        document["dependencies"] = [*document["dependencies"], {"pip": pip}]
    return dump(document)


def in_block_style(document: dict[str, Any]) -> str:
    return yaml.safe_dump(document, default_flow_style=False, sort_keys=False, allow_unicode=True)


@given(MATCH_SPECS)
def test_normalising_is_idempotent(text: str) -> None:
    once = str(normalise_match_spec(text))
    assert str(normalise_match_spec(once)) == once


@given(MATCH_SPECS, st.sampled_from([" ", "  ", "\t"]))
def test_blanks_around_operators_do_not_count(text: str, blank: str) -> None:
    assume(text.count(" ") < 2)
    spaced = text
    for mark in (",", "|"):
        spaced = spaced.replace(mark, f"{blank}{mark}{blank}")
    assert normalise_match_spec(spaced) == normalise_match_spec(text)


@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_order_of_keys_order_of_dependencies_and_repetitions_do_not_count(
    document: dict[str, Any], random: Any
) -> None:
    items = list(document.items())
    random.shuffle(items)
    other = dict(items)
    other["dependencies"] = [*document["dependencies"], *document["dependencies"]]
    random.shuffle(other["dependencies"])
    assert digest_of(read(write(other))) == digest_of(read(write(document)))


@given(DOCUMENTS)
def test_layout_and_comments_do_not_count(document: dict[str, Any]) -> None:
    block = write(document, in_block_style)
    flow = write(document)
    expected = digest_of(read(flow))
    assert digest_of(read(block)) == expected
    assert digest_of(read("# why\n" + flow + "\n# because\n")) == expected
    assert digest_of(read("description: other\nprefix: /srv\n" + block)) == expected


@given(DOCUMENTS, st.lists(CHANNELS, min_size=2, unique=True), st.lists(PIP_LINES, min_size=2, unique=True))
def test_the_order_of_channels_and_of_pip_lines_counts(
    document: dict[str, Any], channels: list[str], lines: list[str]
) -> None:
    for key, values in (("channels", channels), ("pip", lines)):
        ordered = digest_of(read(write({**document, key: values})))
        assert digest_of(read(write({**document, key: values[::-1]}))) != ordered


@given(DOCUMENTS, DOCUMENTS)
def test_equal_digests_are_equal_specifications(one: dict[str, Any], other: dict[str, Any]) -> None:
    a, b = read(write(one)), read(write(other))
    assert (digest_of(a) == digest_of(b)) == (to_canonical(a) == to_canonical(b)) == (a == b)


@given(DOCUMENTS)
def test_canonical_bytes_and_specification_are_inverse(document: dict[str, Any]) -> None:
    specification = read(write(document))
    assert from_canonical(to_canonical(specification)) == specification
    assert to_canonical(from_canonical(to_canonical(specification))) == to_canonical(specification)


def parse_or_refuse(content: bytes, file_name: str) -> Specification | None:
    try:
        return parse(content, file_name, "linux-64", MAX_NAME_BYTES)
    except SpecificationError as error:
        rendered = error.render(file_name)
        assert len(rendered) < 2000
        return None


FILES = st.sampled_from(["foo.yaml", "foo.lock", "foo.txt", "foo.yml", "a b.yaml"])


@given(st.binary(max_size=300), FILES)
def test_no_bytes_raise_anything_but_a_refusal(content: bytes, file_name: str) -> None:
    parse_or_refuse(content, file_name)


@given(st.text(max_size=300), FILES)
def test_no_text_raises_anything_but_a_refusal(text: str, file_name: str) -> None:
    parse_or_refuse(text.encode("utf-8", "surrogatepass"), file_name)


MARKS = st.sampled_from(
    [*"-:[]{}#&*!|>'\"%@`,?=<~()\n\t \x00\x85é", "- ", ": ", "  ", "<<: *a", "&a ", "!!x ", "pip:", "::"]
)
SEEDS = st.sampled_from(
    [
        """\
name: a
channels: [b]
dependencies:
  - c=1.2=d
  - &a a::b[version='>=1,<2',build=py*]
  - https://host.org/noarch/b-1-0.conda#00000000000000000000000000000000
  - pip:
    - e==1
variables: {F: g}
platforms: [linux-64]
image: {base: host, labels: {H: i}, entrypoint: [j], user: k, workdir: /l}
""",
        """\
version: 6
environments:
  default:
    packages:
      linux-64:
      - conda: /a/noarch/b-1-0.conda
packages:
- conda: /a/noarch/b-1-0.conda
  md5: '00000000000000000000000000000000'
""",
        """\
# platform: linux-64
@EXPLICIT
https://host.org/a/noarch/b-1-0.conda#00000000000000000000000000000000
""",
    ]
)


@settings(max_examples=500)
@given(SEEDS, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 9), MARKS), min_size=1, max_size=6), FILES)
def test_no_damaged_file_raises_anything_but_a_refusal(
    seed: str, damages: list[tuple[int, int, str]], file_name: str
) -> None:
    for start, length, mark in damages:
        place = start % (len(seed) + 1)
        seed = seed[:place] + mark + seed[place + length :]
    specification = parse_or_refuse(seed.encode(), file_name)
    if specification:
        assert from_canonical(to_canonical(specification)) == replace(specification, image=ImageSettings())


def test_every_prefix_of_a_file_is_read_or_refused() -> None:
    text = "name: a\ndependencies:\n  - b\n  - pip:\n      - c\nvariables:\n  D: 'e'\n"
    for length in range(len(text)):
        parse_or_refuse(text[:length].encode(), "foo.yaml")
    assert read_any(text) is not None
