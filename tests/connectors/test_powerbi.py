"""What Power BI's answers mean and how its values are read, without a network."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.powerbi import CLOUDS, CONNECTOR, cloud_of
from connectors.powerbi.answers import SignedOut, decipher
from connectors.powerbi.client import place_of
from connectors.powerbi.pushing import about_of
from connectors.powerbi.reading import rows_from
from connectors.powerbi.tables import (
    LONGEST_TEXT,
    columns_of,
    decoded,
    digest_of,
    encoded,
    instant_from,
    pushed,
    table_from_rows,
)
from sync.core.errors import AccessDenied, CannotExpress, Conflict, Nonsense, NotFound, Refused, TryLater
from sync.core.metrics import Column, Table, TableContent
from sync.core.ports import ConnectionSettings

DAX_FAILED = (
    b'{"error":{"code":"DatasetExecuteQueriesError","pbi.error":{"code":"DatasetExecuteQueriesError","parameters":{},'
    b'"details":[{"code":"DetailsMessage","detail":{"type":1,"value":"Cannot find table \'X\'."}}],"exceptionCulprit":1}}}'
)


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected", "words"),
    [
        (401, {}, b"", SignedOut, "token"),
        (403, {}, b'{"error":{"code":"TokenExpired","message":"Access token has expired"}}', SignedOut, "expired"),
        (403, {}, b'{"error":{"code":"PowerBINotAuthorizedException"}}', AccessDenied, "Manage access"),
        (403, {}, b"", AccessDenied, "Tenant settings"),
        (403, {}, b'{"error":{"code":"FeatureDeprecatedError","message":"deprecated"}}', Refused, "31 October 2027"),
        (404, {}, b'{"error":{"code":"PowerBIEntityNotFound"}}', NotFound, "PowerBIEntityNotFound"),
        (400, {}, DAX_FAILED, Refused, "Cannot find table"),
        (409, {}, b"{}", Conflict, ""),
        (429, {"retry-after": "7"}, b'{"message":"You have exceeded"}', TryLater, "exceeded"),
        (500, {}, b"An error has occurred.", TryLater, "occurred"),
        (307, {"location": "https://wabi.example/"}, b"", Nonsense, "another cluster"),
        (200, {}, b"<!doctype html><title>Sign in</title>", Nonsense, "HTML page"),
    ],
)
def test_an_answer_says_what_to_do_next(
    status: int, headers: dict[str, str], body: bytes, expected: type[Exception], words: str
) -> None:
    with pytest.raises(expected) as caught:
        decipher(status, headers, body)
    assert type(caught.value) is expected
    assert words in str(caught.value)
    if isinstance(caught.value, TryLater) and headers:
        assert caught.value.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize("body", [b"", b"{}", b"  [1]"])
def test_a_success_is_a_success(body: bytes) -> None:
    decipher(200, {}, body)


def test_a_cut_answer_of_200_is_told_and_an_error_without_rows_is_refused() -> None:
    cut: dict[str, Any] = {
        "results": [{"tables": [{"rows": [{"[a]": 1}]}], "error": {"message": "More than 1 rows in a query result"}}]
    }
    assert rows_from(cut) == ([{"[a]": 1}], "More than 1 rows in a query result")
    with pytest.raises(Refused, match="More than one result table"):
        rows_from(
            {"results": [{"tables": [{"rows": []}], "error": {"message": "More than one result table in a query"}}]}
        )
    with pytest.raises(Refused):
        rows_from({"results": [], "error": {"code": "X", "message": "broken"}})
    with pytest.raises(Nonsense):
        rows_from({"results": []})


def test_names_lose_their_table_unless_two_would_be_one() -> None:
    rows = [{"Site[Name]": "A", "Team[Name]": "B", "[Late]": 1, "Site[Late Count]": 2}]
    assert [column.name for column in table_from_rows(rows).columns] == [
        "Site[Name]",
        "Team[Name]",
        "Late",
        "Late Count",
    ]


def test_types_are_what_every_value_is() -> None:
    rows = decoded(b'[{"i":1,"n":1.50,"m":2,"b":true,"d":"2026-09-30T00:00:00","t":"2026-09-30T08:00:00Z","x":"1"},'
                   b'{"i":null,"n":2,"m":0.5,"b":false,"d":"2026-10-01T00:00:00","t":"2026-09-30T00:00:00","x":null}]')  # fmt: skip
    table = table_from_rows(rows)
    assert [column.type for column in table.columns] == [
        "integer", "number", "number", "boolean", "date", "instant", "text",
    ]  # fmt: skip
    assert table.rows[0] == (
        1, Decimal("1.50"), Decimal(2), True, date(2026, 9, 30), datetime(2026, 9, 30, 8, tzinfo=UTC), "1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24T02:30:00Z", datetime(2026, 11, 24, 2, 30, tzinfo=UTC)),
        ("2026-11-24T02:30:00.1Z", datetime(2026, 11, 24, 2, 30, 0, 100_000, tzinfo=UTC)),
        ("2026-11-24T02:30:00.1234567Z", datetime(2026, 11, 24, 2, 30, 0, 123_456, tzinfo=UTC)),
        ("2026-11-24T10:30:00.5+08:00", datetime(2026, 11, 24, 2, 30, 0, 500_000, tzinfo=UTC)),
        ("2026-11-24T02:30:00", datetime(2026, 11, 24, 2, 30, tzinfo=UTC)),
    ],
)
def test_instants_have_any_number_of_digits(text: str, expected: datetime) -> None:
    assert instant_from(text) == expected


cells = st.one_of(
    st.none(), st.text(max_size=20), st.integers(-(2**62), 2**62), st.booleans(),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9),
)  # fmt: skip


@given(st.lists(st.tuples(cells, cells), max_size=5))
def test_what_is_pushed_is_json_that_says_the_same(rows: list[tuple[Any, Any]]) -> None:
    content = TableContent("运营", "t", Table((Column("a", "text"), Column("b", "text")), tuple(rows)))
    said = decoded(encoded(pushed(content)))
    expected = [[cell.replace("\0", "") if isinstance(cell, str) else cell for cell in row] for row in rows]
    assert [[row["a"], row["b"]] for row in said] == expected


def test_long_texts_are_cut_and_say_so_and_too_many_columns_are_refused() -> None:
    content = TableContent("运营", "t", Table((Column("a", "text"),), (("长" * 5_000,),)))
    (row,) = pushed(content)
    assert len(row["a"]) == LONGEST_TEXT
    assert row["a"].endswith("…")
    with pytest.raises(CannotExpress, match="75 columns"):
        columns_of([Column(str(number), "text") for number in range(76)])


def test_days_and_instants_are_told_without_this_machines_zone() -> None:
    at = datetime(2026, 11, 24, 10, 30, tzinfo=timezone(timedelta(hours=8)))
    columns = (Column("d", "date"), Column("t", "instant"))
    (row,) = pushed(TableContent("运营", "t", Table(columns, ((date(2026, 9, 30), at),))))
    assert row == {"d": "2026-09-30T00:00:00", "t": "2026-11-24T02:30:00.000000Z"}


def test_the_digest_covers_rows_order_and_types() -> None:
    one = TableContent("运营", "t", Table((Column("a", "integer"),), ((1,), (2,))))
    other = TableContent("运营", "t", Table((Column("a", "integer"),), ((2,), (1,))))
    typed = TableContent("运营", "t", Table((Column("a", "number"),), ((1,), (2,))))
    assert len({digest_of(one), digest_of(other), digest_of(typed)}) == 3


def test_each_cloud_has_its_three_addresses_and_each_can_be_set_by_itself() -> None:
    china = cloud_of(ConnectionSettings("bi", "powerbi", CONNECTOR.default_base_url, "china"))
    assert china["base_url"] == "https://api.powerbi.cn"
    assert "chinacloudapi.cn" in china["scope"]
    assert "partner.microsoftonline.cn" in china["authority"]
    own = cloud_of(
        ConnectionSettings(
            "bi", "powerbi", "https://api.powerbigov.us", "global", options={"api_scope": "https://x/.default"}
        )
    )
    assert (own["base_url"], own["scope"]) == ("https://api.powerbigov.us", "https://x/.default")
    assert own["authority"] == CLOUDS["global"][1]


def test_a_mark_becomes_a_tables_name() -> None:
    assert about_of("tieline:demo-1:0123456789abcdef") == "tieline_demo_1_0123456789abcdef"


def test_what_is_counted_apart() -> None:
    queries = place_of("POST", "/v1.0/myorg/groups/g/datasets/d/executeQueries", b"")
    rows = place_of("POST", "/v1.0/myorg/groups/g/datasets/d/tables/t/rows", b"")
    assert queries.endpoint == "queries"
    assert (rows.endpoint, rows.items) == ("rows", ("/v1.0/myorg/groups/g/datasets/d",))
    assert place_of("GET", "/v1.0/myorg/groups", b"").endpoint == ""
