"""`source bin/activate` in real shells; every script runs under `set -eu` unless a test says otherwise."""

from pathlib import Path
from shlex import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.names import EnvironmentName
from condafs.prefix.activation import render_activation, write_activation
from tests.component.prefix.by_hand import add_python
from tests.component.prefix.shell import PATH, POSIX, Shell, find_shell

FOO, BAR = EnvironmentName("foo"), EnvironmentName("bar")
NASTY = 'it\'s "quoted" $HOME `id` \\ back\\\\slash !! %s ~ * \t two\nlines\n'


@pytest.fixture(params=POSIX)
def shell(request: pytest.FixtureRequest, tmp_path: Path) -> Shell:
    return find_shell(request.param, tmp_path / "dumps")


@pytest.fixture
def source(prefix: Path) -> str:
    """The line that people type, with the variables of a difficult specification."""
    write_activation(prefix, FOO, {"NASTY": NASTY, "EMPTY": "", "BEFORE": "changed"})
    return activate(prefix)


def activate(prefix: Path) -> str:
    return f". {quote(str(prefix))}/bin/activate\n"


def add_script(prefix: Path, directory: str, name: str, text: str) -> None:
    path = prefix / "etc/conda" / directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_activation_sets_what_programs_look_at(shell: Shell, prefix: Path, source: str) -> None:
    shell.run(source + shell.dump("active"), {"BEFORE": "as it was"})
    active = shell.exported("active")
    assert active["PATH"] == f"{prefix}/bin:{PATH}"
    assert active["CONDA_PREFIX"] == str(prefix)
    assert active["CONDA_DEFAULT_ENV"] == "foo"
    assert active["CONDA_SHLVL"] == "1"
    assert active["JUPYTER_PREFER_ENV_PATH"] == "1"
    assert (active["NASTY"], active["EMPTY"], active["BEFORE"]) == (NASTY, "", "changed")


def test_deactivate_restores_what_was_set_unset_and_empty(shell: Shell, source: str) -> None:
    before = {"BEFORE": NASTY, "EMPTY": "", "PYTHONHOME": "/somewhere", "CONDA_DEFAULT_ENV": "x y"}
    shell.run(f"{shell.dump('before')}{source}deactivate\n{shell.dump('after')}", before)
    assert shell.exported("after") == shell.exported("before")


def test_nothing_of_it_is_left_in_the_shell(shell: Shell, source: str) -> None:
    out = shell.run(f"{source}deactivate\nset | grep -iE '^_?condafs' || :\ncommand -v deactivate || :\n")
    assert out == ""


def test_pythonhome_is_unset_because_it_would_undo_the_pinning(shell: Shell, source: str) -> None:
    shell.run(source + shell.dump("active"), {"PYTHONHOME": "/envs/foo"})
    assert "PYTHONHOME" not in shell.exported("active")


def test_the_prompt_is_marked_and_restored(shell: Shell, source: str) -> None:
    out = shell.run(f'PS1=\'it is $ \'\n{source}echo "$PS1"\ndeactivate\necho "$PS1"\n')
    assert out == "(foo) it is $ \nit is $ \n"


def test_a_prompt_changed_meanwhile_is_kept(shell: Shell, source: str) -> None:
    assert shell.run(f"PS1='> '\n{source}PS1='new> '\ndeactivate\necho \"$PS1\"\n") == "new> \n"


def test_without_a_prompt_there_is_none_to_change(shell: Shell, source: str) -> None:
    assert shell.run(f'unset PS1\n{source}echo "${{PS1-none}}"\ndeactivate\necho "${{PS1-none}}"\n') == "none\nnone\n"


def test_the_prompt_is_left_alone_for_who_told_conda_so(shell: Shell, source: str) -> None:
    out = shell.run(f'PS1=\'> \'\n{source}echo "$PS1"\ndeactivate\necho "$PS1"\n', {"CONDA_CHANGEPS1": "false"})
    assert out == "> \n> \n"


def test_another_environment_on_top_replaces_the_first(shell: Shell, prefix: Path, source: str, tmp_path: Path) -> None:
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


def test_activating_twice_is_as_activating_once(shell: Shell, source: str) -> None:
    shell.run(f"{source}{shell.dump('once')}{source}{shell.dump('twice')}")
    assert shell.exported("twice") == shell.exported("once")


def test_path_entries_added_meanwhile_are_kept(shell: Shell, source: str) -> None:
    out = shell.run(f'{source}PATH="/mine:$PATH:/also mine"\ndeactivate\necho "$PATH"\n')
    assert out == f"/mine:{PATH}:/also mine\n"


@pytest.mark.parametrize("path", ["/one", ":/a::/b:", "/a b:/c"])
def test_any_path_is_restored_as_it_was(shell: Shell, source: str, path: str) -> None:
    assert shell.run(f'{source}deactivate\necho "$PATH"\n', {"PATH": path}) == f"{path}\n"


def test_an_unset_path_gets_no_empty_entry_and_is_unset_again(shell: Shell, prefix: Path, source: str) -> None:
    out = shell.run(f'unset PATH\n{source}echo "$PATH"\ndeactivate\necho "${{PATH-none}}"\n')
    assert out == f"{prefix}/bin\nnone\n"


