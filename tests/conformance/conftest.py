"""The suites are imported by the test files, so pytest must be told to explain their assertions."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    "tests.conformance.source_suite",
    "tests.conformance.source_faults",
    "tests.conformance.tracker_suite",
    "tests.conformance.knowledge_base_suite",
    "tests.conformance.directory_suite",
)
