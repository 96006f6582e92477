"""What pages show, to whom, and how they are answered."""

import json
from functools import partial

import pytest

from condafs.catalog import claims
from condafs.catalog.events import Author
from condafs.web.access.roles import Role
from tests.component.web.page.house import Machine

SPECIFICATION = "name: {}\ndependencies: [python]\n"

PATHS = ("/", "/disk", "/environment/foo", "/docs", "/login", "/logout", "/nothing-here")


async def test_the_list_tells_state_size_and_who_asked(machine: Machine) -> None:
    machine.publish(machine.submit(SPECIFICATION.format("foo"), behalf="ci"), "python=3.12", "numpy=2.0")
    machine.fail(machine.submit(SPECIFICATION.format("bar")), "no candidates")
    text = (await machine.browser.get("/")).text
    assert "2 environments" in text
    assert 'href="/environment/foo"' in text
    assert "state-ready" in text
    assert "state-failed" in text
    assert "1.0 MB" in text
    assert "the token ci, through the user root" in text
    assert "40 s ago" in text


async def test_a_long_list_has_pages_and_is_searched(machine: Machine) -> None:
    for number in range(101):
        machine.submit(SPECIFICATION.format(f"env-{number:03}"))
    first = (await machine.browser.get("/")).text
    assert "env-099" in first
    assert "env-100" not in first
    assert 'href="/?page=2"' in first
    assert "env-100" in (await machine.browser.get("/?page=2")).text
    found = (await machine.browser.get("/?search=10")).text
    assert "env-010" in found
    assert "env-011" not in found
    assert (await machine.browser.get("/?page=0")).status == 422


async def test_retired_environments_are_behind_a_switch(machine: Machine) -> None:
    machine.publish(machine.submit(SPECIFICATION.format("foo")), "python=3.12")
    machine.catalog.write_now(partial(claims.retire, file_name="foo.yaml", now=1.0), Author(0))
    assert "/environment/foo" not in (await machine.browser.get("/")).text
    assert "/environment/foo" in (await machine.browser.get("/?retired=true")).text
    assert "state-retired" in (await machine.browser.get("/environment/foo")).text


async def test_a_refused_file_is_shown_with_its_caret_until_it_is_accepted(machine: Machine) -> None:
    refusal = "foo.yaml:2:3: no\n    2 | abc\n      |   ^\n"
    machine.refuse("foo.yaml", "name: foo\nabc\n", refusal)
    assert refusal.rstrip() in (await machine.browser.get("/")).text
    machine.submit(SPECIFICATION.format("foo"))
    assert "is refused" not in (await machine.browser.get("/")).text


async def test_an_environment_shows_its_generations_and_what_they_changed(machine: Machine) -> None:
    first = machine.submit(SPECIFICATION.format("foo"), behalf="ann")
    machine.publish(first, "python=3.11", "numpy=1.26", "six=1")
    second = machine.submit("name: foo\ndependencies: [python, pandas]\n", behalf="ci")
    machine.publish(second, "python=3.12", "numpy=1.26", "pandas=3.0")
    text = (await machine.browser.get("/environment/foo")).text
    assert text.index('id="g2"') < text.index('id="g1"')
    assert "3.11 → 3.12" in text
    assert '<li class="added">' in text
    assert '<li class="removed">' in text
    assert "numpy" not in text[text.index('id="g2"') : text.index('id="g1"')]
    assert f"source {machine.envs}/foo/bin/activate" in text
    assert "docker pull pages.test:8080/foo" in text
    assert "python, pandas" in text, "the specification as it was written"


async def test_generations_come_ten_at_a_time(machine: Machine) -> None:
    for number in range(1, 13):
        build = machine.submit(f"name: foo\ndependencies: [python, zlib ={number}]\n")
        machine.publish(build, f"zlib={number}")
    newest = (await machine.browser.get("/environment/foo")).text
    assert 'id="g3"' in newest
    assert 'id="g2"' not in newest
    assert "?before=3#generations" in newest
    older = (await machine.browser.get("/environment/foo?before=3")).text
    assert 'id="g2"' in older
    assert 'id="g3"' not in older
    assert "The first." in older


async def test_a_failure_is_told_in_the_words_of_the_solver(machine: Machine) -> None:
    machine.fail(machine.submit(SPECIFICATION.format("foo")), "nothing provides\n└─ <script>alert(1)</script>")
    text = (await machine.browser.get("/environment/foo")).text
    assert "nothing provides\n└─ &lt;script&gt;" in text
    assert "<script>alert" not in text


async def test_packages_are_filtered_without_a_script_too(machine: Machine) -> None:
    machine.publish(machine.submit(SPECIFICATION.format("foo")), "python=3.12", "numpy=2.0")
    text = (await machine.browser.get("/environment/foo?packages=NUM")).text
    assert "1 of 2" in text
    assert '<tr hidden><th scope="row">python</th>' in text
    assert '<tr><th scope="row">numpy</th>' in text


