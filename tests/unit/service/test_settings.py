import re
from dataclasses import fields
from pathlib import Path

import pytest

from condafs.config import Settings, parse_settings
from condafs.errors import UserError
from condafs.service.settings import BEGIN, with_service, without_service
from condafs.service.templates import render

FILE = Path("/etc/condafs.yaml")
EXAMPLE = render("condafs.yaml")


def test_a_file_gets_what_the_service_needs_and_is_read_as_settings() -> None:
    settings = parse_settings(with_service("jobs: 3\n", FILE), Settings(Path("/s")))
    assert settings.jobs == 3
    assert settings.allow_other
    assert settings.builder_socket == Path("/run/condafs-build/socket")
    assert settings.catalog_group == "condafs-http"


@pytest.mark.parametrize("text", ["", "jobs: 3\n", "# only a note\n", EXAMPLE])
def test_it_is_written_once_and_taken_out_without_a_trace(text: str) -> None:
    full = with_service(text, FILE)
    assert with_service(full, FILE) == full
    assert full.count(BEGIN) == 1
    assert without_service(full) == text


def test_a_last_line_without_an_end_is_ended() -> None:
    assert without_service(with_service("jobs: 3", FILE)) == "jobs: 3\n"


def test_what_the_administrator_decided_stays() -> None:
    full = with_service("catalog-group: web\n", FILE)
    assert parse_settings(full, Settings(Path("/s"))).catalog_group == "web"


@pytest.mark.parametrize("text", ["jbos: 3\n", "{jobs: 3}\n", "- jobs\n", "jobs: [\n"])
def test_what_cannot_be_added_to_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(UserError, match=r"/etc/condafs\.yaml"):
        with_service(text, FILE)


def test_all_that_the_example_shows_can_be_turned_on() -> None:
    lines = [line[1:] for line in EXAMPLE.splitlines() if line.startswith("#") and not line.startswith("# ")]
    keys = [line.partition(":")[0] for line in lines if line]
    assert len(keys) == len(set(keys)) > 10
    parse_settings("\n".join(lines), Settings(Path("/s")))


def test_the_example_has_every_setting_and_all_of_it_is_right() -> None:
    lines = [line[1:] for line in EXAMPLE.splitlines() if re.match(r"#[a-z-]+:( |$)", line)]
    keys = [line.partition(":")[0] for line in lines]
    assert sorted(keys) == sorted(field.name.replace("_", "-") for field in fields(Settings))
    parse_settings("\n".join(lines), Settings(Path("/s")))
