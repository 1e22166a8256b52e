"""Todos of DingTalk without a wire: what is kept, what a record tells, what is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.dingtalk import CONNECTOR
from connectors.dingtalk.answers import decipher
from connectors.dingtalk.client import place_of
from connectors.dingtalk.records import raw_from_todo
from sync.core.errors import AccessDenied, CannotExpress, Nonsense, NotFound
from sync.core.ports import ConnectionSettings
from sync.core.values import Account, Record, Ref

AT = datetime(2026, 11, 25, tzinfo=UTC)
PEOPLE = {
    "uWang": {"userid": "0001", "name": "王芳", "email": "wang@example.com"},
    "uLi": {"userid": "0002", "name": "李雷", "email": ""},
    "uElse": {"userid": "0003", "name": "别人", "email": ""},
}
TODO: dict[str, Any] = {
    "id": "task57af0b2d", "subject": "采购服务器", "description": "依赖：PAY-1", "done": False, "creatorId": "uBoss",
    "executorIds": ["uLi", "uWang"], "participantIds": ["uHan"], "dueTime": 1796032800000, "createdTime": 1764000000000,
    "modifiedTime": 1764000000123, "startTime": 0, "detailUrl": {"appUrl": "dingtalk://x", "pcUrl": "https://oa.example.com/1"},
    "sourceId": "PAY-9", "priority": 20, "bizTag": "teambition", "requestId": "r-1",
}  # fmt: skip


def settings(variant: str = "todo", **options: Any) -> ConnectionSettings:
    return ConnectionSettings("ding-todo", "dingtalk", "", variant, options=options)


def record(said: dict[str, Any], executors: tuple[str, ...] = ("uWang",), **options: Any) -> Record:
    return CONNECTOR.record_from_raw(
        raw_from_todo(said, executors, PEOPLE, "ding-todo", "采购部", AT), settings(**options)
    )


def test_a_todo_keeps_dingtalks_names_and_types() -> None:
    found = record(TODO)
    assert (found.ref, found.key, found.title) == ("ding-todo:task:task57af0b2d", "task57af0b2d", "采购服务器")
    assert found.url == "https://oa.example.com/1"
    assert found.updated_at == datetime(2025, 11, 24, 16, 0, 0, 123000, tzinfo=UTC)
    values = found.values
    assert values["dueTime"] == datetime(2026, 11, 30, 10, tzinfo=UTC)
    assert (values["startTime"], values["finishTime"], values["state"]) == (None, None, "todo")
    assert (values["description"], values["creator"], values["participants"]) == (
        "依赖：PAY-1",
        Account("uBoss"),
        [Account("uHan")],
    )
    assert "PAY-9" not in found.aliases  # whatever made it has its own numbers
    assert {person.id for person in found.accounts} == {"uWang", "uLi", "uBoss", "uHan"}


def test_those_in_whose_lists_it_stood_come_first() -> None:
    wang, li = Account("uWang", "王芳", "wang@example.com", "0001"), Account("uLi", "李雷", None, "0002")
    assert record(TODO).values["executors"] == [wang, li]
    assert record(TODO, ("uWang", "uLi")).values["executors"] == [li, wang]
    # Others saw ids in ``executorIds`` that are nobody's unionId.
    assert record({**TODO, "executorIds": ["94437034"]}).values["executors"] == [wang, Account("94437034")]


def test_a_done_one_is_done_and_when() -> None:
    done = record({**TODO, "done": True, "finishTime": 1764000000000}).values
    assert (done["state"], done["finishTime"]) == ("done", datetime(2025, 11, 24, 16, tzinfo=UTC))


@pytest.mark.parametrize(
    ("places", "url"),
    [
        ({"pcUrl": "https://a.example", "appUrl": "https://b.example"}, "https://a.example"),
        ({"pcUrl": "dingtalk://x", "appUrl": "https://b.example"}, "https://b.example"),
        ({"pcUrl": "javascript:alert(1)"}, ""),
        (None, ""),
        ("https://a.example", ""),
    ],
)
def test_a_todo_leads_to_a_web_address_or_nowhere(places: object, url: str) -> None:
    assert record({**TODO, "detailUrl": places}).url == url


def test_a_version_covers_what_it_tells_and_not_the_answers_number() -> None:
    def version(said: dict[str, Any], executors: tuple[str, ...] = ("uWang",)) -> str:
        return raw_from_todo(said, executors, PEOPLE, "a", "x", AT).version

    one = version(TODO)
    assert one == version(dict(reversed(TODO.items()))) == version({**TODO, "requestId": "r-2"})
    assert len({one, version({**TODO, "description": "别的"}), version(TODO, ("uLi",))}) == 3


def test_only_the_names_of_those_who_are_on_it_are_kept() -> None:
    payload = raw_from_todo(TODO, ("uWang",), PEOPLE, "a", "x", AT).payload
    assert set(msgspec.json.decode(payload)["people"]) == {"uWang", "uLi"}


def test_todos_of_a_scope_that_the_admin_calls_restricted_are() -> None:
    assert record(TODO).visibility == "open"
    assert record(TODO, restricted_scopes=["采购部"]).visibility == "restricted"
    assert record(TODO, personal=True).visibility == "restricted"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**14) | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("pcUrl", "appUrl", "id")), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(sorted(TODO)), JSON))
def test_an_odd_todo_is_read_as_far_as_it_goes(odd: dict[str, Any]) -> None:
    msgspec.json.encode(record({**TODO, **odd, "id": "t"}).values)


def test_what_is_no_todo_is_an_error() -> None:
    with pytest.raises(Nonsense):
        raw_from_todo({"subject": "没有编号"}, (), {}, "a", "x", AT)
    raw = raw_from_todo(TODO, (), {}, "a", "x", AT)
    for payload in (b"[]", b"{", b"\xff", b'{"todo": []}'):
        with pytest.raises(Nonsense):
            CONNECTOR.record_from_raw(msgspec.structs.replace(raw, payload=payload), settings())
    with pytest.raises(CannotExpress):
        CONNECTOR.record_from_raw(raw, settings("app"))


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (400, {"code": "ResourceNotFound.TaskNotExist", "message": "task not exist"}, NotFound, "TaskNotExist"),
        (200, {"errcode": 50004, "errmsg": "请求的部门id不在授权范围内"}, NotFound, "通讯录接口范围"),
        (200, {"errcode": 50002, "errmsg": "请求的员工userid不在授权范围内"}, NotFound, "通讯录接口范围"),
        (
            403,
            {"code": "Forbidden.AccessDenied.AccessTokenPermissionDenied", "accessdenieddetail": {"requiredScopes": ["Todo.Todo.Read"]}},
            AccessDenied,
            r"权限管理：开通 Todo\.Todo\.Read",
        ),
    ],
)  # fmt: skip
def test_an_answer_means(status: int, body: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        decipher(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("GET", "PUoiinWIpa2yH2ymhiiGiP6g/tasks/task57af0b2d", "GET /v1.0/todo/users/{}/tasks/{}"),
        ("POST", "PUoiinWIpa2yH2ymhiiGiP6g/org/tasks/query", "POST /v1.0/todo/users/{}/org/tasks/query"),
    ],
)
def test_whose_todos_are_asked_for_makes_no_other_endpoint(method: str, path: str, endpoint: str) -> None:
    assert place_of(method, f"/v1.0/todo/users/{path}", b"").endpoint == endpoint


def test_personal_todos_are_in_no_applications_list() -> None:
    assert CONNECTOR.check_options
    [(setting, wrong, cure)] = CONNECTOR.check_options("todo", {"personal": True})
    assert (setting, bool(wrong), "all_applications" in cure) == ("personal", True, True)
    assert list(CONNECTOR.check_options("todo", {"personal": True, "all_applications": True})) == []
    assert list(CONNECTOR.check_options("todo", {})) == []


def test_the_ref_is_the_todos_own_id() -> None:
    assert raw_from_todo(TODO, (), {}, "ding-todo", "采购部", AT).ref == Ref("ding-todo:task:task57af0b2d")
