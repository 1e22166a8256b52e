"""Tableau without a wire: what its answers mean, and tables out of what views show. Every recorded answer of the vendor's own tests is read."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.tableau.answers import SignedOut, decipher, said
from connectors.tableau.lineage import Answer, answer_from, fields_of, next_page, sheets_in
from connectors.tableau.publishing import digest_of
from connectors.tableau.reading import filter_text, table_from_csv
from connectors.tableau.sign_in import signed_token
from sandbox.tableau.simulator import _values
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused, TielineError, TryLater
from sync.core.metrics import Column, Table, TableContent
from tests.shared import SHARED

EXCHANGES = SHARED / "specs" / "tableau" / "tsc_exchanges.jsonl"
XML = {"content-type": "application/xml"}


def error(code: str) -> bytes:
    return (
        f"<?xml version='1.0'?><tsResponse xmlns='http://tableau.com/api'><error code='{code}'><summary>Kurz</summary><detail>Lang 中"
        "</detail></error></tsResponse>"
    ).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "400006", Refused),
        (401, "401002", SignedOut),
        (401, "401001", AccessDenied),
        (403, "403004", AccessDenied),
        (404, "404011", NotFound),
        (409, "409004", Conflict),
        (429, "429000", TryLater),
        (500, "500000", TryLater),
    ],
)
def test_what_an_error_means_in_both_formats(status: int, code: str, kind: type[Exception]) -> None:
    in_json = json.dumps({"error": {"summary": "Kurz", "detail": "Lang 中", "code": code}}).encode()
    for body in (error(code), in_json):
        with pytest.raises(kind, match="Kurz: Lang 中") as caught:
            decipher(status, XML, body)
        assert type(caught.value) is kind


def test_only_an_ended_session_is_begun_anew() -> None:
    """A token that is wrong stays wrong: signing in again and again would lock the account."""
    with pytest.raises(AccessDenied) as caught:
        decipher(401, XML, error("401001"))
    assert not isinstance(caught.value, SignedOut)
    assert "personal access token" in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"<html>sign in 9f8e</html>", b"\n<!DOCTYPE html><p>9f8e", b"\xff\xfe9f8e", b"<a>9f8e", b'{"error": 1}']
)
def test_a_page_of_a_proxy_is_told_and_never_quoted(body: bytes) -> None:
    with pytest.raises(Nonsense) as odd:
        decipher(200, {"Content-Type": "text/html" if body[:1] != b"<" else "application/xml"}, body)
    with pytest.raises(Refused) as refused:
        decipher(400, {}, body)
    assert "9f8e" not in f"{odd.value}{refused.value}"


def test_entities_are_not_unfolded() -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><error code="1"><summary>&b;</summary></error>'
    assert said(bomb) == ("", "")
    with pytest.raises(Nonsense):
        decipher(200, XML, bomb)


def test_every_answer_that_the_vendors_own_client_was_tried_on_is_understood_or_told() -> None:
    if not EXCHANGES.exists():
        pytest.skip(f"{EXCHANGES} is not on this machine")
    lines = [json.loads(line) for line in EXCHANGES.read_text(encoding="utf-8").splitlines()]
    told = {exchange["test"]: _trouble(exchange) for exchange in lines if exchange["status"] < 300}
    assert {test: trouble for test, trouble in told.items() if trouble} == {}
    assert all(_trouble(exchange) for exchange in lines if exchange["status"] >= 300)
    assert len(lines) > 600


def _trouble(exchange: dict[str, Any]) -> str:
    """What is told of a recorded answer; empty when it is a success."""
    try:
        decipher(
            exchange["status"],
            {"content-type": exchange["resp_content_type"] or ""},
            (exchange["resp_body"] or "").encode(),
        )
    except TielineError as error:
        return str(error)
    return ""


# -- what the Metadata API says beside its data


def in_lineage(data: Any, *errors: tuple[str, str]) -> Answer:
    told = [{"message": words, "path": None, "extensions": {"code": code} if code else None} for code, words in errors]
    return answer_from({"data": data, **({"errors": told} if told else {})})


@pytest.mark.parametrize(
    ("code", "kind", "cure"),
    [
        ("ACCESS_DENIED", AccessDenied, "View"),
        ("FEATURE_DISABLED", Refused, "tsm maintenance metadata-services enable"),
        ("FILTER_REQUIRED", Refused, "site role"),
        ("INVALID_ARGUMENT", Refused, "INVALID_ARGUMENT"),
    ],
)
def test_an_error_of_the_metadata_api_is_told_with_its_cure(code: str, kind: type[Exception], cure: str) -> None:
    with pytest.raises(kind, match=cure):
        in_lineage(None, (code, "nein"))


def test_partial_data_is_kept_and_told_to_be_partial() -> None:
    """As recorded in the tests of Tableau's own client: a time limit without a code."""
    answer = in_lineage({"a": 1}, ("", "Reached time limit of PT5S for query execution."))
    assert (answer.data, answer.is_cut) == ({"a": 1}, True)
    assert "PT5S" in answer.notes[0]
    assert in_lineage({"a": 1}) == Answer({"a": 1})
    assert in_lineage(None, ("NODE_LIMIT_EXCEEDED", "zu viel")).is_cut
    with pytest.raises(Nonsense):
        answer_from({"message": "a page of a proxy"})


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_odd_shapes_are_no_fields_and_no_traceback(odd: Any) -> None:
    sheet = {"workbook": odd, "worksheetFields": odd, "sheetFieldInstancesConnection": odd, "path": None}
    assert all(told.definition is None or told.definition.name for told in fields_of(sheet, "https://x"))
    next_page(sheet)
    sheets_in(Answer({"sheetsConnection": odd, "dashboardsConnection": odd}))