async def test_credentials_are_stars_on_pages(machine: Machine) -> None:
    text = "name: foo\nchannels: ['https://ann:hunter2@example.org/c']\ndependencies: [python]\n"
    machine.publish(machine.submit(text), "python=3.12")
    await machine.log_in()
    for path in ("/environment/foo", "/environment/foo/edit"):
        page = (await machine.browser.get(path)).text
        assert "hunter2" not in page
        assert "https://***@example.org" in page
    form = {"specification": text.replace("ann:hunter2", "***")}
    answer = await machine.browser.post("/environment/foo/edit", form)
    assert answer.status == 400
    assert "write it again" in answer.text


async def test_a_file_that_is_not_for_everybody_is_shown_as_it_was_understood(machine: Machine) -> None:
    machine.submit("# private thoughts\nname: foo\ndependencies: [python]\n")
    (machine.envs / ".specs" / "foo.yaml").chmod(0o600)
    text = (await machine.browser.get("/environment/foo")).text
    assert "private thoughts" not in text
    assert "- python" in text


async def test_disk_use_is_summed_by_environment_and_follows_the_journal(machine: Machine) -> None:
    machine.publish(machine.submit(SPECIFICATION.format("foo")), size_bytes=3_000_000, own_bytes=1_000_000)
    assert "<b>3.0 MB</b> apparent, <b>1.0 MB</b> unique" in (await machine.browser.get("/disk")).text
    machine.publish(machine.submit("name: foo\ndependencies: [pip]\n"), size_bytes=2_000_000, own_bytes=500_000)
    text = (await machine.browser.get("/disk?by=unique")).text
    assert "<b>5.0 MB</b> apparent, <b>1.5 MB</b> unique" in text
    assert 'class="unique" width="300.0"' in text


async def test_who_may_not_write_sees_no_buttons(machine: Machine) -> None:
    for number in range(2):
        machine.publish(machine.submit(f"name: foo\ndependencies: [zlib ={number}]\n"), f"zlib={number}")
    words = ('action="/environment/foo/', "/environment/foo/edit", 'href="/new"')
    pages = [(await machine.browser.get(path)).text for path in ("/", "/environment/foo")]
    assert not any(word in page for word in words for page in pages)
    await machine.log_in(Role.VIEWER, "looker")
    pages = [(await machine.browser.get(path)).text for path in ("/", "/environment/foo")]
    assert not any(word in page for word in words for page in pages)
    await machine.log_in(Role.EDITOR, "writer")
    pages = [(await machine.browser.get(path)).text for path in ("/", "/environment/foo")]
    assert all(any(word in page for page in pages) for word in words)


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_has_a_strict_policy_and_nothing_inline_or_foreign(machine: Machine, path: str) -> None:
    machine.publish(machine.submit(SPECIFICATION.format("foo")), "python=3.12")
    answer = await machine.browser.get(path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-cache"
    for word in (" style=", "<style", " onclick=", "javascript:", 'src="http', 'href="//'):
        assert word not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script src="/static/') == 1


async def test_assets_have_urls_of_their_own_and_are_kept_for_ever(machine: Machine) -> None:
    text = (await machine.browser.get("/")).text
    for name in ("style.css", "page.js", "icon.svg"):
        url = next(part for part in text.split('"') if part.startswith("/static/") and part.endswith(name))
        answer = await machine.browser.get(url)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        again = await machine.browser.request("GET", url, headers={"if-none-match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
        head = await machine.browser.request("HEAD", url)
        assert head.status == 200
        assert (await machine.browser.get(f"/static/0000000000000000/{name}")).status == 404


async def test_what_goes_wrong_is_a_page_for_people_and_an_envelope_for_programs(machine: Machine) -> None:
    page = await machine.browser.get("/environment/nobody")
    assert page.status == 404
    assert "There is no environment nobody" in page.text
    assert (await machine.browser.get("/environment/no@name")).status == 400
    envelope = await machine.browser.get("/api/v1/environment/default/nobody/")
    assert json.loads(envelope.body)["status"] == "error"


async def test_a_closed_server_asks_for_a_token_first(closed_machine: Machine) -> None:
    closed_machine.submit(SPECIFICATION.format("secret-plans"))
    answer = await closed_machine.browser.get("/?page=1")
    assert answer.status == 401
    assert "secret-plans" not in answer.text
    assert '<input type="hidden" name="next" value="/?page=1">' in answer.text
    assert (await closed_machine.browser.get("/login")).status == 200
    await closed_machine.log_in(Role.VIEWER)
    assert "secret-plans" in (await closed_machine.browser.get("/")).text


async def test_the_api_is_described_with_something_to_type(machine: Machine) -> None:
    text = (await machine.browser.get("/docs")).text
    assert "/api/v1/specification/" in text
    assert "curl -X POST -H" in text
    assert "http://pages.test:8080/api/v1/" in text


async def test_pages_are_there_while_the_daemon_is_not(machine: Machine) -> None:
    machine.publish(machine.submit(SPECIFICATION.format("foo")), "python=3.12")
    machine.submit("name: foo\ndependencies: [pip]\n")
    for place in machine.envs.iterdir():
        place.rename(machine.envs.parent / place.name)
    machine.envs.rmdir()
    for path in ("/", "/environment/foo", "/disk"):
        assert (await machine.browser.get(path)).status == 200
