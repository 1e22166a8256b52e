"""CQL: parse a query, and match it against what the index knows of a page, attachment or comment.

Precision is the minute, as the vendor's; ``now("-40m")`` counts from the current minute (capital M is a month).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

from sandbox.confluence.errors import bad_request

_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<op>>=|<=|!=|!~|=|~|>|<|\(|\)|,)|(?P<word>[^\s=!~<>(),"']+))"""
)
_UNITS = {"y": timedelta(days=365), "M": timedelta(days=30), "w": timedelta(weeks=1), "d": timedelta(days=1)} | {
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
}
_DATES = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")
TEXT_FIELDS = {"title", "text", "sitesearch", "user.fullname"}
DATE_FIELDS = {"lastmodified", "created"}
FIELDS = TEXT_FIELDS | DATE_FIELDS | {"space", "space.key", "type", "label", "ancestor", "parent", "id", "content"}
FIELDS |= {"creator", "contributor", "user", "container"}
_ALIASES = {"space.key": "space", "content": "id", "sitesearch": "text", "contributor.fullname": "contributor"}


class Entry(Protocol):
    """What the index holds of one piece of content, by field; asked only for what the query names."""

    def values(self, field: str) -> Iterable[str]: ...

    def text(self, field: str) -> str: ...

    def date(self, field: str) -> datetime | None: ...


Test = Callable[[Entry], bool]


@dataclass(frozen=True)
class Query:
    test: Test
    order: tuple[tuple[str, bool], ...]  # (field, is_descending)


class _Tokens:
    def __init__(self, text: str) -> None:
        self.text = text
        self.items: list[tuple[str, str]] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise self.error()
            self.items.append((match.lastgroup or "", match.group(match.lastgroup or 0)))
            position = match.end()

    def error(self) -> Exception:
        return bad_request(f"Could not parse cql : {self.text}")

    def peek(self) -> str:
        """The next word or operator in lower case; empty at the end and for quoted strings."""
        return self.items[0][1].lower() if self.items and self.items[0][0] != "string" else ""

    def take(self) -> tuple[str, str]:
        if not self.items:
            raise self.error()
        return self.items.pop(0)

    def expect(self, word: str) -> None:
        if self.peek() != word:
            raise self.error()
        self.take()


