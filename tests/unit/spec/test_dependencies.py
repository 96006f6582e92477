"""The list of dependencies and the pip lists in it: nothing in it is lost."""

import pytest

from tests.unit.spec.asked import assert_refused, read


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "dependencies: numpy\n",
            "1:15",
            "'dependencies' is a list, not a text",
            "write it in a line below: '  - numpy'",
        ),
        (
            "dependencies:\n  numpy: 1.2\n",
            "2:3",
            "'dependencies' is a list, not a mapping",
            "begin every line below it with a dash and a blank",
        ),
        (
            "dependencies:\n  - [numpy, pandas]\n",
            "2:5",
            "a list within the list",
            "write every package in a line of its own",
        ),
        ("dependencies:\n  - numpy\n  -\n", "3:4", "a dependency is empty", "write it, or remove the line"),
        ("dependencies:\n  - numpy: 1.2\n", "2:5", "'numpy' is a key here, not a package", "write numpy=1.2"),
        ("dependencies:\n  - numpy:\n", "2:5", "the ':' behind 'numpy' makes it a key", "remove the ':'"),
        (
            "dependencies:\n  - anaconda:: ipython\n",
            "2:5",
            "YAML reads 'anaconda:: ipython' as a key",
            "write it without the blank: anaconda::ipython",
        ),
        (
            "dependencies:\n  - sel(linux): numpy\n",
            "2:5",
            "selectors such as sel(linux) are not evaluated",
            "write one file for each platform, or the package alone if it is this platform's",
        ),
        (
            "dependencies:\n  - conda:\n    - numpy\n",
            "2:5",
            "a 'conda:' list in the list",
            "write its packages straight into 'dependencies:'",
        ),
        (
            "dependencies:\n  - pip: requests\n",
            "2:10",
            "'pip' is a list, not a text",
            "write it in a line below: '  - requests'",
        ),
        (
            "dependencies:\n  - pip:\n  - requests\n",
            "2:5",
            "an empty 'pip:' list before other items",
            "indent the lines for pip further than 'pip:', or remove 'pip:'",
        ),
        ('dependencies:\n  - "pip:"\n', "2:5", "'pip:' in quotes is no list", "remove the quotes"),
        (
            "dependencies:\n  - pip:\n    - requests: 1\n",
            "3:7",
            "a mapping where a line for pip should be",
            "put the line into quotes",
        ),
        (
            "dependencies:\n  - pip:\n    - requests\n    -\n",
            "4:6",
            "a line for pip is empty",
            "write it, or remove the line",
        ),
        ("dependencies:\n  - ''\n", "2:5", "a dependency is empty", "write it, or remove the line"),
        (
            "dependencies:\n  -numpy\n  -pandas\n",
            "2:3",
            "'dependencies' is a list, not a text",
            "put a blank behind each dash",
        ),
        (
            "dependencies:\n  - conda-forge/osx-64::numpy\n",
            "2:5",
            "packages of osx-64 cannot be installed on linux-64",
            "remove osx-64, or ask for it in a file for that platform",
        ),
        ("dependencies:\n  - Pip:\n      - a\n", "2:5", "there is no list 'Pip'", "write 'pip:'"),
        ("dependencies:\n  - foo: [a]\n", "2:5", "'foo' with a list", "only 'pip:' has a list of its own"),
        ("dependencies:\n  - pip:\n      - [a]\n", "3:9", "a line for pip is a text, not a list", None),
    ],
)
def test_a_list_that_would_lose_something_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)


def test_two_pip_lists_are_one_in_the_order_of_the_file() -> None:
    text = "dependencies:\n  - pip: [a, b]\n  - numpy\n  - pip: [c, a]\n"
    assert read(text).pip == ("a", "b", "c", "a")


def test_a_pip_list_brings_pip() -> None:
    assert read("dependencies:\n  - pip: [a]\n").dependencies == ("pip",)


@pytest.mark.parametrize("item", ["pip", "pip=24", "conda-forge::pip", "pip >=24 py_0"])
def test_a_pip_that_is_asked_for_is_not_added_again(item: str) -> None:
    assert len(read(f"dependencies:\n  - {item}\n  - pip: [a]\n").dependencies) == 1


@pytest.mark.parametrize("last", ["- pip:", "- pip: []", "- pip"])
def test_an_empty_pip_list_at_the_end_says_nothing(last: str) -> None:
    specification = read(f"dependencies:\n  - pip\n  {last}\n")
    assert (specification.dependencies, specification.pip) == (("pip",), ())


@pytest.mark.parametrize("text", ["dependencies:\n", "dependencies: []\n", "dependencies: ~\n"])
def test_an_environment_may_be_empty(text: str) -> None:
    assert read(text).dependencies == ()


def test_dependencies_are_sorted_and_without_repetitions() -> None:
    text = "dependencies: [b, NumPy>=1, a, 'numpy >= 1', 'numpy[version=\">=1\"]']\n"
    assert read(text).dependencies == ("a", "b", "numpy >=1")


def test_packages_of_this_platform_and_noarch_ones_may_be_asked_for() -> None:
    text = "dependencies: ['a/linux-64::b', 'c[subdir=noarch]']\n"
    assert read(text).dependencies == ('a::b[subdir="linux-64"]', 'c[subdir="noarch"]')
