"""The Tracker port over rows of Bitable tables: notices and links as lines of one cell, in the column that the admin named for them.

Rows have comments too, but no contract of Feishu's has them, and reading them does not tell the row: one could never be found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from threading import Lock
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from connectors.feishu.answers import CURES
from connectors.feishu.plain import plain_text, said_digest
from connectors.feishu.site import Site
from connectors.feishu.table_notices import (
    LinkLine,
    Notice,
    cell_text,
    fitting,
    link_of,
    links_in,
    notice_of,
    notices_in,
    with_link,
    with_notice,
    without_lines,
)
from connectors.feishu.table_rows import TEXT, Columns, TableRules, tables_of
from connectors.feishu.tables import base_of, columns_of, path_of, rows_by_id, rows_from
from sync.core.errors import AccessDenied, CannotExpress, Conflict, LostAnswer, Nonsense, NotFound, Refused
from sync.core.ports import ConnectionSettings, LinkEnd, Probe, Written
from sync.core.probing import tried
from sync.core.rich_text import RichText
from sync.core.values import LinkSide, Ref

LONGEST, FULL = 5_000, 50_000  # characters of a notice, and of a cell to which one may be added
COLUMN = "在表格里新建一列「文本」，列名和 tieline.yaml 里 notices 写的一样；不要用索引列（第一列）、条码或邮箱列"
EDIT = (
    "开发者后台 > 权限管理：开通 base:record:update，再发布版本；表格右上角 … > 更多 > 添加文档应用：权限选「可编辑」；"
    "开了「高级权限」的表格，还要给它能编辑这一列的角色"
)


class Cell(Struct, frozen=True):
    """The cell of a row that is kept for us. ``is_plain``: writing it back as text loses nothing."""

    table: TableRules
    base: str
    row_id: str
    text: str
    is_plain: bool


class TableTracker:
    """Writes as the application, one write at a time: Feishu refuses two at once on one table."""

    site: Site
    settings: ConnectionSettings
    writing: Lock

    def write_probes(self) -> Iterator[Probe]:
        """That each table has the column that is to be written to."""
        tables = {name: table for name, table in tables_of(self.settings).items() if table.notices}
        for name, table in tables.items():
            yield tried(
                f"find column {table.notices} in table {name}", f"{COLUMN}；{EDIT}", partial(self._place, table)
            )
        if tables:
            yield Probe("write notices and links", None, "cannot be told without writing", EDIT)

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        """Our notice with the mark."""
        notice = notice_of(self._cell(task).text, mark)
        return _written(notice) if notice else None

    def marks_on(self, task: Ref) -> Sequence[str]:
        """From the top of the cell."""
        return tuple(dict.fromkeys(notice.mark for notice in notices_in(self._cell(task).text)))

    def block_of_comment(self, body: RichText) -> str:
        return said_digest(fitting(plain_text(body)))

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        """A new notice below what stands in the cell. Raises Conflict where one has this mark already."""
        said = _said(body)

        def added(text: str) -> str:
            if standing := notice_of(text, mark):
                raise Conflict(f"row {task.key} has a notice {mark} already", expected="", found=standing.version)
            return with_notice(text, mark, said)

        return self._notice(self._rewrite(task, added), mark)

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        """Read, compare, write. Feishu has no conditional write: an edit of this cell that falls between the two is lost."""
        said = _said(body)
        changed = self._rewrite(task, lambda text: with_notice(text, mark, said, _unchanged(task, comment, text)))
        return self._notice(changed, mark)

    def remove_comment(self, task: Ref, comment: Written) -> None:
        """Take our notice out of the cell; one already gone is no error."""

        def removed(text: str) -> str:
            notice = _unchanged(task, comment, text)
            return without_lines(text, notice.start, notice.end)

        try:
            self._rewrite(task, removed)
        except NotFound:
            return

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        """A line that says it: ours by its mark, a person's by the word it begins with and where it leads."""
        line = link_of(self._cell(task).text, other, side, mark)
        return _link(line, other) if line else None

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        """A line of its own below what stands in the cell."""
        if not other.url.startswith(("http://", "https://")) or len(other.url.split()) != 1:
            raise CannotExpress(f"a table of Feishu links by address, and {other.ref} has none")
        language = self.settings.language
        text = self._rewrite(task, lambda text: with_link(text, other, side, mark, language))
        line = link_of(text, other, side, mark)
        if line is None or line.mark != mark:
            raise LostAnswer(f"Feishu's answer does not show the link on row {task.key} that was just written")
        return _link(line, other)

    def remove_link(self, task: Ref, link: Written) -> None:
        """Take our line out; one already gone, or changed by a person since, is no error. Raises Refused for one not ours."""
        if not link.is_ours:
            raise Refused(f"the link {link.id} on row {task.key} was written by somebody else; it stays")

        def removed(text: str) -> str:
            line = next((one for one in links_in(text) if one.mark == link.id), None)
            return without_lines(text, line.at, line.at + 1) if line else text

        try:
            self._rewrite(task, removed)
        except NotFound:
            return

    def _rewrite(self, task: Ref, change: Callable[[str], str]) -> str:
        """The cell's text after the change, as Feishu tells it."""
        with self.writing:
            cell = self._cell(task)
            text = change(cell.text)
            if text == cell.text:
                return text
            _require_writable(task, cell, text)
            path = f"{path_of(cell.table, cell.base)}/records/{quote(cell.row_id, safe='')}"
            sent = {"fields": {cell.table.notices: text or None}}
            return _text_after(self.site.ask("PUT", path, {"user_id_type": "open_id"}, sent), cell.table.notices)

    def _notice(self, text: str, mark: str) -> Written:
        notice = notice_of(text, mark)
        if notice is None:
            raise LostAnswer(f"Feishu's answer does not show the notice {mark} that was just written")
        return _written(notice)

    def _cell(self, task: Ref) -> Cell:
        """The cell as it stands. Raises NotFound only for a row that is gone: whoever removes what we wrote must know."""
        scope, _, row_id = task.key.rpartition("/")
        table = tables_of(self.settings).get(scope)
        if table is None:
            raise Refused(f"row {task.key}: `tables` of {self.settings.name} in tieline.yaml names no table {scope}")
        if not table.notices:
            raise CannotExpress(f"table {scope} has no column for Tieline: name one as `notices` in tieline.yaml")
        base = self._place(table)
        row = _row(rows_by_id(self.site, table, base, [row_id]), row_id, task)
        fields = row.get("fields")
        if not isinstance(fields, Mapping):
            raise Nonsense(expected="a row with fields", sample=row)
        return Cell(table, base, row_id, *cell_text(fields.get(table.notices)))

    def _place(self, table: TableRules) -> str:
        """The base that the table lies in, once it is sure that it has our column."""
        base = base_of(self.site, table)
        require_column(columns_of(self.site, table, base), table)
        return base


