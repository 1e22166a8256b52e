"""One table of ours as a published data source. It is ours by the mark in its description, published in one request with the rows."""

from __future__ import annotations

import hashlib
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from connectors.tableau.hyper import write_hyper
from connectors.tableau.site import Site, tsc
from sync.core.errors import Conflict, NotFound, Refused
from sync.core.marks import MARK_LINE, Kept, mark_line
from sync.core.metrics import TableContent
from sync.core.ports import Written

WORDS = {
    "zh-CN": "由 Tieline 自动更新，改动会被下一次覆盖。",
    "en": "Kept by Tieline; changes are overwritten by the next update.",
}


class Publisher:
    """The port MetricSink. ``place`` is a project, by name or id."""

    site: Site

    def find_table(self, place: str, mark: str, name: str) -> Written | None:
        """Our data source with this mark."""
        project_id = self.site.project_id(place)
        return next((_written(item) for item in self._there(project_id, name) if _mark_of(item) == mark), None)

    def put_table(self, mark: str, content: TableContent, table: Written | None) -> Written:
        """Publish it, rows and mark at once: a reader sees the old rows or the new ones."""
        project_id = self.site.project_id(content.place)
        there = self._there(project_id, content.name)
        ours = next((item for item in there if _mark_of(item) == mark), None)
        if table is not None and ours is None:
            raise NotFound(f"the data source {content.name!r} is gone")
        if table is not None and ours is not None and table.version != (found := _written(ours).version):
            raise Conflict(f"{content.name} was written by somebody else", table.version, found)
        if ours is None and there:
            raise Conflict(f"a data source {content.name!r} of somebody else's is in the project {content.place!r}")
        self._publish(project_id, mark, content, is_new=ours is None)
        return self._as_published(project_id, mark, content)

    def _publish(self, project_id: str, mark: str, content: TableContent, *, is_new: bool) -> None:
        item = tsc.DatasourceItem(project_id, content.name)
        item.description = self._description(mark, content)
        mode = tsc.Server.PublishMode.CreateNew if is_new else tsc.Server.PublishMode.Overwrite
        with TemporaryDirectory() as folder:
            path = Path(folder) / "tieline.hyper"
            write_hyper(path, content)
            self.site.ask(lambda server: server.datasources.publish(item, str(path), mode), is_write=True)

    def _as_published(self, project_id: str, mark: str, content: TableContent) -> Written:
        """As it stands now. An older Tableau that keeps no description while publishing is told it once more."""
        there = self._there(project_id, content.name)
        digest = digest_of(content)
        for item in there:
            if _mark_of(item) == mark and (written := _written(item)).block == digest:
                return written
        for item in there:
            item.description = self._description(mark, content)
            updated = self.site.ask(partial(_updated, item), is_write=True)
            if _mark_of(updated) == mark:
                return _written(updated)
        raise Refused(f"Tableau keeps no description of {content.name!r}, by which it would be known as ours")

    def remove_table(self, table: Written) -> None:
        """Delete our data source; workbooks on it lose their data."""
        try:
            self.site.ask(lambda server: server.datasources.delete(table.id), is_write=True)
        except NotFound:
            return

    def block_of_table(self, content: TableContent) -> str:
        """A digest of columns and rows."""
        return digest_of(content)

    def _there(self, project_id: str, name: str) -> list[Any]:
        return [item for item in self.site.named("datasources", name) if str(item.project_id) == project_id]

    def _description(self, mark: str, content: TableContent) -> str:
        digest = digest_of(content)
        words = WORDS["zh-CN" if self.site.settings.language.startswith("zh") else "en"]
        return f"{words} {mark_line(mark, Kept(digest, digest))}"


def digest_of(content: TableContent) -> str:
    """What the table says, in few characters."""
    said = msgspec.json.encode([content.table.columns, content.table.rows])
    return hashlib.blake2b(said, digest_size=6).hexdigest()


def _updated(item: Any, server: Any) -> Any:
    return server.datasources.update(item)


def _mark_of(item: Any) -> str:
    match = MARK_LINE.search(item.description or "")
    return match[1] if match else ""


def _written(item: Any) -> Written:
    match = MARK_LINE.search(item.description or "")
    version = item.updated_at.isoformat() if item.updated_at else ""
    block = (match[2] or "") if match else ""
    return Written(str(item.id), f"{version} {block}", item.webpage_url or "", block, is_untouched=True)
