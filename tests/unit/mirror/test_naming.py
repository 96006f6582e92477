from pathlib import Path

import pytest

from condafs.mirror.naming import (
    default_file,
    default_name,
    is_certain,
    is_same_kind,
    looks_like_environment,
    may_be_specification,
)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/src/foo/environment.yml", "foo"),
        ("/src/foo/environment.yaml", "foo"),
        ("/src/foo/env.yml", "foo"),
        ("/src/foo/conda-environment.yml", "foo"),
        ("/src/foo/environment-dev.yml", "foo-dev"),
        ("/src/foo/environment.gpu.yml", "foo-gpu"),
        ("/src/foo/pixi.lock", "foo"),
        ("/src/foo/conda-linux-64.lock", "foo"),
        ("/src/foo/bar.yaml", "bar"),
        ("/src/foo/my.bar.yaml", "my.bar"),
        ("/src/foo/envoy.yaml", "envoy"),
        ("/src/My Project (2)/environment.yml", "My-Project-2"),
        ("/src/.dotfiles/environment.yml", "dotfiles"),
        ("/src/größe/environment.yml", "größe"),
        ("/src/gro\u0308ße/environment.yml", "größe"),
        ("/environment.yml", "environment"),
    ],
)
def test_an_environment_is_called_as_its_file_or_as_the_project_of_a_file_that_every_project_has(
    path: str, name: str
) -> None:
    assert default_name(Path(path)) == name


def test_a_file_keeps_its_suffix_which_says_how_it_is_read() -> None:
    assert default_file(Path("/src/foo/environment.yml")) == "foo.yml"
    assert default_file(Path("/src/foo/pixi.lock"), "bar") == "bar.lock"


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [("a.yaml", "b.yml", True), ("a.lock", "b.lock", True), ("a.yml", "b.lock", False), ("a.txt", "b.lock", False)],
)
def test_kinds_of_files_are_told_apart(one: str, other: str, *, is_same: bool) -> None:
    assert is_same_kind(one, other) is is_same


@pytest.mark.parametrize(
    ("name", "patterns", "is_wanted"),
    [
        ("bar.yaml", (), True),
        ("environment.yml", (), True),
        ("environment.yml~", (), False),
        (".environment.yml.swp", (), False),
        ("4913", (), False),
        ("pixi.lock", (), False),
        ("notes.txt", (), False),
        ("pixi.lock", ("*.lock",), True),
        ("bar.yaml", ("*.lock",), False),
        ("uv.toml", ("*",), False),
    ],
)
def test_yaml_files_are_looked_at_in_directories_or_what_was_asked_for(
    name: str, patterns: tuple[str, ...], *, is_wanted: bool
) -> None:
    assert may_be_specification(name, patterns) is is_wanted


@pytest.mark.parametrize(("name", "is_so"), [("environment-dev.yml", True), ("bar.yml", False), ("pixi.lock", False)])
def test_some_names_say_that_they_are_environment_files(name: str, *, is_so: bool) -> None:
    assert is_certain(name) is is_so


@pytest.mark.parametrize(
    ("content", "is_so"),
    [
        (b"name: x\ndependencies:\n- python\n", True),
        (b"dependencies : [python", True),
        ("dependencies: []".encode("utf-16"), True),
        (b"on: push\njobs:\n  a:\n    dependencies: 1\n", False),
        (b"", False),
    ],
)
def test_an_environment_file_is_known_by_its_dependencies(content: bytes, *, is_so: bool) -> None:
    assert looks_like_environment(content) is is_so
