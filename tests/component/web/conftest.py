"""Fixtures of the HTTP server's component tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import trio

from tests.component.web.laid import Laid
from tests.component.web.served import Served


@pytest.fixture
def laid(tmp_path: Path) -> Iterator[Laid]:
    laid = Laid.make(tmp_path)
    yield laid
    laid.catalog.close()


@pytest.fixture
def served(laid: Laid, nursery: trio.Nursery) -> Served:
    return Served(laid, nursery)
