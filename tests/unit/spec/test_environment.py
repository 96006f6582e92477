"""Environment files: keys, names, variables, platforms."""

import pytest

from condafs.names import EnvironmentName
from condafs.spec import Specification
from tests.unit.spec.asked import assert_refused, read, refusal


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "# hi\nname: foo\n",
            "2:1",
            "'dependencies' is missing",
            "write `dependencies:` and the packages below it, or `dependencies: []` for none",
        ),
        (
            "- numpy\n- pandas\n",
            "1:1",
            "the file is a list, not an environment file",
            "an environment file has keys: name:, channels:, dependencies:",
        ),
        (
            "numpy pandas\n",
            "1:1",
            "the file is a text, not an environment file",
            "an environment file has keys: name:, channels:, dependencies:",
        ),
        (
            "channels: conda-forge\ndependencies: []\n",
            "1:11",
            "'channels' is a list, not a text",
            "write it in a line below: '  - conda-forge'",
        ),
        ("name: [a]\ndependencies: []\n", "1:7", "'name' is a text, not a list", None),
        ("name:\ndependencies: []\n", "1:6", "'name' is empty", "write it, or remove the line"),
        ("name: null\ndependencies: []\n", "1:7", "'name' is empty", 'in quotes if you mean the word: "null"'),
        ("name: a/b\ndependencies: []\n", "1:7", "the name 'a/b' contains '/', a path separator", None),
        ("name: a@b\ndependencies: []\n", "1:7", "the name 'a@b' contains '@', what stands before a digest", None),
        (
            "name: .a\ndependencies: []\n",
            "1:7",
            "the name '.a' begins with a dot: names with a leading dot belong to condafs itself",
            None,
        ),
        (
            "name: a.tar\ndependencies: []\n",
            "1:7",
            "the name 'a.tar' ends in '.tar': 'a.tar' would be the export of another environment",
            None,
        ),
        (
            "name: a.oci\ndependencies: []\n",
            "1:7",
            "the name 'a.oci' ends in '.oci': 'a.oci' would be the export of another environment",
            None,
        ),
        (
            "dependencies: []\nvariables:\n  - A=1\n",
            "3:3",
            "'variables' is a mapping, not a list",
            "write each as '  KEY: value', without dash and '='",
        ),
        (
            "dependencies: []\nvariables:\n  A: [1]\n",
            "3:6",
            "the variable A is a text, not a list",
            "put it into quotes",
        ),
        ("dependencies: []\nvariables:\n  A:\n", "3:5", "the variable A has no value", 'the empty text is A: ""'),
        ("dependencies: []\nvariables:\n  A: ~\n", "3:6", "the variable A has no value", 'the empty text is A: ""'),
        (
            "dependencies: []\nvariables:\n  A-B: 1\n",
            "3:3",
            "'A-B' cannot be the name of a variable",
            "letters, digits and '_', not beginning with a digit",
        ),
        ("dependencies: []\nvariables:\n  PATH: /x\n", "3:3", "PATH is set by activation itself", "remove it"),
        (
            'dependencies: []\nvariables:\n  A: "a\\0b"\n',
            "3:6",
            "the variable A has a zero byte, which no variable can have",
            None,
        ),
        (
            "dependencies: []\nplatforms: [osx-arm64, win-64]\n",
            "2:13",
            "the environment is for osx-arm64, win-64, and this machine is linux-64",
            "add linux-64 if it works there",
        ),
        (
            "dependencies: []\nplatforms:\n  - linux64\n",
            "3:5",
            "there is no platform 'linux64'",
            "did you mean linux-64?",
        ),
        (
            "dependencies: []\nplatforms: linux-64\n",
            "2:12",
            "'platforms' is a list, not a text",
            "write it in a line below: '  - linux-64'",
        ),
        ("dependencies: []\n<<: [a]\n", "2:1", "<< merges mappings, and this is none", None),
        (
            "dependencies: []\nplatforms: [linux-64, '']\n",
            "2:23",
            "a platform is empty",
            "write it, or remove the line",
        ),
    ],
)
def test_what_cannot_be_honoured_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)


