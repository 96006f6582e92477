"""`source bin/activate.fish` in a real fish."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.names import EnvironmentName
from condafs.prefix.activation import render_activation, write_activation
from condafs.prefix.fish_shell import _quote as quote
from tests.component.prefix.by_hand import add_python
from tests.component.prefix.shell import PATH, Shell, find_shell

FOO, BAR = EnvironmentName("foo"), EnvironmentName("bar")
NASTY = 'it\'s "quoted" $HOME (id) \\ back\\\\slash !! %s ~ * \t two\nlines\n'
PROMPT = 'function fish_prompt; echo -n "$status> "; end\n'


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return find_shell("fish", tmp_path / "dumps")


@pytest.fixture
def source(prefix: Path) -> str:
    """The line that people type, with the variables of a difficult specification."""
    write_activation(prefix, FOO, {"NASTY": NASTY, "EMPTY": "", "BEFORE": "changed"})
    return activate(prefix)


def activate(prefix: Path) -> str:
    return f"source {quote(str(prefix))}/bin/activate.fish\n"


def add_script(prefix: Path, directory: str, name: str, text: str) -> None:
    path = prefix / "etc/conda" / directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_activation_sets_what_programs_look_at(shell: Shell, prefix: Path, source: str) -> None:
    shell.run(source + shell.dump("active"), {"BEFORE": "as it was", "PYTHONHOME": "/envs/foo"})
    active = shell.exported("active")
    assert active["PATH"] == f"{prefix}/bin:{PATH}"
    assert active["CONDA_PREFIX"] == str(prefix)
    assert active["CONDA_DEFAULT_ENV"] == "foo"
    assert active["CONDA_SHLVL"] == "1"
    assert active["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert (active["NASTY"], active["EMPTY"], active["BEFORE"]) == (NASTY, "", "changed")
    assert "PYTHONHOME" not in active


def test_deactivate_restores_what_was_set_unset_and_empty(shell: Shell, source: str) -> None:
    before = {"BEFORE": NASTY, "EMPTY": "", "PYTHONHOME": "/somewhere", "CONDA_DEFAULT_ENV": "x y"}
    shell.run(f"{shell.dump('before')}{source}deactivate\n{shell.dump('after')}", before)
    assert shell.exported("after") == shell.exported("before")


def test_nothing_of_it_is_left_in_the_shell(shell: Shell, source: str) -> None:
    out = shell.run(
        f"{source}deactivate\nset | string match -ei _condafs\nfunctions -an | string match -ei condafs\ntrue\n"
    )
    assert out == ""


def test_a_global_variable_that_is_not_exported_is_restored(shell: Shell, source: str) -> None:
    assert shell.run(f"set -g BEFORE one two\n{source}deactivate\nstring join , $BEFORE\n") == "one,two\n"


def test_the_prompt_is_marked_keeps_the_status_and_is_restored(shell: Shell, source: str) -> None:
    out = shell.run(f"{PROMPT}{source}false\nfish_prompt\necho\ndeactivate\nfalse\nfish_prompt\n")
    assert out == "(foo) 1> \n1> "


def test_the_prompt_is_left_alone_for_who_told_conda_so(shell: Shell, source: str) -> None:
    out = shell.run(f"{PROMPT}{source}true\nfish_prompt\ndeactivate\ntrue\nfish_prompt\n", {"CONDA_CHANGEPS1": "False"})
    assert out == "0> 0> "


def test_another_environment_on_top_replaces_the_first(shell: Shell, source: str, tmp_path: Path) -> None:
    other = tmp_path / "other"
    add_python(other)
    write_activation(other, BAR, {"OTHER": "1"})
    steps = [shell.dump("before"), source, activate(other), shell.dump("second"), "deactivate\n", shell.dump("after")]
    shell.run("".join(steps))
    second = shell.exported("second")
    assert second["PATH"] == f"{other}/bin:{PATH}"
    assert (second["CONDA_PREFIX"], second["CONDA_SHLVL"], second["OTHER"]) == (str(other), "1", "1")
    assert "NASTY" not in second
    assert shell.exported("after") == shell.exported("before")


def test_path_entries_added_meanwhile_are_kept(shell: Shell, source: str) -> None:
    out = shell.run(f"{source}set -gx PATH /mine $PATH '/also mine'\ndeactivate\nstring join : $PATH\n")
    assert out == f"/mine:{PATH}:/also mine\n"


def test_packages_scripts_run_in_conda_s_order(shell: Shell, prefix: Path) -> None:
    for name in ("a.fish", "b.fish"):
        add_script(prefix, "activate.d", name, f'echo "on {name} $CONDA_PREFIX $MINE"; false\n')
        add_script(prefix, "deactivate.d", name, f'echo "off {name} $CONDA_PREFIX $MINE"\n')
    add_script(prefix, "activate.d", "c.sh", "not for (this) shell")
    write_activation(prefix, FOO, {"MINE": "set"})
    out = shell.run(f"{activate(prefix)}deactivate\n")
    steps = ("on a.fish", "on b.fish", "off b.fish", "off a.fish")
    assert out.splitlines() == [f"{step} {prefix} set" for step in steps]


def test_it_stacks_on_conda_s_own_environment(shell: Shell, prefix: Path, source: str) -> None:
    base = {"CONDA_SHLVL": "1", "CONDA_PREFIX": "/opt/conda", "CONDA_DEFAULT_ENV": "base"}
    shell.run(f"{shell.dump('before')}{source}{shell.dump('active')}deactivate\n{shell.dump('after')}", base)
    active = shell.exported("active")
    assert (active["CONDA_SHLVL"], active["CONDA_PREFIX_1"], active["CONDA_PREFIX"]) == ("2", "/opt/conda", str(prefix))
    assert shell.exported("after") == shell.exported("before")


def test_when_conda_took_over_meanwhile_its_variables_stay(shell: Shell, source: str) -> None:
    out = shell.run(
        f"{source}set -gx CONDA_PREFIX /opt/conda\nset -gx CONDA_SHLVL 5\ndeactivate\necho $CONDA_PREFIX $CONDA_SHLVL\n"
    )
    assert out == "/opt/conda 5\n"


@pytest.mark.parametrize("level", ["(touch run)", "08", "-1", "x", ""])
def test_a_level_that_is_no_number_counts_as_none(shell: Shell, source: str, level: str) -> None:
    out = shell.run(f'cd $HOME\n{source}echo $CONDA_SHLVL\ndeactivate\necho "$CONDA_SHLVL"\n', {"CONDA_SHLVL": level})
    assert out == f"1\n{level}\n"
    assert not (shell.dumps / "run").exists()


def test_a_virtual_environment_below_is_deactivated_first(shell: Shell, prefix: Path, source: str) -> None:
    below = "set -gx VIRTUAL_ENV /venv\nfunction deactivate; set -e VIRTUAL_ENV; echo left; end\n"
    assert shell.run(f"{below}{source}echo $CONDA_PREFIX\n") == f"left\n{prefix}\n"


def test_a_virtual_environment_on_top_leaves_it_active(shell: Shell, prefix: Path, source: str) -> None:
    on_top = "deactivate nondestructive\nset -gx VIRTUAL_ENV /venv\nfunction deactivate; set -e VIRTUAL_ENV; end\n"
    out = shell.run(
        f"{source}{on_top}deactivate\necho $CONDA_PREFIX\ncondafs_deactivate\nset -q CONDA_PREFIX; or echo none\n"
    )
    assert out == f"{prefix}\nnone\n"


def test_source_of_the_printed_code_does_the_same(shell: Shell, prefix: Path, source: str) -> None:
    code = render_activation(prefix, FOO, {"NASTY": NASTY, "EMPTY": "", "BEFORE": "changed"}, "fish")
    shell.run(source + shell.dump("sourced"))
    shell.run(f"echo {quote(code)} | source\n{shell.dump('piped')}")
    assert shell.exported("piped") == shell.exported("sourced")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_categories=["Cs", "Co", "Cn"], exclude_characters="\0")))
def test_any_value_arrives_as_it_was_written(shell: Shell, prefix: Path, value: str) -> None:
    """Private-use characters apart, some of which fish keeps for itself."""
    write_activation(prefix, FOO, {"VALUE": value})
    shell.run(activate(prefix) + shell.dump("active"))
    assert shell.exported("active")["VALUE"] == value
