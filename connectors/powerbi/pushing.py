"""One table of ours as a push dataset: rows are replaced whole, because a push dataset can neither change nor remove a single one.

Names are not unique there, so a table is ours by a second table beside it, whose name carries our mark. Its rows are appended only and
tell what the table says: ``writing`` before the rows are touched, the digest when all are there. Until then nobody takes it for whole.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from connectors.powerbi.reading import rows_from
from connectors.powerbi.site import Json, Site, field
from connectors.powerbi.tables import columns_of, digest_of, pushed
from sync.core.errors import CannotExpress, Conflict, Nonsense, NotFound
from sync.core.metrics import TableContent
from sync.core.ports import Written

BATCH = 10_000  # rows a request (learn.microsoft.com, push-datasets-limitations)
ABOUT = "tieline_"
NAME = re.compile(
    r"[\t\n\r #\-0-9@-Z^_a-z~\u007f-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]{1,100}"
)  # as the contract has it
WRITING = "writing"
ABOUT_COLUMNS = [
    {"name": "sequence", "dataType": "Int64"},
    {"name": "digest", "dataType": "String"},
    {"name": "columns", "dataType": "String"},
]


class Pusher:
    """The port MetricSink. ``place`` is a workspace, by name or id."""

    site: Site

    def find_table(self, place: str, mark: str, name: str) -> Written | None:
        """Our dataset with this mark, and what its table says."""
        workspace = self.site.workspace_id(place)
        found = next(
            (
                dataset
                for item in self.site.datasets(workspace)
                if field(item, "name") == name and field(item, "addRowsAPIEnabled") is not False
                if about_of(mark) in self._tables(workspace, dataset := str(field(item, "id")))
            ),
            None,
        )
        return self._written(workspace, found, mark) if found else None

    def put_table(self, mark: str, content: TableContent, table: Written | None) -> Written:
        """Make the dataset where there is none, then replace its rows. A reader may see an empty table for a moment in between."""
        now = self.find_table(content.place, mark, content.name)
        if table is not None and now is None:
            raise NotFound(f"the dataset {content.name!r} is gone")
        if table is not None and now is not None and table.version != now.version:
            raise Conflict(f"{content.name} was written by somebody else", table.version, now.version)
        workspace = self.site.workspace_id(content.place)
        dataset = now.id.partition("/")[2] if now else self._create(workspace, mark, content)
        sequence, columns = self._about(workspace, dataset, mark)[::2]
        self._note(workspace, dataset, mark, (sequence + 1, WRITING, ""))
        self._fill(workspace, dataset, content, has_other_columns=columns != _columns_text(content))
        self._note(workspace, dataset, mark, (sequence + 2, digest_of(content), _columns_text(content)))
        return self._as_written(workspace, dataset, sequence + 2, digest_of(content))

    def remove_table(self, table: Written) -> None:
        """Delete our dataset; reports on it go with it."""
        workspace, _, dataset = table.id.partition("/")
        try:
            self.site.send("DELETE", f"/groups/{workspace}/datasets/{dataset}", is_safe=True)
        except NotFound:
            return

    def block_of_table(self, content: TableContent) -> str:
        """A digest of columns and rows as they are pushed."""
        return digest_of(content)

    def _create(self, workspace: str, mark: str, content: TableContent) -> str:
        if not NAME.fullmatch(content.name):
            words = "letters, digits, spaces, #, -, @, ^, _ and ~, at most 100"
            raise CannotExpress(f"{content.name!r} is no name of a Power BI table: {words}")
        tables = [
            {"name": content.name, "columns": columns_of(content.table.columns)},
            {"name": about_of(mark), "columns": ABOUT_COLUMNS},
        ]
        body = {"name": content.name, "defaultMode": "Push", "tables": tables}
        made = self.site.send("POST", f"/groups/{workspace}/datasets", body, query="?defaultRetentionPolicy=None").read(
            Json
        )
        if not (number := field(made, "id")):
            raise Nonsense(expected="the new dataset's id", sample=made)
        return str(number)

    def _fill(self, workspace: str, dataset: str, content: TableContent, *, has_other_columns: bool) -> None:
        path = f"/groups/{workspace}/datasets/{dataset}/tables/{quote(content.name, safe='')}"
        self.site.send("DELETE", f"{path}/rows", is_safe=True)
        if has_other_columns:
            schema = {"name": content.name, "columns": columns_of(content.table.columns)}
            self.site.send("PUT", path, schema, is_safe=True)
        rows = pushed(content)
        for start in range(0, len(rows), BATCH):
            self.site.send("POST", f"{path}/rows", {"rows": rows[start : start + BATCH]})

    def _tables(self, workspace: str, dataset: str) -> set[str]:
        """The names of a push dataset's tables; none for a dataset that is no push dataset, or is gone."""
        try:
            return {
                str(field(item, "name")) for item in self.site.listed(f"/groups/{workspace}/datasets/{dataset}/tables")
            }
        except NotFound:
            return set()

    def _note(self, workspace: str, dataset: str, mark: str, row: tuple[int, str, str]) -> None:
        """One more row beside the table. The same one twice says nothing new."""
        names = [str(column["name"]) for column in ABOUT_COLUMNS]
        path = f"/groups/{workspace}/datasets/{dataset}/tables/{about_of(mark)}/rows"
        self.site.send("POST", path, {"rows": [dict(zip(names, row, strict=True))]}, is_safe=True)

    def _about(self, workspace: str, dataset: str, mark: str) -> tuple[int, str, str]:
        """The last row beside the table: (sequence, digest, columns); zeros where there is none yet."""
        name = about_of(mark)
        dax = f"EVALUATE TOPN(1, '{name}', '{name}'[sequence], DESC)"
        rows, _ = rows_from(self.site.query(workspace, dataset, dax))
        row: dict[str, Any] = (
            {key.partition("[")[2].rstrip("]"): value for key, value in rows[0].items()} if rows else {}
        )
        return int(row.get("sequence") or 0), str(row.get("digest") or ""), str(row.get("columns") or "")

    def _written(self, workspace: str, dataset: str, mark: str) -> Written:
        sequence, digest, _ = self._about(workspace, dataset, mark)
        return self._as_written(workspace, dataset, sequence, "" if digest == WRITING else digest)

    def _as_written(self, workspace: str, dataset: str, sequence: int, digest: str) -> Written:
        url = f"{self.site.settings.browse_base or 'https://app.powerbi.com'}/groups/{workspace}/datasets/{dataset}"
        return Written(f"{workspace}/{dataset}", str(sequence), url, digest, is_untouched=True)


def about_of(mark: str) -> str:
    """The name of the table that says whose dataset it is: letters, digits and underscores only."""
    return ABOUT + "".join(sign if sign.isalnum() and sign.isascii() else "_" for sign in mark.removeprefix("tieline:"))


def _columns_text(content: TableContent) -> str:
    return ",".join(f"{column.name}:{column.type}" for column in content.table.columns)
