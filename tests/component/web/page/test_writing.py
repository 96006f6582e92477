"""The editor and the buttons: what is refused, and that nothing happens then."""

import json
import os
from pathlib import Path

import pytest

from condafs.names import BuildName
from condafs.web.access.roles import Role
from tests.component.web.page.house import Machine

MISTAKE = "name: foo\ndependencies:\n  - python >=\n"


def everything(directory: Path) -> list[tuple[str, float]]:
    """All files below a directory, with their times."""
    return sorted(
        (os.path.join(place, name), os.lstat(os.path.join(place, name)).st_mtime_ns)
        for place, folders, files in os.walk(directory)
        for name in [*folders, *files]
    )


@pytest.fixture
def first_generation(machine: Machine) -> BuildName:
    """An environment `foo` at its second generation; its first."""
    first = machine.submit("name: foo\ndependencies: [python]\n")
    machine.publish(first, "python=3.12")
    machine.publish(machine.submit("name: foo\ndependencies: [pip]\n"), "pip=1")
    return first


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
async def test_another_site_s_forms_change_nothing_though_the_cookie_comes_along(
    machine: Machine, first_generation: BuildName, site: str
) -> None:
    await machine.log_in(Role.ADMIN)
    before = everything(machine.envs)
    forms = {
        "/environment/foo/roll-back": {"build": first_generation.digest.hex},
        "/environment/foo/retire": {},
        "/environment/foo/cancel": {},
        "/environment/foo/try-again": {},
        "/environment/foo/edit": {"specification": "name: foo\ndependencies: [evil]\n"},
        "/new": {"specification": "name: evil\ndependencies: [evil]\n"},
        "/check": {"specification": "name: evil\ndependencies: [evil]\n"},
    }
    for path, form in forms.items():
        answer = await machine.browser.post(path, form, site=site)
        assert answer.status == 401, path
    assert everything(machine.envs) == before


async def test_a_browser_that_does_not_tell_the_site_tells_the_origin(
    machine: Machine, first_generation: BuildName
) -> None:
    await machine.log_in()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    for origin in ("http://evil.test", "null", ""):
        shown = headers | ({"origin": origin} if origin else {})
        answer = await machine.browser.request("POST", "/environment/foo/retire", b"", shown)
        assert answer.status == 401
    assert (machine.envs / ".specs" / "foo.yaml").exists()


async def test_a_viewer_writes_nothing(machine: Machine, first_generation: BuildName) -> None:
    await machine.log_in(Role.VIEWER)
    answer = await machine.browser.post("/environment/foo/retire")
    assert answer.status == 403
    assert "role editor" in answer.text
    assert (await machine.browser.get("/new")).status == 403


async def test_a_mistake_is_shown_at_its_line_and_what_was_typed_stays(machine: Machine) -> None:
    await machine.log_in()
    answer = await machine.browser.post("/new", {"specification": MISTAKE.replace("\n", "\r\n")})
    assert answer.status == 400
    assert "environment.yaml:3:12: no version behind" in answer.text
    assert "    3 |   - python &gt;=\n      |            ^" in answer.text
    assert '<span class="bad">3</span>' in answer.text
    assert "  - python &gt;=\n</textarea>" in answer.text
    assert 'data-line="3" data-column="12"' in answer.text
    assert not list((machine.envs / ".specs").iterdir())


async def test_who_was_logged_out_while_typing_keeps_what_was_typed(machine: Machine) -> None:
    answer = await machine.browser.post("/new", {"specification": "name: foo\ndependencies: [python]\n"})
    assert answer.status == 401
    assert "needs a token of role editor" in answer.text
    assert "dependencies: [python]" in answer.text


async def test_a_text_is_checked_while_it_is_typed(machine: Machine) -> None:
    await machine.log_in()
    answer = json.loads((await machine.browser.post("/check", {"specification": MISTAKE})).body)
    assert (answer["line"], answer["column"]) == (3, 12)
    answer = json.loads((await machine.browser.post("/check", {"specification": "dependencies: [python]\n"})).body)
    assert "gives no name" in answer["problem"]
    named = {"specification": "dependencies: [python]\n", "name": "foo"}
    answer = json.loads((await machine.browser.post("/check", named)).body)
    assert (answer["name"], answer["state"]) == ("foo", "")
    too_long = await machine.browser.post("/check", {"specification": "# " + "x" * (1 << 20)})
    assert "at most 1 MiB" in json.loads(too_long.body)["problem"]
    assert not list((machine.envs / ".specs").iterdir())


async def test_only_builds_of_the_environment_are_rolled_back_to(machine: Machine, first_generation: BuildName) -> None:
    other = machine.submit("name: bar\ndependencies: [python]\n")
    await machine.log_in()
    for text, status in ((other.digest.hex, 404), ("../../etc", 400), ("", 400), ("f" * 64, 404)):
        answer = await machine.browser.post("/environment/foo/roll-back", {"build": text})
        assert answer.status == status, text


async def test_a_refused_file_is_corrected_in_the_editor(machine: Machine) -> None:
    machine.refuse("foo.yaml", MISTAKE, "foo.yaml:3:12: no version")
    await machine.log_in()
    text = (await machine.browser.get("/new?refused=foo.yaml")).text
    assert "  - python &gt;=\n</textarea>" in text
    assert '<span class="bad">3</span>' in text
    for name in ("bar.yaml", "../../etc/passwd", "."):
        assert "my-environment" in (await machine.browser.get(f"/new?refused={name}")).text
