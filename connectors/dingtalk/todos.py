"""The Source port over todos 待办: what people of the scopes have to do, each once however many carry it out.

A list tells when a todo was changed, but neither its description nor whoever else it is for, so each that changed is read by itself.
Everything is read once a day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal
from urllib.parse import quote

from msgspec import Struct, field

from connectors.dingtalk.answers import APP, CONSOLE
from connectors.dingtalk.doctor import PEOPLE
from connectors.dingtalk.people import ROOT
from connectors.dingtalk.records import DONE, OPEN, TASK, raw_from_todo
from connectors.dingtalk.scopes import Person, ScopePeople
from connectors.dingtalk.site import Site
from sync.core.errors import Nonsense, NotFound, Refused
from sync.core.instants import instant_from_ms
from sync.core.ports import ConnectionSettings, Cursor, Probe, Shard, SiteIdentity, Stream
from sync.core.probing import tried
from sync.core.values import Account, RawRecord
from sync.core.vocabulary import Vocabulary
from sync.tokens import Token

TODOS = "todos"
FEW, MOST, SAME_PAGES = 20, 20, 5
READ = f"{CONSOLE}：开通 Todo.Todo.Read（待办应用中待办读权限），再发布应用版本"
READ_ALL = (
    f"{CONSOLE}：开通 Custom.Todo.Read（要专属钉钉）和 Todo.Todo.Read，再发布应用版本；没有就去掉 all_applications"
)


class Listed(Struct):
    """A todo as people's lists tell it: ``executors`` are those in whose lists it stands."""

    changed: datetime | None
    creator: str
    executors: list[str] = field(default_factory=list)

    @property
    def readers(self) -> list[str]:
        """Who may read it by itself, the likeliest first."""
        return [one for one in dict.fromkeys([*self.executors, self.creator]) if one]


