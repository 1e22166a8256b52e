"""A company for each test: fresh, or after its accepted first run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.company import Company, founded
from tests.end_to_end.traces import Thing, things


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """Simulators and configuration; nothing has run yet. Texts in Chinese."""
    with founded(tmp_path / "company") as made:
        yield made


@pytest.fixture
def settled(company: Company) -> Company:
    """The company after its accepted first run."""
    company.first_run()
    company.world.forget_requests()
    return company


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """A company after its first run, for commands that only read."""
    with founded(tmp_path_factory.mktemp("known") / "company") as made:
        made.first_run()
        yield made


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Counter[Thing]:
    """What stands everywhere after an accepted first run in which nothing went wrong."""
    with founded(tmp_path_factory.mktemp("undisturbed") / "company") as made:
        made.first_run()
        return things(made)