def test_a_file_as_people_write_it() -> None:
    text = """\
name: Science_1
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.12
  - numpy >=1.26,<3   # arrays
  - pip
  - pip:
      - requests
variables:
  OMP_NUM_THREADS: 4
platforms: [osx-arm64, linux-64]
exclude-newer: 2026-11-01
description: |
  Anything at all: {{ even this }}
prefix: C:\\envs\\science
"""
    assert read(text) == Specification(
        name=EnvironmentName("Science_1"),
        platform="linux-64",
        channels=("conda-forge",),
        dependencies=("numpy >=1.26,<3", "pip", "python 3.12.*"),
        pip=("requests",),
        variables=(("OMP_NUM_THREADS", "4"),),
        exclude_newer="2026-11-01",
    )


@pytest.mark.parametrize(
    "written", ["3.10", "on", "yes", "1e3", "0x1F", "1_000", "2026-11-01", "True", "base", "root", "Émile"]
)
def test_a_name_is_the_text_that_was_written_whatever_yaml_makes_of_it(written: str) -> None:
    assert read(f"name: {written}\ndependencies: []\n").name.text == written


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("010", "010"),
        ("1e3", "1e3"),
        ("1.50", "1.50"),
        ("on", "on"),
        ("True", "True"),
        ("'null'", "null"),
        ('""', ""),
        ("2026-11-01", "2026-11-01"),
        ("a b", "a b"),
        ('"a\\nb"', "a\nb"),
    ],
)
def test_a_variable_has_the_text_that_was_written(written: str, value: str) -> None:
    assert read(f"dependencies: []\nvariables:\n  A: {written}\n").variables == (("A", value),)


def test_overrides_of_virtual_packages_are_variables_like_others() -> None:
    text = "dependencies: []\nvariables: {CONDA_OVERRIDE_CUDA: 12.4}\n"
    assert read(text).variables == (("CONDA_OVERRIDE_CUDA", "12.4"),)


@pytest.mark.parametrize("file_name", ["a.b.yaml", "a.b.yml"])
def test_a_missing_name_is_the_stem_of_the_file(file_name: str) -> None:
    assert read("dependencies: []\n", file_name).name.text == "a.b"


def test_a_stem_that_cannot_be_a_name_is_refused_with_what_to_do() -> None:
    assert refusal("dependencies: []\n", "my env.yaml").render("my env.yaml") == (
        "my env.yaml: the name 'my env' can hold letters, digits, '_', '.', '-' and '+' only, "
        "and begins with a letter, a digit or '_'\nhelp: write a `name:` into the file, or rename the file\n"
    )


def test_a_stem_that_is_too_long_is_refused_with_the_limit() -> None:
    error = refusal("dependencies: []\n", "n" * 41 + ".yaml")
    assert error.message == "the name has 41 bytes; 40 fit the 255 bytes of a prefix in this state directory"
    assert error.position is None


def test_a_name_like_a_builds_is_refused() -> None:
    name = "a" * 64 + "-x"
    message = f"the name {name!r} begins with 64 hex digits and a dash, which is how builds are called"
    assert_refused(f"name: {name}\ndependencies: []\n", "1:7", message)


def test_a_name_with_a_blank_is_refused() -> None:
    allowed = "letters, digits, '_', '.', '-' and '+' only, and begins with a letter, a digit or '_'"
    assert_refused("name: my env\ndependencies: []\n", "1:7", f"the name 'my env' can hold {allowed}")


def test_a_name_that_is_too_long_is_refused_with_the_limit() -> None:
    message = "the name has 41 bytes; 40 fit the 255 bytes of a prefix in this state directory"
    assert_refused("name: " + "n" * 41 + "\ndependencies: []\n", "1:7", message, "choose a shorter name")


def test_the_length_of_a_name_is_counted_in_bytes() -> None:
    assert read("name: " + "é" * 20 + "\ndependencies: []\n").name.text == "é" * 20
    assert "42 bytes" in refusal("name: " + "é" * 21 + "\ndependencies: []\n").message


def test_composed_and_decomposed_letters_make_one_name() -> None:
    assert read("name: e\u0301\ndependencies: []\n").name.text == "é"


@pytest.mark.parametrize("key", ["channels", "variables", "platforms"])
def test_a_key_with_nothing_behind_it_says_nothing(key: str) -> None:
    assert read(f"dependencies: [a]\n{key}:\n") == read("dependencies: [a]\n")