class _Parser:
    def __init__(self, text: str, now: datetime, zone: tzinfo, current_user: str) -> None:
        self.tokens = _Tokens(text)
        self.now = now.replace(second=0, microsecond=0)
        self.zone = zone
        self.current_user = current_user

    def query(self) -> Query:
        test = self.either() if self.tokens.peek() not in ("order", "") or self.tokens.items else None
        order = self.order()
        if test is None or self.tokens.items:
            raise self.tokens.error()
        return Query(test, order)

    def either(self) -> Test:
        tests = [self.both()]
        while self.tokens.peek() == "or":
            self.tokens.take()
            tests.append(self.both())
        return lambda entry: any(test(entry) for test in tests)

    def both(self) -> Test:
        tests = [self.factor()]
        while self.tokens.peek() == "and":
            self.tokens.take()
            tests.append(self.factor())
        return lambda entry: all(test(entry) for test in tests)

    def factor(self) -> Test:
        if self.tokens.peek() == "not":
            self.tokens.take()
            inner = self.factor()
            return lambda entry: not inner(entry)
        if self.tokens.peek() == "(":
            self.tokens.take()
            inner = self.either()
            self.tokens.expect(")")
            return inner
        return self.clause()

    def clause(self) -> Test:
        field = self.tokens.take()[1].lower()
        if field not in FIELDS:
            raise bad_request(f"Could not parse cql : field '{field}' does not exist or cannot be searched")
        field = _ALIASES.get(field, field)
        kind, operator = self.tokens.take()
        operator = operator.lower()
        if operator == "not":
            self.tokens.expect("in")
            operator = "not in"
        if operator in ("in", "not in"):
            values = {value.casefold() for value in self.value_list()}
            return _negated(lambda entry: bool(_folded(entry, field) & values), operator == "not in")
        if kind != "op" or operator in ("(", ")", ","):
            raise self.tokens.error()
        if field in DATE_FIELDS:
            return self.date_clause(field, operator)
        if operator not in ("=", "!=", "~", "!~"):
            raise self.tokens.error()
        return _text_clause(field, operator, self.value())

    def date_clause(self, field: str, operator: str) -> Test:
        wanted = self.date()

        def minute(entry: Entry) -> datetime | None:
            found = entry.date(field)
            return found.replace(second=0, microsecond=0) if found else None

        comparisons: dict[str, Callable[[datetime], bool]] = {
            "=": lambda found: found == wanted,
            "!=": lambda found: found != wanted,
            ">": lambda found: found > wanted,
            ">=": lambda found: found >= wanted,
            "<": lambda found: found < wanted,
            "<=": lambda found: found <= wanted,
        }
        if operator not in comparisons:
            raise self.tokens.error()
        compare = comparisons[operator]
        return lambda entry: (found := minute(entry)) is not None and compare(found)

    def value(self) -> str:
        kind, text = self.tokens.take()
        if kind == "op":
            raise self.tokens.error()
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if text.lower() == "currentuser" and self.tokens.peek() == "(":
            self.tokens.take()
            self.tokens.expect(")")
            return self.current_user
        return text

    def value_list(self) -> list[str]:
        self.tokens.expect("(")
        values = [self.value()]
        while self.tokens.peek() == ",":
            self.tokens.take()
            values.append(self.value())
        self.tokens.expect(")")
        return values

    def date(self) -> datetime:
        """A literal in the site's zone, or now(...) / startOfDay(...) with an offset."""
        if (
            self.tokens.peek() in ("now", "startofday")
            and len(self.tokens.items) > 1
            and self.tokens.items[1][1] == "("
        ):
            name = self.tokens.take()[1].lower()
            self.tokens.take()
            offset = self.value() if self.tokens.peek() != ")" else "0m"
            self.tokens.expect(")")
            start = self.now
            if name == "startofday":
                start = start.astimezone(self.zone).replace(hour=0, minute=0)
            return (start + self.offset(offset)).astimezone(UTC)
        text = self.value()
        for form in _DATES:
            try:
                return datetime.strptime(text, form).replace(tzinfo=self.zone).astimezone(UTC)
            except ValueError:
                continue
        raise bad_request(f"Could not parse cql : '{text}' is not a date in the form yyyy-MM-dd HH:mm")

    def offset(self, text: str) -> timedelta:
        match = re.fullmatch(r"([+-]?\d+)([yMwdhm])?", text)
        if match is None:
            raise self.tokens.error()
        return int(match[1]) * _UNITS[match[2] or "d"]

    def order(self) -> tuple[tuple[str, bool], ...]:
        if self.tokens.peek() != "order":
            return ()
        self.tokens.take()
        self.tokens.expect("by")
        found: list[tuple[str, bool]] = []
        while True:
            field = self.tokens.take()[1].lower()
            if field not in DATE_FIELDS | {"title", "id", "type", "space"}:
                raise self.tokens.error()
            direction = self.tokens.take()[1].lower() if self.tokens.peek() in ("asc", "desc") else "asc"
            found.append((field, direction == "desc"))
            if self.tokens.peek() != ",":
                return tuple(found)
            self.tokens.take()


def _negated(test: Test, is_negated: bool) -> Test:
    return (lambda entry: not test(entry)) if is_negated else test


def _folded(entry: Entry, field: str) -> set[str]:
    return {value.casefold() for value in entry.values(field)}


def _text_clause(field: str, operator: str, value: str) -> Test:
    """``~`` asks for every word, with ``*`` as wildcard; ``=`` for the whole value, case aside (as the index keeps it)."""
    if operator in ("~", "!~"):
        words = [re.escape(word).replace(r"\*", ".*") for word in value.casefold().replace('"', " ").split()]
        patterns = [re.compile(word) for word in words]

        def contains(entry: Entry) -> bool:
            text = entry.text(field).casefold()
            return all(pattern.search(text) for pattern in patterns)

        return _negated(contains, operator == "!~")
    if field in TEXT_FIELDS:
        return _negated(lambda entry: entry.text(field).casefold() == value.casefold(), operator == "!=")
    return _negated(lambda entry: value.casefold() in _folded(entry, field), operator == "!=")


def parse_cql(text: str, *, now: datetime, zone: tzinfo = UTC, current_user: str = "") -> Query:
    """The query, or the vendor's 400 for one that cannot be parsed."""
    if not text.strip():
        raise bad_request("Could not parse cql : query is empty")
    return _Parser(text, now, zone, current_user).query()


def search_words(text: str) -> list[str]:
    """The words that ``~`` clauses ask for: what an excerpt highlights."""
    return [word for match in re.findall(r'~\s*"?([^"()]+)"?', text) for word in match.replace("*", "").split()]
