"""The Source port over Bitable tables 多维表格: a department's rows as tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import msgspec

from connectors.feishu.site import Site
from connectors.feishu.table_rows import TASK, Column, Columns, TableRules, raw_from_row, tables_of
from sync.core.decode import decoded
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.probing import tried
from sync.core.values import Account, RawRecord
from sync.core.vocabulary import FieldName, Vocabulary

ROWS = "rows"
PAGE = 500
FEW = 100  # rows that batch_get takes
SEE = "表格右上角 … > 更多 > 添加文档应用：把这个应用加进来；开了「高级权限」的表格，还要给它能看全部行的角色"
SCOPE = "开发者后台 > 权限管理：开通 bitable:app:readonly（放在知识库里的还要 wiki:node:read），再发布版本"


class TableSource:
    """Reads tables whole: a page brings 500 rows, and the rows themselves tell when they were changed."""

    site: Site
    settings: ConnectionSettings

    def identify(self) -> SiteIdentity:
        """The application; ids of people are its own, so another application is another site."""
        self.site.token(is_fresh=True)
        app = self.site.app_id
        return SiteIdentity(f"feishu-bitable:{self.site.remote.base_url}:{app}", Account(app, app), self.settings.zone)

    def vocabulary(self) -> Vocabulary:
        """The collected tables and their columns. Raises NotFound naming a table that is not visible."""
        rules = [self._rules(scope) for scope in self.settings.scopes or tables_of(self.settings)]
        fields = {
            column.field_name: FieldName(column.field_id, column.field_name, str(column.type))
            for table in rules
            for column in columns_of(self.site, table, self._base(table)).all
        }
        return Vocabulary(fields=tuple(fields.values()), scopes={table.name: table.name for table in rules})

    def probes(self) -> Iterator[Probe]:
        """The sign-in, and in each table its columns and rows."""
        yield tried(
            "sign in",
            "核对 App ID 和 App Secret",
            lambda: f"application {self.site.token(is_fresh=True) and self.site.app_id}",
        )
        for scope in self.settings.scopes or tables_of(self.settings):
            yield tried(f"read table {scope}", f"{SEE}；{SCOPE}", partial(self._look, scope))

    def _look(self, scope: str) -> str:
        table = self._rules(scope)
        base = self._base(table)
        return f"{len(columns_of(self.site, table, base).all)} columns, {len(next(self._pages(table, base), []))} or more rows"

    def streams(self) -> Sequence[Stream]:
        """One. Formulas and renamed columns change no row's date, so all rows are read again once a day."""
        return (Stream(ROWS, TASK, rereads_after_h=float(self.settings.options.get("reread_hours", 24))),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The table."""
        _check_stream(stream)
        since = (cursor.since - self._overlap()).isoformat() if cursor else ""
        yield Shard(stream, scope, position={"since": since})

    def _overlap(self) -> timedelta:
        return timedelta(minutes=float(self.settings.options.get("overlap_minutes", 10)))

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The rows of a shard. One that is gone or hidden is left out; the census will tell."""
        _check_stream(shard.stream)
        table = self._rules(shard.scope)
        base = self._base(table)
        columns, at, seen = columns_of(self.site, table, base), datetime.now(UTC), set[str]()
        since = datetime.fromisoformat(text) if (text := str(shard.position.get("since") or "")) else None
        pages = [self._picked(table, base, shard.ids)] if shard.ids else self._pages(table, base)
        for page in pages:
            found = [raw_from_row(msgspec.json.encode(row), columns, table, self.settings.name, at) for row in page]
            fresh = [raw for raw in found if raw.ref not in seen and (since is None or raw.updated_at >= since)]
            seen.update(raw.ref for raw in found)
            yield fresh

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these rows by id."""
        _check_stream(stream)
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), FEW):
            yield Shard(stream, scope, ids=tuple(wanted[start : start + FEW]))

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of all rows."""
        _check_stream(stream)
        table, seen = self._rules(scope), set[str]()
        base = self._base(table)
        names = [name] if (name := columns_of(self.site, table, base).primary) else None
        for page in self._pages(table, base, names):
            ids = [f"{scope}/{row_id}" for row in page if isinstance(row_id := row.get("record_id"), str)]
            yield [key for key in dict.fromkeys(ids) if key not in seen]
            seen.update(ids)

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a row is missing: Feishu tells one that is gone from one that the application may not read."""
        _check_stream(stream)
        scope, _, row_id = item_id.rpartition("/")
        table = tables_of(self.settings).get(scope)
        if table is None:  # the admin calls it otherwise by now
            self.site.token(is_fresh=True)
            return "moved"
        try:
            data = rows_by_id(self.site, table, self._base(table), [row_id])
        except NotFound:
            return "deleted"
        if data.get("records"):
            return "here"
        return "hidden" if data.get("forbidden_record_ids") else "deleted"

    def _picked(self, table: TableRules, base: str, ids: Sequence[str]) -> list[dict[str, Any]]:
        found = rows_by_id(self.site, table, base, [key.rpartition("/")[2] for key in ids])
        return rows_from(found.get("records"))

    def _pages(self, table: TableRules, base: str, names: list[str] | None = None) -> Iterator[list[dict[str, Any]]]:
        body: dict[str, Any] = {"automatic_fields": True, **({"field_names": names} if names else {})}
        params = {"user_id_type": "open_id", "page_size": PAGE}
        for items in self.site.pages(f"{path_of(table, base)}/records/search", params, body):
            yield rows_from(items)

    def _rules(self, scope: str) -> TableRules:
        found = tables_of(self.settings).get(scope)
        if found is None:
            raise NotFound(f"table {scope}: there is none of this name under `tables` in tieline.yaml")
        return found

    def _base(self, table: TableRules) -> str:
        """The base that a table lies in; one that is kept in a wiki is asked for. Raises NotFound naming the table."""
        try:
            if not table.is_in_wiki:
                self.site.ask("GET", f"/bitable/v1/apps/{table.token}")
            return base_of(self.site, table)
        except (NotFound, AccessDenied) as error:
            if isinstance(error, AccessDenied) and not error.data.get("code"):
                raise
            raise NotFound(f"table {table.name}: {error}") from error


def base_of(site: Site, table: TableRules) -> str:
    """The base that a table lies in; one that is kept in a wiki is asked for."""
    if not table.is_in_wiki:
        return table.token
    node = site.ask("GET", "/wiki/v2/spaces/get_node", {"token": table.token}).get("node")
    token = node.get("obj_token") if isinstance(node, dict) else None
    if not isinstance(token, str) or not token:
        raise Nonsense(expected="a wiki node with its obj_token", sample=node)
    return token


def columns_of(site: Site, table: TableRules, base: str) -> Columns:
    """A table's columns."""
    pages = site.pages(f"{path_of(table, base)}/fields", {"page_size": 100})
    return Columns([decoded(msgspec.json.encode(item), Column, "a column") for page in pages for item in page])


def rows_by_id(site: Site, table: TableRules, base: str, row_ids: Sequence[str]) -> Mapping[str, Any]:
    """Rows as they stand now: ``records``, and the ids of those that are not there or not for us to see."""
    body = {"record_ids": list(row_ids), "user_id_type": "open_id", "automatic_fields": True}
    return site.ask("POST", f"{path_of(table, base)}/records/batch_get", None, body, is_safe=True)


def path_of(table: TableRules, base: str) -> str:
    """Where the API has a table."""
    return f"/bitable/v1/apps/{base}/tables/{table.table_id}"


def rows_from(items: object) -> list[dict[str, Any]]:
    """The rows of an answer; nothing is none. Raises Nonsense for what is no list of them."""
    if items is None:
        return []
    if not isinstance(items, Sequence) or not all(isinstance(item, dict) for item in items):
        raise Nonsense(expected="rows", sample=items)
    return list(items)


def _check_stream(stream: str) -> None:
    if stream != ROWS:
        raise Refused(f"a table of Feishu has no stream {stream!r}, only {ROWS!r}")
