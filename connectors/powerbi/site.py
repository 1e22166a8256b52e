"""Power BI as one service principal: requests with its token, and which workspace and dataset a name means."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from connectors.powerbi.answers import SignedOut
from connectors.powerbi.sign_in import SignIn
from connectors.powerbi.tables import decoded, encoded
from sync.core.errors import ConfigError, Nonsense, NotFound, Problem
from sync.core.ports import ConnectionSettings
from sync.remote import Remote, Reply

BASE = "/v1.0/myorg"
PAGE = 1_000
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
Json = dict[str, Any]


def field(item: Json, name: str) -> Any:
    """A field by its name in any case: the contract and the wire do not agree on that."""
    if name in item:
        return item[name]
    return next((value for key, value in item.items() if key.lower() == name.lower()), None)


class Site:
    """What both ports share. A service principal has no workspace of its own, so every path names one."""

    def __init__(self, settings: ConnectionSettings, remote: Remote, sign_in: SignIn) -> None:
        self.settings, self.remote, self.sign_in = settings, remote, sign_in

    def send(
        self, method: str, path: str, body: object = None, *, is_safe: bool | None = None, query: str = ""
    ) -> Reply:
        """One request with the token of now; with another one when that has just ended."""
        content = None if body is None else encoded(body)
        for is_fresh in (False, True):
            headers = {"authorization": f"Bearer {self.sign_in.token(is_fresh=is_fresh)}"}
            if content is not None:
                headers["content-type"] = "application/json"
            try:
                return self.remote.send(
                    method, f"{BASE}{path}{query}", content=content, headers=headers, is_safe=is_safe
                )
            except SignedOut:
                if is_fresh:
                    raise
        raise AssertionError("unreachable")

    def get(self, path: str, query: str = "") -> Any:
        """The answer of a read."""
        return decoded(self.send("GET", path, query=query).body)

    def listed(self, path: str, query: str = "") -> list[Json]:
        """The values of a listing. Raises Nonsense for another shape."""
        found = self.get(path, query)
        values = field(found, "value") if isinstance(found, dict) else None
        if not isinstance(values, list):
            raise Nonsense(expected="a listing with value", sample=found)
        return [item for item in values if isinstance(item, dict)]

    def workspaces(self) -> Iterator[Json]:
        """Every workspace that the app belongs to. A page may be short though more follows; only an empty one is the last."""
        seen: set[str] = set()
        skip = 0
        while page := self.listed("/groups", f"?$top={PAGE}&$skip={skip}"):
            fresh = [item for item in page if str(field(item, "id")) not in seen]
            seen.update(str(field(item, "id")) for item in fresh)
            yield from fresh
            if not fresh:
                raise Nonsense(expected=f"workspaces from {skip}", found="a page that came before")
            skip += len(page)

    def workspace_id(self, place: str) -> str:
        """The workspace of this id or exact name. Raises NotFound naming the cure, ConfigError where a name means several."""
        if _ID.fullmatch(place):
            return place
        found = [str(field(item, "id")) for item in self.workspaces() if field(item, "name") == place]
        if not found:
            raise NotFound(
                f"the workspace {place!r} is not visible to this app: check its name, or make the app a Member "
                "(workspace > Manage access)"
            )
        return self._only(found, f"workspaces are called {place!r}")

    def dataset_id(self, workspace: str, source: str) -> str:
        """The dataset (semantic model) of this id or exact name."""
        if _ID.fullmatch(source):
            return source
        found = [str(field(item, "id")) for item in self.datasets(workspace) if field(item, "name") == source]
        if not found:
            raise NotFound(f"there is no semantic model {source!r} in the workspace {workspace}")
        return self._only(found, f"semantic models are called {source!r}")

    def datasets(self, workspace: str) -> list[Json]:
        """The datasets of a workspace."""
        return self.listed(f"/groups/{workspace}/datasets")

    def query(self, workspace: str, dataset: str, dax: str) -> Json:
        """What ``executeQueries`` answers; a query changes nothing, so it may be asked again."""
        body = {"queries": [{"query": dax}], "serializerSettings": {"includeNulls": True}}
        reply = self.send("POST", f"/groups/{workspace}/datasets/{dataset}/executeQueries", body, is_safe=True)
        found = decoded(reply.body)
        if not isinstance(found, dict):
            raise Nonsense(expected="the results of a query", sample=found)
        return found

    def _only(self, ids: list[str], what: str) -> str:
        if len(ids) == 1:
            return ids[0]
        problem = Problem(self.settings.name, 0, "-", f"{len(ids)} {what}", f"write the id instead: {', '.join(ids)}")
        raise ConfigError([problem])
