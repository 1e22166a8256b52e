"""The Source port over wiki spaces 知识库: their documents. They are only read (docs/decisions/0012-feishu-wiki-is-only-read.md).

A listing of nodes tells when each document was edited, so a space is walked in each run, and only what was edited since is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

import msgspec

from connectors.feishu.site import Site
from connectors.feishu.wiki_pages import DOCUMENT, Space, is_page, kept_of, node_from, nodes_from, raw_from_page
from sync.core.decode import decoded
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound, Problem, Refused
from sync.core.instants import instant_from_s
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.probing import tried
from sync.core.values import Account, RawRecord, Visibility
from sync.core.vocabulary import Vocabulary

PAGES = "pages"
PAGE, FEW = 50, 20
HIDDEN = frozenset({131006, 1063002, 1770032})  # this node, its settings or its document, while others may be read
SEE = "知识库 > 设置 > 成员设置：把应用的机器人拉进一个群，再把这个群加成知识库成员；名字重了就写知识库的编号（设置页地址里的数字）"
SCOPE = (
    "开发者后台 > 权限管理：开通 wiki:wiki:readonly、docx:document:readonly、docs:permission.setting:read，再发布版本"
)


class WikiSource:
    """Reads the spaces that the application is a member of."""

    site: Site
    settings: ConnectionSettings

    def identify(self) -> SiteIdentity:
        """The application; ids of people are its own, so another application is another site."""
        self.site.token(is_fresh=True)
        app = self.site.app_id
        return SiteIdentity(f"feishu-wiki:{self.site.remote.base_url}:{app}", Account(app, app), self.settings.zone)

    def vocabulary(self) -> Vocabulary:
        """The spaces that the application may see."""
        return Vocabulary(scopes={space.space_id: space.name or space.space_id for space in self._spaces()})

    def probes(self) -> Iterator[Probe]:
        """The sign-in, and each space with its pages, the words of one and who may read it."""
        yield tried(
            "sign in",
            "核对 App ID 和 App Secret",
            lambda: f"application {self.site.token(is_fresh=True) and self.site.app_id}",
        )
        for scope in self.settings.scopes:
            yield tried(f"list pages of {scope}", f"{SEE}；{SCOPE}", partial(self._look, scope))
            yield self._probe_a_page(scope, "read a page", self._probe_text)
            yield self._probe_a_page(scope, "read who may see a page", self._probe_readers)

    def _look(self, scope: str) -> str:
        return f"{len(next(self._walk(self._space(scope).space_id), []))} or more pages"

    def _probe_a_page(self, scope: str, operation: str, ask: Callable[[dict[str, Any], Space], str]) -> Probe:
        def look() -> str:
            space = self._space(scope)
            node = next((node for found in self._walk(space.space_id) for node in found), None)
            return ask(node, space) if node else "there is none yet"

        return tried(f"{operation} of {scope}", f"{SEE}；{SCOPE}", look)

    def _probe_text(self, node: dict[str, Any], space: Space) -> str:
        return f"{len(self._text(node))} characters"

    def _probe_readers(self, node: dict[str, Any], space: Space) -> str:
        return self._visibility(node, [space], {})

    def streams(self) -> Sequence[Stream]:
        """One. Who may read a page changes no date, so all are read again once a day."""
        return (Stream(PAGES, DOCUMENT, rereads_after_h=float(self.settings.options.get("reread_hours", 24))),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The pages that were edited since, in groups."""
        _check_stream(stream)
        overlap = timedelta(minutes=float(self.settings.options.get("overlap_minutes", 10)))
        since = cursor.since - overlap if cursor else None
        for found in self._walk(self._space(scope).space_id):
            nodes = [kept_of(node) for node in found if since is None or _may_have_changed(node, since)]
            for start in range(0, len(nodes), FEW):
                few = {str(node["node_token"]): node for node in nodes[start : start + FEW]}
                yield Shard(stream, scope, ids=tuple(few), position={"nodes": few} if self._has_body else {})

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these pages by their node."""
        _check_stream(stream)
        wanted = list(dict.fromkeys(ids))
        for start in range(0, len(wanted), FEW):
            yield Shard(stream, scope, ids=tuple(wanted[start : start + FEW]))

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The pages of a shard. One that is gone or hidden is left out; the census will tell."""
        _check_stream(shard.stream)
        spaces, at = self._spaces(), datetime.now(UTC)
        space, known = self._space(shard.scope, spaces), shard.position.get("nodes")
        elsewhere = self._collected(spaces) - {space.space_id}
        found, locks = [], dict[str, bool]()
        for token in dict.fromkeys(shard.ids):
            try:
                node = known.get(token) if isinstance(known, dict) else None
                node = node_from(node) if node else self._node(token)
                # One that was moved is read by whoever asks for it by id, unless another collected space has it now.
                if is_page(node) and str(node.get("space_id")) not in elsewhere:
                    text = self._text(node) if self._has_body else None
                    visibility = self._visibility(node, spaces, locks)
                    found.append(raw_from_page(node, text, visibility, self.settings.name, shard.scope, at))
            except (NotFound, AccessDenied) as error:
                if not _is_missing(error):
                    raise
        yield found

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The nodes of the space's pages."""
        _check_stream(stream)
        for found in self._walk(self._space(scope).space_id):
            yield [str(node["node_token"]) for node in found]

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a page is missing: Feishu tells one that is gone from one that the application may not read."""
        _check_stream(stream)
        try:
            node = self._node(item_id)
        except NotFound:
            return "deleted"
        except AccessDenied as error:
            if not _is_missing(error):
                raise
            return "hidden"
        is_here = is_page(node) and str(node.get("space_id")) in self._collected(self._spaces())
        return "here" if is_here else "moved"

    @property
    def _has_body(self) -> bool:
        return bool(self.settings.options.get("bodies", True))

    def _collected(self, spaces: Sequence[Space]) -> set[str]:
        """The numbers of the spaces that are collected and still to be seen."""
        return {space.space_id for scope in self.settings.scopes for space in _named(scope, spaces)}

    def _visibility(self, node: dict[str, Any], spaces: Sequence[Space], locks: dict[str, bool]) -> Visibility:
        """Pages of a space for its members only, or of one that we do not know, pages that were locked and what lies below these are
        not for everybody.
        """
        opened = set(map(str, self.settings.options.get("open_spaces") or ()))
        space = next((one for one in spaces if one.space_id == str(node.get("space_id"))), Space(""))
        if space.visibility != "public" and not opened & {space.space_id, space.name}:
            return "restricted"
        return "restricted" if self._is_for_some(str(node["node_token"]), node, locks) else "open"

    def _is_for_some(self, token: str, node: dict[str, Any] | None, locks: dict[str, bool]) -> bool:
        """Whether the node or one above it is locked; ``locks`` remembers. What we may not see above it counts as locked."""
        if token not in locks:
            locks[token] = True
            try:
                parent = str((node or self._node(token)).get("parent_node_token") or "")
            except (NotFound, AccessDenied) as error:
                if not _is_missing(error):
                    raise
                return True
            locks[token] = self._is_locked(token) or (bool(parent) and self._is_for_some(parent, None, locks))
        return locks[token]

    def _is_locked(self, token: str) -> bool:
        """Whether the node's readers are its own. Where Feishu does not tell, they are taken for its own."""
        path = f"/drive/v2/permissions/{quote(token, safe='')}/public"
        try:
            said = self.site.ask("GET", path, {"type": "wiki"}).get("permission_public")
        except AccessDenied as error:
            if not _is_missing(error):
                raise
            return True
        if not isinstance(said, dict):
            raise Nonsense(expected="the settings of who may read a page", sample=said)
        return said.get("lock_switch") is not False

    def _text(self, node: dict[str, Any]) -> str:
        path = f"/docx/v1/documents/{quote(str(node['obj_token']), safe='')}/raw_content"
        said = self.site.ask("GET", path).get("content")
        if not isinstance(said, str):
            raise Nonsense(expected="the text of a document", sample=said)
        return said

    def _node(self, token: str) -> dict[str, Any]:
        return node_from(self.site.ask("GET", "/wiki/v2/spaces/get_node", {"token": token}).get("node"))

    def _walk(self, space_id: str) -> Iterator[list[dict[str, Any]]]:
        """The space's pages, listing by listing, from the top down; each once. What lies below a hidden node is hidden too."""
        path, seen, waiting = f"/wiki/v2/spaces/{quote(space_id, safe='')}/nodes", set[str](), [""]
        while waiting:
            parent = waiting.pop()
            params = {"page_size": PAGE, **({"parent_node_token": parent} if parent else {})}
            try:
                for items in self.site.pages(path, params):
                    nodes = {str(node["node_token"]): node for node in nodes_from(items)}
                    # Below a shortcut the nodes of another space may be told.
                    fresh = [node for token, node in nodes.items() if token not in seen and _lies_in(node, space_id)]
                    seen.update(nodes)
                    waiting.extend(str(node["node_token"]) for node in fresh if node.get("has_child"))
                    yield [node for node in fresh if is_page(node)]
            except (NotFound, AccessDenied) as error:
                if not parent or not _is_missing(error):
                    raise

    def _spaces(self) -> list[Space]:
        pages = self.site.pages("/wiki/v2/spaces", {"page_size": PAGE})
        found = (decoded(msgspec.json.encode(item), Space, "a wiki space") for page in pages for item in page)
        return list({space.space_id: space for space in found}.values())

    def _space(self, scope: str, spaces: Sequence[Space] | None = None) -> Space:
        """The space of this number or exact name. Raises NotFound naming it, ConfigError where a name means several."""
        found = _named(scope, self._spaces() if spaces is None else spaces)
        if not found:
            raise NotFound(f"wiki space {scope} is not visible to the application; {SEE}")
        if len(found) > 1:
            ids = ", ".join(space.space_id for space in found)
            text = f"{len(found)} wiki spaces are called {scope!r}"
            problem = Problem(
                f"mappings/{self.settings.name}.yaml", 0, "scope", text, f"write the number of one: {ids}"
            )
            raise ConfigError([problem])
        return found[0]


def _named(scope: str, spaces: Sequence[Space]) -> list[Space]:
    return [space for space in spaces if scope in (space.space_id, space.name)]


def _lies_in(node: dict[str, Any], space_id: str) -> bool:
    return str(node.get("space_id") or space_id) == space_id


def _may_have_changed(node: dict[str, Any], since: datetime) -> bool:
    """Feishu tells the second; what tells none is read."""
    at = instant_from_s(node.get("obj_edit_time"))
    return at is None or at >= since.replace(microsecond=0)


def _is_missing(error: NotFound | AccessDenied) -> bool:
    """Whether one page is gone or hidden, and not the application shut out."""
    return isinstance(error, NotFound) or error.data.get("code") in HIDDEN


def _check_stream(stream: str) -> None:
    if stream != PAGES:
        raise Refused(f"a wiki of Feishu has no stream {stream!r}, only {PAGES!r}")
