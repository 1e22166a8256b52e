"""Todos over HTTP: whose lists are asked and how often, what belongs to which scope, rights in the console's words, and every request
against the contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.dingtalk import CONNECTOR
from sandbox.dingtalk import CLIENT_ID, CLIENT_SECRET, DingTalkSimulator
from sync.collect import collect
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound
from sync.core.ports import Cursor
from sync.reading import Site
from tests.conformance.dingtalk_work import TodoSubject
from tests.conformance.source_suite import empty_database, store
from tests.conformance.subjects import Clock, read, served
from tests.connectors.contract import SPECS
from tests.end_to_end.company import tieline

__all__ = ["empty_database", "store"]

SPEC = SPECS / "dingtalk" / "dingtalk-v1.sdk-derived.json"
TODOS = "todos"


@cache
def operations() -> list[tuple[str, re.Pattern[str], Any]]:
    """The todo operations of the new API; the old one is in no contract."""
    found = json.loads(SPEC.read_text(encoding="utf-8"))["modules"]["todo_1_0"]["operations"]
    return [(one["method"], re.compile(re.sub(r"\{\w+\}", "[^/]+", one["pathname"])), one) for one in found]


def check_in_contract(method: str, path: str, body: bytes) -> None:
    """Method, path, and the names and types of the body's fields."""
    if not path.startswith("/v1.0/todo/"):
        return
    [operation] = [one for verb, pattern, one in operations() if verb == method and pattern.fullmatch(path)]
    sent = json.loads(body) if body else {}
    assert set(sent) <= set(operation["body"]), (path, set(sent) - set(operation["body"]))
    kinds = {field["name"]: field["type"] for field in operation["request_fields"] or ()}
    for name, value in sent.items():
        wanted = {"bool": bool, "str": str, "int": int, "List[List[str]]": list}[kinds[name]]
        assert type(value) is wanted, (path, name, value)


