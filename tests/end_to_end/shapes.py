"""What commands answer with ``--json``: the names that docs/cli.md promises, and the checks that they are there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TASK = {
    "ref", "key", "title", "status", "vendor_status", "url", "updated_at", "owner", "department", "assignments", "start",
    "due", "started", "finished", "estimate_minutes", "parent", "project", "labels", "priority", "kind", "visibility",
    "not_before", "must_start", "must_finish",
}  # fmt: skip
DEPENDENCY = {
    "key", "predecessor", "successor", "type", "lag_minutes", "lag_unit", "confidence", "state", "evidence",
}  # fmt: skip
EVIDENCE = {"record", "place", "source_id", "rule", "confidence"}
FINDING = {
    "key", "job", "kind", "severity", "state", "subjects", "since", "message", "parameters", "evidence", "text", "events",
}  # fmt: skip
EVENT = {"kind", "at", "by", "name", "until", "day", "reason", "note", "source"}
CHANGE = {"operation", "kind", "key", "job", "target", "message", "facts", "reason", "mark", "text"}
COLLECTED = {"fetched", "stored", "skipped", "requests", "seconds", "error", "certificate"}
CERTIFICATE = {"is_complete", "counted", "stored", "unproven", "reason", "at", "scopes"}
SCOPE = {"stream", "scope", "counted", "stored", "unproven", "reason"}
RUN = {"id", "kind", "started_at", "ended_at", "outcome", "counts"}
PROBE = {"operation", "is_ok", "detail", "cure"}
STEP = {"field", "value", "raw_value", "path", "file", "line", "note"}
CONNECTIONS = {"jira-main", "jira-finance", "trello-main", "confluence-main", "confluence-ops"}
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def has(shape: Mapping[str, Any], names: set[str]) -> None:
    """All documented names are there."""
    assert names <= shape.keys(), names - shape.keys()


def check_collected(shape: Mapping[str, Any]) -> None:
    assert shape.keys() == CONNECTIONS
    for report in shape.values():
        has(report, COLLECTED)
        has(report["certificate"], CERTIFICATE)
        for scope in report["certificate"]["scopes"]:
            has(scope, SCOPE)
        assert INSTANT.fullmatch(report["certificate"]["at"])


def check_outcome(shape: Mapping[str, Any]) -> None:
    has(shape, {"run", "written", "drifted", "failed", "unsure", "deferred"})
    for change in shape["written"]:
        has(change, CHANGE)
    for word in ("drifted", "failed", "unsure", "deferred"):
        for change in shape[word]:
            has(change, CHANGE | {"error"})


def check_plan(shape: Mapping[str, Any]) -> None:
    has(shape, {"changes", "skips", "adoptions", "counts"})
    for change in shape["changes"]:
        has(change, CHANGE)
    for skip in shape["skips"]:
        has(skip, {"key", "target", "reason", "detail"})
