"""JQL text to a query value: clauses, AND, OR, NOT, parentheses and ORDER BY, with Jira's words for what is wrong.

NOT is pushed into the clauses while reading, as Jira does: that is why a negated clause also drops EMPTY rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

NEGATED = {
    "=": "!=", "!=": "=", "~": "!~", "!~": "~", ">": "<=", "<=": ">", "<": ">=", ">=": "<",
    "in": "not in", "not in": "in", "is": "is not", "is not": "is",
}  # fmt: skip
RESERVED_WORDS = frozenset(
    {"and", "or", "not", "in", "is", "order", "by", "empty", "null", "was", "changed", "asc", "desc"}
)
RESERVED_CHARACTERS = "{}*/%+$#@?;^"
OPERATOR_HELP = "The valid operators are '=', '!=', '<', '>', '<=', '>=', '~', '!~', 'IN', 'NOT IN', 'IS' and 'IS NOT'."
TOKEN = re.compile(
    r"""\s*(?:(?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?P<symbol>>=|<=|!=|!~|&&|\|\||[=~<>(),!&|])"""
    r"""|(?P<word>[^\s"'=!~<>(),&|]+))"""
)


class JqlError(ValueError):
    """The query is not one; the message is Jira's."""


@dataclass(frozen=True)
class Token:
    text: str
    at: int
    is_quoted: bool = False

    def says(self, *words: str) -> bool:
        return not self.is_quoted and self.text.lower() in words


@dataclass(frozen=True)
class Operand:
    """One value: a literal, EMPTY, or a function with its arguments."""

    text: str
    is_quoted: bool = False
    is_empty: bool = False
    arguments: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Clause:
    field: str
    operator: str
    values: tuple[Operand, ...]


@dataclass(frozen=True)
class Group:
    """Clauses joined by one word; ``is_all`` is AND."""

    is_all: bool
    parts: tuple[Clause | Group, ...]


@dataclass(frozen=True)
class Query:
    where: Clause | Group | None
    order: tuple[tuple[str, bool], ...]  # (field, is descending)


def query_from_text(text: str) -> Query:
    """Read JQL. Raises JqlError with Jira's own sentence."""
    reader = _Reader(_tokens(text))
    where = None if reader.at_end() or reader.sees("order") else reader.any_of(is_negated=False)
    order = reader.order()
    if not reader.at_end():
        token = reader.token()
        raise JqlError(
            f"Error in the JQL Query: Expecting either 'OR' or 'AND' but got '{token.text}'. {_place(token)}"
        )
    return Query(where, order)


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if not match:
            raise JqlError(
                f"Error in the JQL Query: The quoted string has not been completed. (line 1, character {position + 1})"
            )
        start = match.start(match.lastgroup or 0)
        if quoted := match["quoted"]:
            tokens.append(Token(re.sub(r"\\(.)", r"\1", quoted[1:-1]), start, is_quoted=True))
        else:
            tokens.append(Token(_checked(match["word"] or match["symbol"], start), start))
        position = match.end()
    return tokens


def _checked(word: str, start: int) -> str:
    for offset, character in enumerate(word):
        if character in RESERVED_CHARACTERS and not re.fullmatch(r"-?\d{4}/\d{1,2}/\d{1,2}", word):
            raise JqlError(
                f"Error in the JQL Query: The character '{character}' is a reserved JQL character. You must enclose it in a "
                f"string or use the escape '\\u{ord(character):04x}' instead. (line 1, character {start + offset + 1})"
            )
    return word


def _place(token: Token) -> str:
    return f"(line 1, character {token.at + 1})"


class _Reader:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0

    def at_end(self) -> bool:
        return self._next >= len(self._tokens)

    def sees(self, *words: str) -> bool:
        return not self.at_end() and self._tokens[self._next].says(*words)

    def token(self, wanted: str = "a value") -> Token:
        if self.at_end():
            raise JqlError(f"Error in the JQL Query: Expecting {wanted} before the end of the query.")
        self._next += 1
        return self._tokens[self._next - 1]

    def skip(self, *words: str) -> bool:
        if self.sees(*words):
            self._next += 1
            return True
        return False

    def expect(self, word: str) -> None:
        token = self.token(f"'{word}'")
        if not token.says(word):
            raise JqlError(f"Error in the JQL Query: Expecting '{word}' but got '{token.text}'. {_place(token)}")

    def any_of(self, *, is_negated: bool) -> Clause | Group:
        parts = [self.all_of(is_negated=is_negated)]
        while self.skip("or", "||", "|"):
            parts.append(self.all_of(is_negated=is_negated))
        return parts[0] if len(parts) == 1 else Group(is_negated, tuple(parts))

    def all_of(self, *, is_negated: bool) -> Clause | Group:
        parts = [self.one(is_negated=is_negated)]
        while self.skip("and", "&&", "&"):
            parts.append(self.one(is_negated=is_negated))
        return parts[0] if len(parts) == 1 else Group(not is_negated, tuple(parts))

    def one(self, *, is_negated: bool) -> Clause | Group:
        if self.skip("not", "!"):
            return self.one(is_negated=not is_negated)
        if self.skip("("):
            inside = self.any_of(is_negated=is_negated)
            self.expect(")")
            return inside
        return self.clause(is_negated=is_negated)

    def clause(self, *, is_negated: bool) -> Clause:
        field = self.token("a field name")
        if not field.is_quoted and (field.text.lower() in RESERVED_WORDS or field.text in "=!~<>(),>=<=!=!~"):
            raise JqlError(
                f"Error in the JQL Query: Expecting a field name but got '{field.text}'. You must surround "
                f"'{field.text}' in quotation marks to use it as a field name. {_place(field)}"
            )
        operator = self.operator(field)
        is_many = operator in ("in", "not in")
        values = self.values() if is_many else (self.value(),)
        if operator in ("is", "is not") and not values[0].is_empty:
            raise JqlError(f"The operator '{operator}' is only for EMPTY and NULL, not for '{values[0].text}'.")
        return Clause(field.text, NEGATED[operator] if is_negated else operator, values)

    def operator(self, field: Token) -> str:
        if self.at_end():
            raise JqlError(f"Error in the JQL Query: Expecting operator before the end of the query. {OPERATOR_HELP}")
        token = self.token()
        if token.says("not"):
            self.expect("in")
            return "not in"
        if token.says("is"):
            return "is not" if self.skip("not") else "is"
        if token.says("was", "changed"):
            raise JqlError(f"The sandbox cannot search the history of '{field.text}' ('{token.text}').")
        if token.is_quoted or token.text.lower() not in NEGATED:
            raise JqlError(
                f"Error in the JQL Query: Expecting operator but got '{token.text}'. {OPERATOR_HELP} {_place(token)}"
            )
        return token.text.lower()

    def values(self) -> tuple[Operand, ...]:
        if not self.sees("("):
            return (self.value(),)  # a function that gives a list stands without parentheses
        self.expect("(")
        values = [self.value()]
        while self.skip(","):
            values.append(self.value())
        self.expect(")")
        return tuple(values)

    def value(self) -> Operand:
        token = self.token("either a value, list or function")
        if token.says("empty", "null"):
            return Operand(token.text, is_empty=True)
        if not token.is_quoted and token.text.lower() in RESERVED_WORDS:
            raise JqlError(
                f"Error in the JQL Query: '{token.text}' is a reserved JQL word. You must surround it in quotation marks "
                f"to use it in a query. {_place(token)}"
            )
        if not token.is_quoted and not re.match(r"[\w\-.\[\]:]", token.text):
            raise JqlError(
                f"Error in the JQL Query: Expecting either a value, list or function but got '{token.text}'. "
                f"You must surround '{token.text}' in quotation marks to use it as a value. {_place(token)}"
            )
        if not token.is_quoted and self.skip("("):
            arguments = []
            while not self.sees(")"):
                arguments.append(self.token("')'").text)
                self.skip(",")
            self.expect(")")
            return Operand(token.text, arguments=tuple(arguments))
        return Operand(token.text, is_quoted=token.is_quoted)

    def order(self) -> tuple[tuple[str, bool], ...]:
        if not self.skip("order"):
            return ()
        self.expect("by")
        fields = [self.sort_field()]
        while self.skip(","):
            fields.append(self.sort_field())
        return tuple(fields)

    def sort_field(self) -> tuple[str, bool]:
        field = self.token("a field name").text
        if self.skip("desc"):
            return field, True
        self.skip("asc")
        return field, False
