import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from condafs.cli.dated import set_exclude_newer
from condafs.errors import SpecificationError

DAY = "2026-11-22"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("name: foo\ndependencies: [a]\n", "name: foo\ndependencies: [a]\nexclude-newer: 2026-11-22\n"),
        ("name: foo", "name: foo\nexclude-newer: 2026-11-22\n"),
        ("name: foo\r\nchannels: [c]\r\n", "name: foo\r\nchannels: [c]\r\nexclude-newer: 2026-11-22\r\n"),
        ("exclude-newer: 2025-01-01\nname: foo\n", "exclude-newer: 2026-11-22\nname: foo\n"),
        ("name: foo\nexclude-newer:   2025-01-01   # then\n", "name: foo\nexclude-newer:   2026-11-22   # then\n"),
        ("exclude-newer: '2025-01-01T00:00:00Z'\n", "exclude-newer: 2026-11-22\n"),
        ('"exclude-newer": "2025-01-01"\n', '"exclude-newer": 2026-11-22\n'),
        ("exclude-newer:\nname: foo\n", "exclude-newer: 2026-11-22\nname: foo\n"),
        ("{name: foo, dependencies: [a]}\n", "{name: foo, dependencies: [a], exclude-newer: 2026-11-22}\n"),
        ("{name: foo, exclude-newer: 2025-01-01}\n", "{name: foo, exclude-newer: 2026-11-22}\n"),
        ("---\nname: foo\n...\n", "---\nname: foo\nexclude-newer: 2026-11-22\n...\n"),
        ("  name: foo\n  channels: [c]\n", "  name: foo\n  channels: [c]\n  exclude-newer: 2026-11-22\n"),
        ("\ufeffname: foo\n", "\ufeffname: foo\nexclude-newer: 2026-11-22\n"),
        ("name: foo\n# the end\n", "name: foo\n# the end\nexclude-newer: 2026-11-22\n"),
        ("name: foo\n# the end", "name: foo\n# the end\nexclude-newer: 2026-11-22\n"),
        ("description: |\n  two\n  lines\n", "description: |\n  two\n  lines\nexclude-newer: 2026-11-22\n"),
    ],
)
def test_one_line_changes_and_the_rest_stays(before: str, after: str) -> None:
    assert set_exclude_newer(before, DAY) == after


@pytest.mark.parametrize("text", ["", "- a\n", "foo", "a: [", "a: {b: c\n"])
def test_what_is_no_mapping_is_refused(text: str) -> None:
    with pytest.raises(SpecificationError):
        set_exclude_newer(text, DAY)


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
documents = st.dictionaries(
    words.filter(lambda word: word != "exclude-newer"), st.one_of(words, st.lists(words), st.none()), min_size=1
)


def read(text: str) -> dict[str, object]:
    document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - it makes strings only
    assert isinstance(document, dict)
    return document


@given(documents, st.sampled_from([{}, {"exclude-newer": "2001-01-01"}]), st.sampled_from([None, True, False]))
def test_only_that_key_changes_whatever_else_is_there(
    document: dict[str, object],
    dated: dict[str, object],
    flow_style: bool | None,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    before = yaml.safe_dump(document | dated, default_flow_style=flow_style)
    after = set_exclude_newer(before, DAY)
    assert read(after) == read(before) | {"exclude-newer": DAY}
    assert set_exclude_newer(after, DAY) == after