def test_packages_scripts_run_in_conda_s_order(shell: Shell, prefix: Path) -> None:
    for name in ("a.sh", "b.sh"):
        add_script(prefix, "activate.d", name, f'echo "on {name} $CONDA_PREFIX $MINE"\n')
        add_script(prefix, "deactivate.d", name, f'echo "off {name} $CONDA_PREFIX $MINE"\n')
    add_script(prefix, "activate.d", "c.fish", "not for this shell")
    write_activation(prefix, FOO, {"MINE": "set"})
    out = shell.run(f"{activate(prefix)}deactivate\n")
    assert out.splitlines() == [f"{step} {prefix} set" for step in ("on a.sh", "on b.sh", "off b.sh", "off a.sh")]


def test_packages_scripts_that_fail_or_use_unset_variables_end_no_shell(shell: Shell, prefix: Path) -> None:
    add_script(prefix, "activate.d", "careless.sh", 'export SEEN="$NEVER_SET"\nfalse\nexport LAST=yes\nfalse\n')
    write_activation(prefix, FOO, {})
    assert shell.run(f'{activate(prefix)}echo "$LAST"\n') == "yes\n"


@pytest.mark.parametrize("options", ["-e", "-u", "-eu", "-f"])
def test_the_shell_s_options_are_as_before(shell: Shell, prefix: Path, options: str) -> None:
    add_script(prefix, "activate.d", "a.sh", ":\n")
    write_activation(prefix, FOO, {})
    out = shell.run(f'echo "$-"\n{activate(prefix)}echo "$-"\ndeactivate\necho "$-"\n', options=options)
    assert len(set(out.splitlines())) == 1


def test_it_stacks_on_conda_s_own_environment(shell: Shell, prefix: Path, source: str) -> None:
    base = {"CONDA_SHLVL": "1", "CONDA_PREFIX": "/opt/conda", "CONDA_DEFAULT_ENV": "base"}
    shell.run(f"{shell.dump('before')}{source}{shell.dump('active')}deactivate\n{shell.dump('after')}", base)
    active = shell.exported("active")
    assert (active["CONDA_SHLVL"], active["CONDA_PREFIX_1"], active["CONDA_PREFIX"]) == ("2", "/opt/conda", str(prefix))
    assert shell.exported("after") == shell.exported("before")


def test_when_conda_took_over_meanwhile_its_variables_stay(shell: Shell, source: str) -> None:
    out = shell.run(
        f'{source}CONDA_PREFIX=/opt/conda CONDA_SHLVL=5\ndeactivate\necho "$CONDA_PREFIX $CONDA_SHLVL $PATH"\n'
    )
    assert out == f"/opt/conda 5 {PATH}\n"


@pytest.mark.parametrize("level", ["a[$(touch run)]", "08", "-1", "x", ""])
def test_a_level_that_is_no_number_counts_as_none(shell: Shell, source: str, level: str) -> None:
    out = shell.run(
        f'cd "$HOME"\n{source}echo "$CONDA_SHLVL"\ndeactivate\necho "$CONDA_SHLVL"\n', {"CONDA_SHLVL": level}
    )
    assert out == f"1\n{level}\n"
    assert not (shell.dumps / "run").exists()


def test_a_virtual_environment_below_is_deactivated_first(shell: Shell, prefix: Path, source: str) -> None:
    below = f"VIRTUAL_ENV=/venv\nPATH=/venv/bin:$PATH\ndeactivate () {{ unset VIRTUAL_ENV; PATH={PATH}; }}\n"
    assert shell.run(f'{below}{source}echo "$PATH"\n') == f"{prefix}/bin:{PATH}\n"


def test_a_virtual_environment_on_top_leaves_it_active(shell: Shell, prefix: Path, source: str) -> None:
    """What venv's own script does: `deactivate nondestructive`, then its own function of that name."""
    on_top = "deactivate nondestructive\nVIRTUAL_ENV=/venv\ndeactivate () { unset VIRTUAL_ENV; unset -f deactivate; }\n"
    out = shell.run(
        f'{source}{on_top}deactivate\necho "$CONDA_PREFIX"\ncondafs_deactivate\necho "${{CONDA_PREFIX-none}}"\n'
    )
    assert out == f"{prefix}\nnone\n"


def test_eval_of_the_printed_code_does_the_same(shell: Shell, prefix: Path, source: str) -> None:
    code = render_activation(prefix, FOO, {"NASTY": NASTY, "EMPTY": "", "BEFORE": "changed"}, shell.name)
    shell.run(source + shell.dump("sourced"))
    shell.run(f"eval {quote(code)}\n{shell.dump('evaluated')}")
    assert shell.exported("evaluated") == shell.exported("sourced")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_any_value_arrives_as_it_was_written(shell: Shell, prefix: Path, value: str) -> None:
    write_activation(prefix, FOO, {"VALUE": value})
    shell.run(activate(prefix) + shell.dump("active"))
    assert shell.exported("active")["VALUE"] == value