@pytest.fixture
def todos() -> Iterator[TodoSubject]:
    clock = Clock()
    simulator = DingTalkSimulator(clock=clock, enforce_limits=False)
    made = TodoSubject(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()
    if not SPEC.exists():
        pytest.skip(f"{SPEC} is not on this machine")
    for entry in made.wire._sandbox.requests("dingtalk"):
        check_in_contract(entry.method, entry.path, entry.body)


def asked(todos: TodoSubject, end: str) -> int:
    return sum(request.endswith(end) for request in todos.wire.requests())


def keys(source: Any, scope: str, cursor: Cursor | None = None) -> list[str]:
    return sorted(record.ref.key for record in read(source, TODOS, scope, cursor))


# -- what is asked


def test_every_question_is_in_the_contract(todos: TodoSubject) -> None:
    item = todos.make("一")
    todos.source.identify()
    todos.source.vocabulary()
    list(todos.source.probes())
    assert keys(todos.source, todos.scope) == sorted(todos.truth())
    [list(todos.source.fetch(shard)) for shard in todos.source.pick(TODOS, todos.scope, [item])]
    list(todos.source.census(TODOS, todos.scope))
    todos.source.look_up(TODOS, item)
    assert asked(todos, "/org/tasks/query") > 0


def test_what_a_run_costs(todos: TodoSubject) -> None:
    todos.state_.todo_page = 20
    shared = todos.simulator.add_todo("大家的", ["0000", "0001", "0002"]).id
    keys(todos.source, todos.scope)  # where the department is, is known after the first time
    todos.wire.forget()
    assert shared in keys(todos.source, todos.scope)
    counts = [asked(todos, end) for end in ("/tasks/query", "/department/get", "/listsub", "/user/list", "/user/get")]
    assert counts == [6, 1, 2, 2, 0]  # two lists of each of three people; two departments
    assert sum("GET" in request for request in todos.wire.requests()) == len(todos.truth())


def test_only_what_changed_is_read_by_itself(todos: TodoSubject) -> None:
    before, done = todos.make("早先的"), todos.make("要做完的")
    todos.clock.now += timedelta(hours=3)
    todos.simulator.finish_todo(done)
    todos.wire.forget()
    cursor = Cursor(TODOS, todos.scope, todos.clock.now - timedelta(minutes=1))
    assert keys(todos.source, todos.scope, cursor) == [done]
    assert not any(request.endswith(before) for request in todos.wire.requests())


def test_a_todo_of_two_people_is_one_and_names_both(todos: TodoSubject) -> None:
    shared = todos.simulator.add_todo("两个人的", ["0000", "0001"], creator="0009", description="等 PAY-1").id
    [raw] = [one for one in read(todos.source, TODOS, todos.scope) if one.ref.key == shared]
    values = CONNECTOR.record_from_raw(raw, todos.settings).values
    assert [one.email for one in values["executors"]] == ["cg0@example.com", "cg1@example.com"]
    assert (values["description"], values["creator"].id) == ("等 PAY-1", todos.union("0009"))


def test_what_somebody_only_made_or_follows_or_is_to_read_is_not_theirs(todos: TodoSubject) -> None:
    made = todos.simulator.add_todo("派给外人的", ["0009"], creator="0000", participantIds=[todos.union("0001")]).id
    to_read = todos.simulator.add_todo("通知", ["0000"], todoType="READ").id
    assert not {made, to_read} & {*keys(todos.source, todos.scope)}


def test_a_page_that_came_twice_changes_nothing(todos: TodoSubject) -> None:
    for number in range(4):
        todos.simulator.add_todo(f"第 {number} 件", ["0000", "0001"])
    before = {record.ref.key: record.payload for record in read(todos.source, TODOS, todos.scope)}
    todos.wire.plan("repeated_page")
    assert {record.ref.key: record.payload for record in read(todos.source, TODOS, todos.scope)} == before
    assert todos.wire.is_spent()


def test_a_list_that_leads_nowhere_is_an_error(todos: TodoSubject) -> None:
    for number in range(8):
        todos.simulator.add_todo(f"第 {number} 件", ["0000"])
    todos.wire.plan("repeated_page", times=1_000)
    with pytest.raises(Nonsense, match="nextToken"):
        list(todos.source.census(TODOS, todos.scope))


# -- whose


def test_one_without_an_address_and_one_of_another_application_need_the_wider_list(todos: TodoSubject) -> None:
    bare = todos.simulator.add_todo("没有详情页", ["0000"], detailUrl=None).id
    other = todos.simulator.add_todo("审批系统派的", ["0000"], made_by="another-app").id
    own = todos.simulator.add_todo("自己记的", ["0000"], made_by="").id
    assert not {bare, other, own} & {*keys(todos.source, todos.scope)}
    todos.options = {"all_applications": True}
    wide = todos.connect()
    with pytest.raises(AccessDenied, match=r"权限管理：开通 Custom\.Todo\.Read"):
        keys(wide, todos.scope)
    todos.state_.permissions.add("Custom.Todo.Read")
    assert {bare, other} == {bare, other, own} & {*keys(wide, todos.scope)}
    todos.options = {"all_applications": True, "personal": True}
    assert {bare, other, own} <= {*keys(todos.connect(), todos.scope)}


def test_a_scope_is_a_department_by_name_or_id_or_somebody(todos: TodoSubject) -> None:
    todos.make("二")
    todos.simulator.add_todo("一个人的", ["0000"])
    whole = keys(todos.source, todos.scope)
    assert keys(todos.source, str(todos.department)) == whole == sorted(todos.truth())
    below = keys(todos.source, "华东组")
    assert below == keys(todos.source, "0002") != whole
    assert todos.connect(scopes=("0002",)).vocabulary().scopes["0002"] == "采购2"
    twin = todos.simulator.add_department("华东组")
    with pytest.raises(ConfigError) as caught:
        keys(todos.connect(), "华东组")
    assert (str(twin) in str(caught.value), "mappings/ding-todo.yaml" in str(caught.value)) == (True, True)
    with pytest.raises(NotFound, match=r"没有的部门.*User ID"):
        keys(todos.source, "没有的部门")


def test_a_department_that_was_renamed_is_not_taken_for_what_it_was(todos: TodoSubject) -> None:
    assert keys(todos.source, todos.scope)
    todos.state_.departments[todos.department].name = "供应链部"
    with pytest.raises(NotFound, match="采购部"):
        keys(todos.source, todos.scope)
    assert keys(todos.source, "供应链部")


def test_what_stands_in_two_scopes_belongs_to_the_first_and_both_are_complete(todos: TodoSubject, store: Any) -> None:
    other = todos.simulator.add_department("仓储部")
    todos.simulator.add_person("0007", "仓管", (other,))
    todos.simulator.add_person("0008", "两边都在", (todos.department, other))
    for executors in (["0000", "0007"], ["0007"], ["0008"]):
        todos.simulator.add_todo(f"{executors}", executors)
    source, todos.state_.todo_page = todos.connect(scopes=(todos.scope, "仓储部")), 20
    first = keys(source, todos.scope)
    todos.wire.forget()
    second = keys(source, "仓储部")
    assert asked(todos, "/tasks/query") == 10  # of four people in the first, and of one who is in the second only
    assert (len(first), len(second), len({*first, *second})) == (3, 1, 4)
    report = collect(
        Site(todos.name, source, (todos.scope, "仓储部"), 2, lambda: source.remote.request_count), store, lambda _: {}
    )
    assert report.error is None
    assert [(one.counted, one.stored, one.is_complete) for one in report.certificates] == [(3, 3, True), (1, 1, True)]


# -- what leaves


def test_a_done_one_leaves_the_lists_after_half_a_year_and_is_archived(todos: TodoSubject, store: Any) -> None:
    items = [todos.make(f"第 {number} 件") for number in range(4)]
    site = Site(todos.name, todos.source, (todos.scope,), 2, todos.request_count)
    assert collect(site, store, lambda _: {}).error is None
    todos.finish_long_ago(items[0])
    assert todos.source.look_up(TODOS, items[0]) == "archived"
    assert collect(site, store, lambda _: {}).error is None
    assert {ref.key: gone.reason for ref, gone in store.tombstones(todos.name).items()} == {items[0]: "archived"}
    assert {record.ref.key for record in store.iter_raw(todos.name)} == {*todos.truth()} - {items[0]}


def test_one_that_its_executor_took_out_of_sight_has_moved(todos: TodoSubject) -> None:
    item = todos.simulator.add_todo("不想看见的", ["0000"]).id
    assert todos.source.look_up(TODOS, item) == "here"
    todos.todo(item).hidden_from.add(todos.union("0000"))
    assert todos.source.look_up(TODOS, item) == "moved"


@pytest.mark.parametrize(("refuses", "word"), [(False, "deleted"), (True, "hidden")])
def test_one_that_nobody_of_the_scopes_is_on_any_more(todos: TodoSubject, refuses: bool, word: str) -> None:
    todos.state_.refuses_strangers = refuses
    item = todos.simulator.add_todo("外人派的", ["0002"], creator="0009").id
    assert todos.source.look_up(TODOS, item) == "here"  # though the first who is asked need not be on it
    todos.hand_over(item)
    assert todos.source.look_up(TODOS, item) == word
    del todos.state_.todos[item]
    assert todos.source.look_up(TODOS, item) == "deleted"


# -- doctor


def test_doctor_names_the_right_that_is_missing(todos: TodoSubject) -> None:
    assert [probe for probe in todos.source.probes() if probe.is_ok is not True] == []
    todos.state_.permissions.discard("Todo.Todo.Read")
    [failed] = [probe for probe in todos.source.probes() if probe.is_ok is False]
    assert failed.operation == f"read todos of {todos.scope}"
    assert "权限管理：开通 Todo.Todo.Read" in failed.detail
    assert "待办应用中待办读权限" in failed.cure
    todos.state_.permissions.discard("qyapi_get_member")
    [failed] = [probe for probe in todos.source.probes() if probe.is_ok is False]
    assert (failed.operation, "qyapi_get_member" in failed.cure) == (f"read people of {todos.scope}", True)
    [refused] = list(todos.connect(token="not-the-secret-00").probes())
    assert (refused.operation, refused.is_ok, "Client Secret" in refused.cure) == ("sign in", False, True)


# -- through the commands

CONFIG = """
database: sqlite:///tieline.db
mappings: mappings
connections:
  ding-todo:
    type: dingtalk
    variant: todo
    base_url: {base_url}
    client_id: {client_id}
    client_secret: env:DINGTALK_SECRET
"""


def test_todos_are_tasks_with_owners_and_what_they_wait_for(
    todos: TodoSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DINGTALK_SECRET", CLIENT_SECRET)
    (tmp_path / "mappings").mkdir()
    example = Path(__file__).parents[2] / "mappings/examples/dingtalk.yaml"
    (tmp_path / "mappings/ding-todo.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "mappings/departments.yaml").write_text(
        "departments:\n  procurement: {name: 采购部}\n", encoding="utf-8"
    )
    (tmp_path / "mappings/people.yaml").write_text(
        "people:\n  wang-fang: {name: 王芳, department: procurement, email: cg0@example.com}\n"
        "  li-lei: {name: 李雷, accounts: {ding-todo: ['0001']}}\n",
        encoding="utf-8",
    )
    config = tmp_path / "tieline.yaml"
    config.write_text(CONFIG.format(base_url=todos.wire.url, client_id=CLIENT_ID), encoding="utf-8")
    due = int(datetime(2026, 11, 29, 16, tzinfo=UTC).timestamp() * 1000)  # midnight of the 30th in Shanghai
    first = todos.simulator.add_todo("采购服务器", ["0000"], dueTime=due).id
    second = todos.simulator.add_todo("机房上架", ["0001"], description=f"依赖：https://oa.example.com/{first}").id
    todos.simulator.finish_todo(todos.make("做完的"))

    def say(*words: str) -> Any:
        said = tieline(*words, "--config", config, "--json")
        assert said.code in (0, 5), said
        return said.json()

    assert tieline("check", "--config", config).code == 0
    assert say("collect")["connections"]["ding-todo"]["error"] is None
    tasks = {task["title"]: task for task in say("tasks")}
    assert (tasks["采购服务器"]["status"], tasks["采购服务器"]["due"]) == ("todo", "2026-11-30")
    assert tasks["采购服务器"]["owner"] == "tieline:person:wang-fang"
    assert tasks["采购服务器"]["department"] == "tieline:department:procurement"
    assert tasks["机房上架"]["owner"] == "tieline:person:li-lei"  # by user id
    assert tasks["做完的"]["status"] == "done"
    [dependency] = say("dependencies")
    assert (dependency["predecessor"], dependency["successor"]) == (
        f"ding-todo:task:{first}",
        f"ding-todo:task:{second}",
    )
