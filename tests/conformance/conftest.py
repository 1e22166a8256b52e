"""What all conformance tests share: explained assertions in the suites, which are no test files, and servers that stop at the end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite(
    "tests.conformance.source_suite",
    "tests.conformance.source_faults",
    "tests.conformance.tracker_suite",
    "tests.conformance.replies_suite",
    "tests.conformance.knowledge_base_suite",
    "tests.conformance.directory_suite",
    "tests.conformance.messenger_suite",
    "tests.conformance.organisation_suite",
    "tests.conformance.metrics_suite",
)


@pytest.fixture(scope="session", autouse=True)
def servers() -> Iterator[None]:
    from tests.conformance.subjects import stop_serving

    yield
    stop_serving()
