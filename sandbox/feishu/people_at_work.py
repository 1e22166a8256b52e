"""What people do to tables, tasks and wikis in Feishu."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sandbox.feishu.state import State
from sandbox.feishu.work_state import Comment, Json, Row, Space, Table, Task, TaskList, WikiPage, Work

COLLEAGUE: Json = {"id": "ou_colleague00000000000000000000", "type": "user", "name": "赵敏"}


class PeopleAtWork:
    """Mixed into the simulator."""

    state: State

    @property
    def work(self) -> Work:
        return self.state.work

    def now_ms(self) -> int:
        at: datetime = self.state.now()
        return int(at.timestamp() * 1000)

    def add_table(self, name: str, columns: dict[str, int], base: str = "") -> Table:
        table = Table(self.work.new("tbl"), name, base or self.work.new("bascn"), columns)
        self.work.tables[table.id] = table
        return table

    def keep_in_wiki(self, table: Table) -> str:
        """The node of a wiki that holds the table's base."""
        token = self.work.new("wikcn")
        self.work.wiki[token] = table.base
        return token

    def add_row(self, table: Table, **fields: Any) -> Row:
        now = self.now_ms()
        row = Row(self.work.new("rec"), fields, now, now)
        table.rows[row.id] = row
        return row

    def edit_row(self, table: Table, row_id: str, **fields: Any) -> None:
        row = table.rows[row_id]
        row.fields |= fields
        row.modified_ms = self.now_ms()

    def words_in(self, table: Table, row_id: str, column: str) -> str:
        """What people read in a cell of text."""
        return "".join(segment["text"] for segment in table.rows[row_id].fields.get(column) or ())

    def add_list(self, name: str, sections: tuple[str, ...] = ("待办", "进行中")) -> TaskList:
        made = TaskList(self.work.new_guid(), name, {self.work.new_guid(): section for section in sections})
        self.work.lists[made.guid] = made
        return made

    def add_task(
        self, where: TaskList | None, summary: str, section: str = "", parent: str = "", **details: Any
    ) -> Task:
        """A new task, in a list or below another task."""
        now = self.now_ms()
        task = Task(self.work.new_guid(), summary, now, now, parent=parent, details=details)
        if where:
            found = next((guid for guid, name in where.sections.items() if name == section), next(iter(where.sections)))
            task.lists[where.guid] = found
        self.work.tasks[task.guid] = task
        return task

    def edit_task(self, guid: str, **changes: Any) -> None:
        task = self.work.tasks[guid]
        task.summary = changes.pop("summary", task.summary)
        task.details |= changes
        task.updated_ms = self.now_ms()

    def delete_task(self, guid: str) -> None:
        """It, its parts and what was said on them."""
        for task in [one for one in self.work.tasks.values() if one.parent == guid]:
            self.delete_task(task.guid)
        self.work.tasks.pop(guid, None)
        for task in self.work.tasks.values():
            task.waits_for = [other for other in task.waits_for if other != guid]

    def move_task(self, guid: str, where: TaskList) -> None:
        task = self.work.tasks[guid]
        task.lists, task.parent = {where.guid: next(iter(where.sections))}, ""
        task.updated_ms = self.now_ms()

    def wait(self, successor: str, predecessor: str) -> None:
        """The successor waits for the predecessor."""
        task = self.work.tasks[successor]
        if predecessor not in task.waits_for:
            task.waits_for.append(predecessor)
        for guid in (successor, predecessor):
            self.work.tasks[guid].updated_ms = self.now_ms()

    def comment_on(self, guid: str, text: str, creator: Json | None = None) -> Comment:
        now = self.now_ms()
        comment = Comment(self.work.new("7"), text, creator or COLLEAGUE, now, now)
        self.work.tasks[guid].comments.append(comment)
        return comment

    def add_space(self, name: str, visibility: str = "public") -> Space:
        """A wiki space that the application is a member of."""
        self.work.serial += 1
        made = Space(str(7_008_061_636_015_000_000 + self.work.serial), name, visibility)
        self.work.spaces[made.id] = made
        return made

    def write_page(
        self, space: Space, title: str, text: str = "", parent: str = "", obj_type: str = "docx", origin: str = ""
    ) -> WikiPage:
        """A new page, at the top or below a node; a shortcut where it has an ``origin``."""
        obj = self.work.pages[origin].obj if origin else self.work.new("doxcn")
        now = self.now_ms() // 1000
        page = WikiPage(
            self.work.new("wikcn"), obj, title, text, space.id, now, now, parent, obj_type, origin
        )  # fmt: skip
        self.work.pages[page.node] = page
        return page

    def edit_page(self, node: str, **changes: Any) -> None:
        page = self.work.pages[node]
        page.title, page.text = changes.get("title", page.title), changes.get("text", page.text)
        page.edited_s = self.now_ms() // 1000

    def delete_page(self, node: str) -> None:
        """Into the recycle bin, with what lies below."""
        for page in self._with_below(node):
            page.is_deleted = True

    def move_page(self, node: str, space: Space) -> None:
        """To the top of another space, with what lies below."""
        self.work.pages[node].parent = ""
        for page in self._with_below(node):
            page.space = space.id

    def _with_below(self, node: str) -> list[WikiPage]:
        below = [page.node for page in self.work.pages.values() if page.parent == node]
        return [self.work.pages[node], *(page for one in below for page in self._with_below(one))]
