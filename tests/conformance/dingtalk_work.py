"""The todos of a department as the suites want them; every second one is carried out by two people of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from connectors.dingtalk import CONNECTOR
from sandbox.dingtalk import CLIENT_ID, CLIENT_SECRET, DingTalkSimulator
from sandbox.dingtalk.state import Todo
from sync.core.ports import ConnectionSettings
from sync.core.values import RawRecord
from tests.conformance.subjects import Clock, Wire, hurry


class TodoSubject:
    """采购部 with three people, one of them in 华东组 below it, and somebody elsewhere. Lists come two at a time."""

    name, kind, variant = "ding-todo", "task", "todo"
    scope = "采购部"

    def __init__(self, simulator: DingTalkSimulator, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock, self.state_ = simulator, wire, clock, simulator.state
        self.state_.todo_page = 2
        self.department = simulator.add_department(self.scope)
        below = simulator.add_department("华东组", self.department)
        for number, where in enumerate((self.department, self.department, below)):
            simulator.add_person(f"000{number}", f"采购{number}", (where,), email=f"cg{number}@example.com")
        simulator.add_person("0009", "外人")
        self.options: dict[str, Any] = {}
        self.opened: list[Any] = []
        self._count = 0
        self.settings = self.settings_for()
        self.source = self.connect()
        self.make("先有的待办")

    def settings_for(self, token: str = "", scopes: tuple[str, ...] = ()) -> ConnectionSettings:
        return ConnectionSettings(
            self.name, "dingtalk", self.wire.url, self.variant, scopes=scopes or (self.scope,), requests_per_second=5000,
            credentials={"client_id": CLIENT_ID, "client_secret": token or CLIENT_SECRET}, options=self.options,
        )  # fmt: skip

    def connect(self, token: str = "", scopes: tuple[str, ...] = ()) -> Any:
        connection = hurry(CONNECTOR.connect(self.settings_for(token, scopes)))
        connection.site.old_remote._sleep = connection.pauses.append
        self.opened.append(connection)
        return connection

    def todo(self, item_id: str) -> Todo:
        return self.state_.todos[item_id]

    def union(self, user_id: str) -> str:
        return self.state_.people[user_id].unionid

    def truth(self) -> Mapping[str, str]:
        mine = {self.union(f"000{number}") for number in range(3)}
        return {key: todo.subject for key, todo in self.state_.todos.items() if mine & {*todo.executors}}

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        self._count += 1
        executors = [f"000{self._count % 3}", f"000{(self._count + 1) % 3}"][: 1 + self._count % 2]
        return self.simulator.add_todo(title, executors).id

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_todo(item_id, subject=title)

    def restrict(self, item_id: str) -> None:
        raise NotImplementedError("DingTalk shows a todo to those who are on it")

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {"deleted": self.state_.todos.pop, "moved": self.hand_over}

    def hand_over(self, item_id: str) -> None:
        self.simulator.edit_todo(item_id, executors=[self.union("0009")])

    def finish_long_ago(self, item_id: str) -> None:
        self.simulator.finish_todo(item_id)
        self.todo(item_id).finished_ms -= 181 * 86_400_000

    def hide_scope(self) -> None:
        self.state_.out_of_range.add(self.department)

    def delay_listings(self) -> None:
        """Lists are read from where they are written."""

    def state(self) -> object:
        return [(todo.id, todo.subject, todo.modified_ms, todo.finished_ms) for todo in self.state_.todos.values()]

    def request_count(self) -> int:
        return int(self.source.remote.request_count + self.source.site.old_remote.request_count)