def test_a_token_of_a_connected_app_lives_minutes_and_names_its_app_and_user() -> None:
    said = {"client_id": "app", "secret_id": "key-1", "secret_value": "s" * 44, "user": "tieline@acme.example"}
    token = signed_token(said, 1_800_000_000.5)
    told = jwt.decode(
        token,
        "s" * 44,
        ["HS256"],
        audience="tableau",
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert (told["iss"], told["sub"]) == ("app", "tieline@acme.example")
    assert told["exp"] - told["nbf"] < 600
    assert jwt.get_unverified_header(token)["kid"] == "key-1"
    key = "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE\n-----END PUBLIC KEY-----"
    with pytest.raises(AccessDenied, match="secret_value"):
        signed_token({**said, "secret_value": key}, 1_800_000_000.5)


# -- what a view shows


def test_a_number_is_a_number_however_it_is_shown() -> None:
    data = '\ufeff区域,订单,成交额,转化率,差额,日期,备注\n华东,"1,204","¥3,582,100.50",12.5%,"(1,200)",2026/9/30,12 人\n华南,987,¥0,-3%,-$5,2026-10-01,\n'
    table = table_from_csv(data.encode(), "支付/概览", "Asia/Shanghai")
    assert [column.type for column in table.columns] == ["text", "number", "number", "number", "number", "date", "text"]
    assert table.rows == (
        ("华东", 1204, Decimal("3582100.50"), Decimal("0.125"), Decimal(-1200), date(2026, 9, 30), "12 人"),
        ("华南", 987, Decimal(0), Decimal("-0.03"), Decimal(-5), date(2026, 10, 1), None),
    )


def test_what_only_looks_like_a_number_stays_text() -> None:
    for text in ("007", "(5", "5)", "1,20", "12%%", "¥", "-", "1.2.3", "$ 5"):
        assert table_from_csv(f'a\n"{text}"\n'.encode(), "x", "UTC").columns == (Column("a", "text"),)


def test_two_columns_of_one_name_stay_two() -> None:
    table = table_from_csv(b"a,a,a 2\n1,2,3\n", "x", "UTC")
    assert [column.name for column in table.columns] == ["a", "a 2", "a 2 2"]


@pytest.mark.parametrize("data", [b"a,b\n1\n", b'a\n"1\n', b"a\n\xff\n"])
def test_what_is_no_table_is_told(data: bytes) -> None:
    with pytest.raises(Nonsense, match="支付"):
        table_from_csv(data, "支付/概览", "UTC")


@pytest.mark.parametrize(("data", "columns", "rows"), [(b"", 0, 0), (b"a,b\r\n", 2, 0), (b"a\n\n1\n", 1, 1)])
def test_views_with_nothing_to_show(data: bytes, columns: int, rows: int) -> None:
    table = table_from_csv(data, "x", "UTC")
    assert (len(table.columns), len(table.rows)) == (columns, rows)


@given(st.lists(st.text(min_size=1), min_size=1, unique=True))
def test_a_filters_values_are_read_as_they_were_meant(values: list[str]) -> None:
    assert _values(filter_text(values)) == set(values)


def test_a_filter_says_yes_and_no_as_tableau_does() -> None:
    assert (filter_text(True), filter_text([1, "a,b\\c"])) == ("true", "1,a\\,b\\\\c")


def test_the_digest_tells_rows_columns_and_types_apart() -> None:
    def digest(*columns: Column, rows: tuple[tuple[Any, ...], ...] = ()) -> str:
        return digest_of(TableContent("p", "n", Table(columns, rows)))

    one = digest(Column("a", "text"), rows=(("1",),))
    assert one == digest(Column("a", "text"), rows=(("1",),))
    assert (
        len(
            {
                one,
                digest(Column("a", "text"), rows=((None,),)),
                digest(Column("b", "text"), rows=(("1",),)),
                digest(Column("a", "integer")),
            }
        )
        == 4
    )
