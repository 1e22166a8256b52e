"""A Bitable table, a task list and a wiki space as the suites want them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from connectors.feishu import CONNECTOR
from sandbox.feishu import APP_ID, APP_SECRET, FeishuSimulator
from sandbox.feishu.table_api import shown_text, written_text
from sandbox.feishu.task_api import APP
from sandbox.feishu.work_state import CHOICE, DATE, LINK, TEXT
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.values import LinkSide, RawRecord, Ref
from tests.conformance.subjects import Clock, Wire, hurry

CREDENTIALS = {"app_id": APP_ID, "app_secret": APP_SECRET}


class WorkSubject:
    """What both have in common."""

    name, kind = "feishu-work", "task"
    scope: str
    variant: str

    def __init__(self, simulator: FeishuSimulator, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock, self.work = simulator, wire, clock, simulator.work
        self.opened: list[Any] = []
        self.prepare()
        self.settings = self.settings_for()
        self.source = self.tracker = self.connect()
        self.make("先有的任务")

    def prepare(self) -> None:
        raise NotImplementedError

    def make(self, title: str) -> str:
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        return {}

    def settings_for(self, token: str = "") -> ConnectionSettings:
        credentials = {**CREDENTIALS, **({"app_secret": token} if token else {})}
        return ConnectionSettings(
            self.name, "feishu", self.wire.url, self.variant, scopes=(self.scope,), credentials=credentials, options=self.options(),
            requests_per_second=5000,
        )  # fmt: skip

    def connect(self, token: str = "") -> Any:
        self.opened.append(hurry(CONNECTOR.connect(self.settings_for(token))))
        return self.opened[-1]

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def delay_listings(self) -> None:
        """Lists are read from where they are written."""

    def request_count(self) -> int:
        return int(self.source.remote.request_count)


class TableSubject(WorkSubject):
    """A table of tasks that a department keeps in Bitable."""

    scope, variant = "采购任务", "bitable"

    def prepare(self) -> None:
        self.table = self.simulator.add_table(
            self.scope, {"事项": TEXT, "状态": CHOICE, "截止": DATE, "前置": LINK, "仅限": TEXT}
        )

    def options(self) -> dict[str, Any]:
        url = f"https://acme.feishu.cn/base/{self.table.base}?table={self.table.id}&view=vew1"
        return {"tables": {self.scope: {"url": url, "restricted": "仅限"}}}

    def truth(self) -> Mapping[str, str]:
        rows = [row for row in self.table.rows.values() if not row.is_forbidden]
        return {f"{self.scope}/{row.id}": row.fields["事项"][0]["text"] for row in rows}

    def make(self, title: str) -> str:
        return f"{self.scope}/{self.simulator.add_row(self.table, 事项=shown_text(title), 状态='未开始').id}"

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_row(self.table, item_id.rpartition("/")[2], 事项=shown_text(title))

    def restrict(self, item_id: str) -> None:
        self.simulator.edit_row(self.table, item_id.rpartition("/")[2], 仅限=shown_text("是"))

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {"deleted": lambda item: self.table.rows.pop(item.rpartition("/")[2]), "hidden": self._forbid}

    def _forbid(self, item_id: str) -> None:
        self.table.rows[item_id.rpartition("/")[2]].is_forbidden = True

    def hide_scope(self) -> None:
        self.table.is_shared = False

    def state(self) -> object:
        return [(row.id, str(row.fields), row.modified_ms) for row in self.table.rows.values()]


class WrittenTableSubject(TableSubject):
    """A table with a column for Tieline; the row to write on waits for something in another tool."""

    def prepare(self) -> None:
        super().prepare()
        self.table.columns["Tieline"] = TEXT
        self.row = self.simulator.add_row(self.table, 事项=shown_text("要写的任务"))
        self.task = Ref.of(self.name, "task", f"{self.scope}/{self.row.id}")
        url = "https://jira.example/browse/PAY-77"
        self.other = LinkEnd(Ref.of("jira-main", "task", "10077"), "PAY-77", "支付接口开发", url)

    def options(self) -> dict[str, Any]:
        found = super().options()
        found["tables"][self.scope]["notices"] = "Tieline"
        return found

    def words(self) -> str:
        """The cell, as people read it."""
        return self.simulator.words_in(self.table, self.row.id, "Tieline") if self.row.id in self.table.rows else ""

    def write(self, words: str) -> None:
        """Somebody types the whole cell anew."""
        self.simulator.edit_row(self.table, self.row.id, Tieline=written_text(words))

    def _blocks(self) -> dict[str, str]:
        pattern = r"^—— Tieline ——\n(?:.*\n)*?\[(tieline:\S+) [0-9a-f.]+\]$"
        return {found[1]: found[0] for found in re.finditer(pattern, self.words(), re.MULTILINE)}

    def comments(self) -> list[str]:
        return list(self._blocks())

    def links(self) -> int:
        return len(re.findall(r"^(?:等待|阻塞)：.*https://jira\.example", self.words(), re.MULTILINE))

    def rest(self) -> None:
        self.clock.now += timedelta(minutes=1)

    def account_ids(self) -> list[str]:
        return ["ou_colleague00000000000000000000"]

    def edit_comment(self, comment_id: str) -> None:
        block = self._blocks()[comment_id]
        first, *_, last = block.split("\n")
        self.write(self.words().replace(block, f"{first}\n手工改写\n{last}"))

    def delete_comment(self, comment_id: str) -> None:
        self.write(self.words().replace(self._blocks()[comment_id], ""))

    def comment_by_hand(self, text: str) -> None:
        self.write(f"{self.words()}\n{text}")

    def link_by_hand(self, side: LinkSide) -> None:
        word = "等待" if side == "waits_for" else "阻塞"
        self.comment_by_hand(f"{word}：王芳那边 {self.other.url}，周五前")

    def delete_task(self) -> None:
        del self.table.rows[self.row.id]


class TasksSubject(WorkSubject):
    """A task list; every second task is a subtask."""

    scope, variant = "上线清单", "tasks"

    def prepare(self) -> None:
        self.list, self.elsewhere = self.simulator.add_list(self.scope), self.simulator.add_list("别处")
        self.parent = self.simulator.add_task(self.list, "上线").guid
        self.task = Ref.of(self.name, "task", self.simulator.add_task(self.list, "要写的任务").guid)
        guid = self.simulator.add_task(self.elsewhere, "支付接口开发").guid
        self.other = LinkEnd(Ref.of(self.name, "task", guid), guid, "支付接口开发", f"https://applink.feishu.cn/{guid}")
        self._count, self._restricted = 0, False

    def truth(self) -> Mapping[str, str]:
        tasks = self.work.tasks.values()
        return {task.guid: task.summary for task in tasks if self.list.guid in self.work.places(task)}

    def make(self, title: str) -> str:
        self._count += 1
        if self._count % 2:
            return self.simulator.add_task(self.list, title).guid
        return self.simulator.add_task(None, title, parent=self.parent).guid

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_task(item_id, summary=title)

    def restrict(self, item_id: str) -> None:
        raise NotImplementedError("Feishu shows a task to whoever sees its list")

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "deleted": self.simulator.delete_task,
            "moved": lambda item: self.simulator.move_task(item, self.elsewhere),
        }

    def hide_scope(self) -> None:
        self.list.is_shared = False

    def state(self) -> object:
        return [(task.guid, task.summary, task.updated_ms, len(task.comments)) for task in self.work.tasks.values()]

    # -- as a tracker

    def comments(self) -> list[str]:
        found = self.work.tasks.get(self.task.key)
        return [one.id for one in found.comments if one.creator == APP] if found else []

    def links(self) -> int:
        mine = self.work.tasks[self.task.key]
        return len(mine.waits_for) + sum(mine.guid in task.waits_for for task in self.work.tasks.values())

    def rest(self) -> None:
        self.clock.now += timedelta(minutes=1)

    def account_ids(self) -> list[str]:
        return ["ou_colleague00000000000000000000"]

    def edit_comment(self, comment_id: str) -> None:
        comment = next(one for one in self.work.tasks[self.task.key].comments if one.id == comment_id)
        comment.content, comment.updated_ms = "手工改写", self.simulator.now_ms()

    def delete_comment(self, comment_id: str) -> None:
        task = self.work.tasks[self.task.key]
        task.comments = [one for one in task.comments if one.id != comment_id]

    def comment_by_hand(self, text: str) -> None:
        self.simulator.comment_on(self.task.key, text)

    def link_by_hand(self, side: LinkSide) -> None:
        ends = (self.task.key, self.other.ref.key)
        self.simulator.wait(*(ends if side == "waits_for" else ends[::-1]))

    def turn_links_round(self) -> None:
        self.work.turns_round = True

    def delete_task(self) -> None:
        self.simulator.delete_task(self.task.key)


class WikiSubject(WorkSubject):
    """A wiki space for the whole company; every second page lies below a spreadsheet's node, and there is a shortcut to one."""

    kind, scope, variant = "document", "运营手册", "wiki"

    def prepare(self) -> None:
        self.space, self.elsewhere = self.simulator.add_space(self.scope), self.simulator.add_space("别处")
        self.sheet = self.simulator.write_page(self.space, "预算表", obj_type="sheet").node
        far = self.simulator.write_page(self.elsewhere, "别处的页面").node
        self.simulator.write_page(self.space, "别处的页面", origin=far)
        self._count = 0

    def truth(self) -> Mapping[str, str]:
        pages = self.work.pages.values()
        return {
            page.node: page.title
            for page in pages
            if (page.space, page.obj_type, page.node_type) == (self.space.id, "docx", "origin")
            and not (page.is_deleted or page.is_forbidden)
        }

    def make(self, title: str) -> str:
        self._count += 1
        parent = self.sheet if self._count % 2 else ""
        return self.simulator.write_page(self.space, title, f"{title}的正文", parent).node

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_page(item_id, title=title)

    def restrict(self, item_id: str) -> None:
        self.work.pages[item_id].is_locked = True

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {
            "deleted": self.simulator.delete_page,
            "hidden": self._forbid,
            "moved": lambda item: self.simulator.move_page(item, self.elsewhere),
        }

    def _forbid(self, item_id: str) -> None:
        self.work.pages[item_id].is_forbidden = True

    def hide_scope(self) -> None:
        self.space.is_shared = False

    def state(self) -> object:
        return [str(page) for page in self.work.pages.values()]
