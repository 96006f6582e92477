"""The text of `bin/conda-unpack`: what is put into the program, and that old pythons can read it."""

import ast
import json
import subprocess
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from condafs.export.unpack import Placeholder, render_unpack

# Of surrogates, those that stand for bytes (PEP 383): no path has others.
bytes_of_names = st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF, categories=["Cs"])
paths = st.text(st.characters(exclude_characters="\0") | bytes_of_names).map(lambda text: f"lib/{text}")
files = st.lists(
    st.builds(Placeholder, paths, st.sampled_from(["/opt/a_placehold", "/opt/b", "/home/j\xfcrgen/x"]), st.booleans()),
    unique_by=lambda file: file.path,
)


def listed(program: bytes) -> list[Any]:
    """What the program will find in FILES."""
    for statement in ast.parse(program).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "FILES":
            assert isinstance(statement.value, ast.Call)
            found: list[Any] = json.loads(ast.literal_eval(statement.value.args[0]))
            return found
    raise AssertionError


@given(files)
def test_every_path_arrives_whatever_characters_it_has(given_files: list[Placeholder]) -> None:
    document = listed(render_unpack(given_files))
    found = {Placeholder(path, placeholder, binary) for placeholder, binary, names in document for path in names}
    assert found == set(given_files)


@given(files, st.randoms(use_true_random=False))
def test_the_program_is_the_same_for_the_same_files(given_files: list[Placeholder], random: Any) -> None:
    shuffled = list(given_files)
    random.shuffle(shuffled)
    assert render_unpack(shuffled) == render_unpack(given_files)


@given(files)
def test_the_program_is_plain_ascii(given_files: list[Placeholder]) -> None:
    assert render_unpack(given_files).isascii()


def test_a_placeholder_stands_there_once_however_many_files_hold_it() -> None:
    placeholder = "/opt/placehold" + "_placehold" * 24
    program = render_unpack([Placeholder(f"lib/{number}", placeholder, False) for number in range(2000)])  # noqa: FBT003
    assert program.count(placeholder.encode()) == 1


def test_any_python_since_3_6_can_read_it() -> None:
    ast.parse(render_unpack([Placeholder("a", "/opt/a", True)]), feature_version=(3, 6))  # noqa: FBT003


def test_a_shell_can_read_its_head() -> None:
    head, end, _ = render_unpack([]).partition(b"\nexit 127\n")
    assert end
    subprocess.run(["sh", "-n"], input=head + end, check=True)
