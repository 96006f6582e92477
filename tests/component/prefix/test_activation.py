"""Which files activation writes, and what it sets."""

import json
import os
from pathlib import Path

import pytest

from condafs.errors import UserError
from condafs.names import EnvironmentName
from condafs.prefix.activation import (
    SHELLS,
    activation_elsewhere,
    environment_variables,
    read_variables,
    render_activation,
    write_activation,
)

FOO = EnvironmentName("foo")


def add_package_variables(prefix: Path, name: str, content: str) -> None:
    directory = prefix / "etc/conda/env_vars.d"
    directory.mkdir(parents=True, exist_ok=True)
    (directory / name).write_text(content)


def test_both_scripts_are_written_and_again_after_a_change(prefix: Path) -> None:
    write_activation(prefix, FOO, {})
    write_activation(prefix, FOO, {"LATER": "yes"})
    assert "LATER" in (prefix / "bin/activate").read_text()
    assert "LATER" in (prefix / "bin/activate.fish").read_text()


def test_a_package_s_own_script_is_left_alone(prefix: Path) -> None:
    (prefix / "bin/activate").write_text("# conda's own\n")
    write_activation(prefix, FOO, {})
    assert (prefix / "bin/activate").read_text() == "# conda's own\n"
    assert (prefix / "bin/activate.fish").exists()


def test_a_link_of_a_package_is_left_alone(prefix: Path) -> None:
    (prefix / "bin/activate").symlink_to("nowhere")
    write_activation(prefix, FOO, {})
    assert (prefix / "bin/activate").is_symlink()


def test_a_script_is_never_written_through_a_hard_link(prefix: Path, tmp_path: Path) -> None:
    write_activation(prefix, FOO, {})
    os.link(prefix / "bin/activate", tmp_path / "other")
    before = (tmp_path / "other").read_text()
    write_activation(prefix, FOO, {"NEW": "1"})
    assert (tmp_path / "other").read_text() == before


def test_an_environment_without_programs_gets_the_scripts_too(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    write_activation(tmp_path, FOO, {})
    assert (tmp_path / "bin/activate").exists()


def test_variables_are_kept_where_conda_looks_for_them(prefix: Path) -> None:
    variables = {"A": "1", "B": "two words"}
    write_activation(prefix, FOO, variables)
    assert json.loads((prefix / "conda-meta/state").read_text())["env_vars"] == variables
    assert read_variables(prefix) == variables


def test_without_variables_there_is_no_state(prefix: Path) -> None:
    write_activation(prefix, FOO, {})
    assert not (prefix / "conda-meta/state").exists()
    assert read_variables(prefix) == {}


def test_the_specification_wins_over_packages_and_later_packages_over_earlier(prefix: Path) -> None:
    add_package_variables(prefix, "b.json", '{"ONE": "b", "TWO": "b"}')
    add_package_variables(prefix, "a.json", '{"ONE": "a", "TWO": "a", "THREE": "a"}')
    assert environment_variables(prefix, {"TWO": "spec"}) == {"ONE": "b", "TWO": "spec", "THREE": "a"}


@pytest.mark.parametrize("content", ["no json", "[]", '{"A": 1}', ""])
def test_a_package_s_broken_file_is_passed_over(prefix: Path, content: str) -> None:
    add_package_variables(prefix, "broken.json", content)
    assert environment_variables(prefix, {}) == {}


@pytest.mark.parametrize("name", ["PATH", "CONDA_PREFIX", "no-name", "1ST", "A B", "A\n", "", "Ä"])
def test_what_cannot_or_must_not_be_set_is_left_out(prefix: Path, name: str) -> None:
    assert environment_variables(prefix, {name: "x", "GOOD": "y", "NUL": "\0"}) == {"GOOD": "y"}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_same_text_can_be_had_for_eval(prefix: Path, shell: str) -> None:
    write_activation(prefix, FOO, {"A": "1"})
    path = prefix / ("bin/activate.fish" if shell == "fish" else "bin/activate")
    assert render_activation(prefix, FOO, {"A": "1"}, shell) == path.read_text()


@pytest.mark.parametrize("text", ["not JSON", "[]", '{"A": 1}', "[" * 100_000], ids=["text", "list", "number", "deep"])
def test_variables_of_a_package_that_are_none_set_nothing(prefix: Path, text: str) -> None:
    variables = prefix / "etc/conda/env_vars.d/zz.json"
    variables.parent.mkdir(parents=True)
    variables.write_text(text)
    assert environment_variables(prefix, {"B": "2"}) == {"B": "2"}


def test_another_shell_is_refused_with_those_that_are_supported(prefix: Path) -> None:
    with pytest.raises(UserError, match=r"'tcsh'.*bash.*fish"):
        render_activation(prefix, FOO, {}, "tcsh")


def test_elsewhere_nothing_of_the_sealed_prefix_is_left(prefix: Path) -> None:
    variables = prefix / "etc/conda/env_vars.d/zz.json"
    variables.parent.mkdir(parents=True)
    variables.write_text(json.dumps({"ZZ_DATA": f"{prefix}/share/zz"}))
    write_activation(prefix, EnvironmentName("foo"), {})
    scripts = activation_elsewhere(prefix, EnvironmentName("foo"), Path("/opt/env"))
    assert scripts.keys() == {"bin/activate", "bin/activate.fish"}
    for text in scripts.values():
        assert "/opt/env/share/zz" in text
        assert prefix.name not in text
    assert environment_variables(prefix, {}, Path("/opt/env")) == {"ZZ_DATA": "/opt/env/share/zz"}