def require_column(columns: Columns, table: TableRules) -> None:
    """Raises Refused naming the column and what to do."""
    column = next((one for one in columns.all if one.field_name == table.notices), None)
    if column is None:
        raise Refused(f"table {table.name} has no column {table.notices}; {COLUMN}")
    if column.type != TEXT or column.is_primary or column.ui_type not in (None, "Text"):
        raise Refused(f"column {table.notices} of table {table.name} is no plain text that is ours to write; {COLUMN}")


def _row(data: Mapping[str, Any], row_id: str, task: Ref) -> Mapping[str, Any]:
    if row := next((one for one in rows_from(data.get("records")) if one.get("record_id") == row_id), None):
        return row
    if row_id in (data.get("forbidden_record_ids") or ()):
        raise AccessDenied(f"row {task.key} is not for the application to read; {CURES[1254302]}", code=1254302)
    if row_id in (data.get("absent_record_ids") or ()):
        raise NotFound(f"row {task.key} is gone")
    raise Nonsense(expected=f"row {task.key}, or that it is gone", sample=data)


def _require_writable(task: Ref, cell: Cell, text: str) -> None:
    where = f"column {cell.table.notices} of row {task.key}"
    if not cell.is_plain:
        raise CannotExpress(
            f"{where} holds a mention or words that lead somewhere, which writing would lose; move them"
        )
    if len(text) > max(FULL, len(cell.text)):
        raise CannotExpress(f"{where} would hold {len(text)} characters, and {FULL} is as many as we put there")


def _said(body: RichText) -> str:
    said = fitting(plain_text(body))
    if len(said) > LONGEST:
        raise CannotExpress(f"a notice in a table of Feishu holds {LONGEST} characters, this one has {len(said)}")
    return said


def _text_after(data: Mapping[str, Any], column: str) -> str:
    """What the cell says after a write. Raises LostAnswer: what came back tells nothing of it, and it may stand."""
    try:
        [row] = rows_from([data.get("record")])
        return cell_text(dict(row["fields"]).get(column))[0]
    except (Nonsense, KeyError, TypeError, ValueError) as error:
        trouble = str(error)
    raise LostAnswer(f"Feishu's answer to a write: {trouble}")


def _unchanged(task: Ref, comment: Written, text: str) -> Notice:
    if not comment.is_ours:
        raise Refused(f"the notice {comment.id} was written by somebody else; it stays")
    notice = notice_of(text, comment.id)
    if notice is None:
        raise NotFound(f"row {task.key} has no notice {comment.id} any more")
    if notice.version != comment.version:
        message = f"the notice {comment.id} on row {task.key} was edited since it was read"
        raise Conflict(message, expected=comment.version, found=notice.version)
    return notice


def _written(notice: Notice) -> Written:
    standing = notice.kept.block if notice.is_untouched else said_digest(notice.said)
    return Written(notice.mark, notice.version, "", standing, is_untouched=notice.is_untouched)


def _link(line: LinkLine, other: LinkEnd) -> Written:
    return Written(line.mark or f"line:{line.version}", line.version, other.url, is_ours=bool(line.mark))