class TodoSource:
    """Reads the todos of people in the mapping's scopes. One that stands in the lists of two scopes belongs to the first of them."""

    site: Site
    settings: ConnectionSettings
    people: ScopePeople

    def identify(self) -> SiteIdentity:
        """The application; unionIds are its developer's."""
        self.site.new_token.get(is_fresh=True)
        client = self.site.client_id
        return SiteIdentity(f"dingtalk-todo:{client}", Account(client, f"application {client}"), self.settings.zone)

    def vocabulary(self) -> Vocabulary:
        """The departments that are visible, and those people who are scopes themselves; a todo is done or not."""
        names = {str(ROOT): "全公司", **{str(key): name for key, name in self.people.departments().items()}}
        for scope in self.settings.scopes:
            if scope not in (*names, *names.values()) and (somebody := self.people.somebody(scope)):
                names[scope] = somebody
        return Vocabulary(statuses=(DONE, OPEN), scopes=names)

    def probes(self) -> Iterator[Probe]:
        """The sign-in to both APIs, and each scope with its people and their todos."""
        for name, token in (("", self.site.new_token), (" (old API)", self.site.old_token)):
            yield (signed_in := tried(f"sign in{name}", APP, partial(self._sign_in, token)))
            if not signed_in.is_ok:
                return
        cure = READ_ALL if self._is_for_all else READ
        for scope in self.settings.scopes:
            yield (read := tried(f"read people of {scope}", PEOPLE, partial(self._count, scope)))
            if read.is_ok:
                yield tried(f"read todos of {scope}", cure, partial(self._look, scope))

    def _sign_in(self, token: Token) -> str:
        token.get(is_fresh=True)
        return self.site.client_id

    def _count(self, scope: str) -> str:
        return f"{len(self.people.of(scope))} people"

    def _look(self, scope: str) -> str:
        first = next(iter(self.people.of(scope).items()), None)
        if first is None:
            return "there is nobody in it"
        return f"{len(next(self._cards(first[0], False)))} or more open todos of {first[1]['name']}"

    def streams(self) -> Sequence[Stream]:
        """One. Whether everything that happens to a todo moves its time is not published, so all are read again once a day."""
        return (Stream(TODOS, TASK, rereads_after_h=float(self.settings.options.get("reread_hours", 24))),)

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The todos that changed, in groups."""
        _check_stream(stream)
        overlap = timedelta(minutes=float(self.settings.options.get("overlap_minutes", 10)))
        since = cursor.since - overlap if cursor else None
        people = self.people.of(scope)
        listed = self._listed(scope, people)
        wanted = [key for key, item in listed.items() if since is None or item.changed is None or item.changed >= since]
        yield from _groups(stream, scope, wanted, listed, people)

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The todos of a shard. One that is gone is left out; the census will tell."""
        _check_stream(shard.stream)
        at, where = datetime.now(UTC), shard.position
        people = _mapping(where.get("people"))
        found = []
        for key in dict.fromkeys(shard.ids):
            executors = _mapping(where.get("executors")).get(key) or []
            todo = self._todo(key, _mapping(where.get("readers")).get(key) or people)
            if todo is None:
                continue
            found.append(raw_from_todo(todo, executors, people, self.settings.name, shard.scope, at))
        yield found

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these todos by id, through whoever has them in their lists now."""
        _check_stream(stream)
        people = self.people.of(scope)
        yield from _groups(stream, scope, list(dict.fromkeys(ids)), self._listed(scope, people), people)

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """The ids of the todos in people's lists: all that are open, and those done in the last 180 days."""
        _check_stream(stream)
        yield list(self._listed(scope, self.people.of(scope)))

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why a todo is missing, by a direct read. A done one leaves the lists in time (``archived``), an open one with its last executor
        of the scopes (``moved``)."""
        _check_stream(stream)
        scopes = [self.people.of(scope) for scope in self.settings.scopes]
        try:
            todo = self._todo(item_id, dict.fromkeys(union_id for people in scopes for union_id in people))
        except Refused:  # not published: what DingTalk says to somebody who is not on it
            return "hidden"
        if todo is None:
            return "deleted"
        if any(item_id in self._lists(people) for people in scopes):
            return "here"
        return "archived" if todo.get("done") is True else "moved"

    # -- asking

    @property
    def _is_for_all(self) -> bool:
        return bool(self.settings.options.get("all_applications"))

    def _todo(self, key: str, readers: Iterable[str]) -> dict[str, Any] | None:
        """As the first of these reads it who may; None where to all of them there is none. Raises Refused where nobody reads it, and to
        somebody DingTalk says something else."""
        refused: Refused | None = None
        for union_id in readers:
            path = f"todo/users/{quote(union_id, safe='')}/tasks/{quote(key, safe='')}"
            try:
                said = self.site.ask("GET", path)
            except NotFound:
                continue
            except Refused as error:
                refused = error
                continue
            if str(said.get("id") or "") != key:
                raise Nonsense(expected="the todo that was asked for", sample=said)
            return dict(said)
        if refused:
            raise refused
        return None

    def _listed(self, scope: str, people: Mapping[str, Person]) -> dict[str, Listed]:
        """What belongs to the scope: all in its people's lists but what stands in those of a scope before it."""
        scopes = self.settings.scopes
        earlier = scopes[: scopes.index(scope)] if scope in scopes else ()
        before = dict.fromkeys(union_id for other in earlier for union_id in self.people.of(other))
        found = self._lists(one for one in people if one not in before)
        taken = self._lists(before) if found else {}
        return {key: item for key, item in found.items() if key not in taken}

    def _lists(self, people: Iterable[str]) -> dict[str, Listed]:
        found: dict[str, Listed] = {}
        for union_id in people:
            for is_done in (False, True):
                for card in (card for page in self._cards(union_id, is_done) for card in page):
                    changed, creator = instant_from_ms(card.get("modifiedTime")), str(card.get("creatorId") or "")
                    item = found.setdefault(str(card["taskId"]), Listed(changed, creator))
                    if union_id not in item.executors:
                        item.executors.append(union_id)
        return found

    def _cards(self, union_id: str, is_done: bool) -> Iterator[list[dict[str, Any]]]:
        """What this person carries out, page by page. What is only to be read (待阅) is no task."""
        which = "organizations" if self._is_for_all else "org"
        body: dict[str, Any] = {"isDone": is_done, "roleTypes": [["executor"]]}
        if self._is_for_all:
            body |= {"maxResults": MOST, "needPersonalTodo": bool(self.settings.options.get("personal"))}
        token, tries = "0", 0
        while True:
            path = f"todo/users/{quote(union_id, safe='')}/{which}/tasks/query"
            said = self.site.ask("POST", path, {**body, "nextToken": token}, is_safe=True)
            yield [card for card in _all_cards(said) if card.get("todoType") != "READ"]
            following = str(said.get("nextToken") or "0")
            if following == "0":
                return
            tries = tries + 1 if following == token else 0
            if tries > SAME_PAGES:
                raise Nonsense(expected="another page", found="the same nextToken again and again")
            token = following


def _groups(
    stream: str, scope: str, keys: list[str], listed: dict[str, Listed], people: Mapping[str, Person]
) -> Iterator[Shard]:
    """Shards that can be read alone: they know who reads what, and what people are called."""
    for start in range(0, len(keys), FEW):
        group = tuple(keys[start : start + FEW])
        position = {
            "people": people,
            "readers": {key: listed[key].readers for key in group if key in listed},
            "executors": {key: listed[key].executors for key in group if key in listed},
        }
        yield Shard(stream, scope, ids=group, position=position)


def _all_cards(said: Mapping[str, Any]) -> list[dict[str, Any]]:
    cards = said.get("todoCards")
    if cards is None:
        return []
    if not isinstance(cards, list) or not all(isinstance(card, dict) and card.get("taskId") for card in cards):
        raise Nonsense(expected="todos with a taskId", sample=cards)
    return cards


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _check_stream(stream: str) -> None:
    if stream != TODOS:
        raise Refused(f"todos of DingTalk have no stream {stream!r}, only {TODOS!r}")
