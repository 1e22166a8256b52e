"""Regular expressions that an admin writes: only those that cannot run away are let in. Pure.

Python's ``re`` has no time limit, so what makes backtracking explode is refused by shape, and texts are matched in short pieces.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

MAX_PATTERN = 300
MAX_TEXT = 10_000
PIECE = 200
OVERLAP = 80
_MAX_COST = (
    PIECE + 1
) ** 2  # two open repeats; with every start that is 200³/6 steps a piece, well under a second a text
_ALPHABET = [chr(code) for code in range(9, 127)] + list("依赖：，　é任务")
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_CATEGORIES = {
    sre.CATEGORY_DIGIT: r"\d", sre.CATEGORY_NOT_DIGIT: r"\D", sre.CATEGORY_SPACE: r"\s",
    sre.CATEGORY_NOT_SPACE: r"\S", sre.CATEGORY_WORD: r"\w", sre.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip


class BadPattern(ValueError):
    """The pattern cannot be used. The message says why."""


@lru_cache(maxsize=512)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern, ignoring case. Raises BadPattern when it is wrong, has no group ``key``, or could run for ages."""
    if len(pattern) > MAX_PATTERN:
        raise BadPattern(f"longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # Python warns of what it will read otherwise one day: "[[:alpha:]]"
            expression = re.compile(pattern, re.IGNORECASE)
            tree = sre_parser.parse(pattern, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise BadPattern(f"not a regular expression: {error}") from error
    if "key" not in expression.groupindex:
        raise BadPattern("has no group (?P<key>…) for the task's key or URL")
    if _cost(list(tree), set()) > _MAX_COST:
        raise BadPattern("could run for ages: too many repeats can trade characters with what follows them")
    return expression


def keys_in(pattern: str, text: str) -> Iterator[str]:
    """What the group ``key`` matches in the text, each once, line by line."""
    seen: set[str] = set()
    for piece in _pieces(text[:MAX_TEXT]):
        for found in compiled(pattern).finditer(piece):
            key = (found["key"] or "").strip()
            if key and key not in seen:
                seen.add(key)
                yield key


def _pieces(text: str) -> Iterator[str]:
    for line in text.splitlines():
        for start in range(0, max(1, len(line)), PIECE - OVERLAP):
            yield line[start : start + PIECE]
            if start + PIECE >= len(line):
                break


def _cost(items: list[tuple[Any, Any]], after: set[str]) -> int:
    """In how many ways the pieces may share out one text, about: the product over repeats whose end is not fixed by what follows.

    ``after`` are the characters that may come next behind the pieces. Raises BadPattern for repeats inside repeats.
    """
    cost = 1
    for number, (operation, argument) in enumerate(items):
        following = _first_characters(items[number + 1 :], after)
        if operation in _REPEATS:
            least, most, body = argument
            if most > 1:
                _refuse_inside_repeat(list(body))
            is_open = least != most and _characters(list(body)) & following
            cost *= (min(most, PIECE) - least + 1 if is_open else 1) * _cost(list(body), following)
        elif operation is sre.SUBPATTERN:
            cost *= _cost(list(argument[-1]), following)
        elif operation is sre.BRANCH:
            cost *= max(_cost(list(branch), following) for branch in argument[1])
        elif operation in (sre.GROUPREF, sre.GROUPREF_EXISTS):
            raise BadPattern("refers back to a group, which could run for ages")
        elif operation in (sre.ASSERT, sre.ASSERT_NOT):
            cost *= _cost(list(argument[1]), set())
    return cost


def _refuse_inside_repeat(body: list[tuple[Any, Any]]) -> None:
    for operation, argument in body:
        if operation in _REPEATS or operation is sre.BRANCH:
            raise BadPattern("has a repeat or a choice inside a repeat, which could run for ages")
        if operation is sre.SUBPATTERN:
            _refuse_inside_repeat(list(argument[-1]))


def _first_characters(items: list[tuple[Any, Any]], after: set[str]) -> set[str]:
    """Every character that may come next; none at the end of the pattern, where nothing more has to match."""
    found: set[str] = set()
    for operation, argument in items:
        if operation in _REPEATS and argument[0] == 0:
            found |= _characters(list(argument[2]))
            continue
        return found | _characters([(operation, argument)])
    return found | after


def _characters(items: list[tuple[Any, Any]]) -> set[str]:
    """The characters of a small alphabet that these pieces can match anywhere; all of it where it is not plain."""
    found: set[str] = set()
    for operation, argument in items:
        if operation is sre.LITERAL:
            found |= {chr(argument).lower(), chr(argument).upper()}
        elif operation is sre.NOT_LITERAL:
            found |= set(_ALPHABET) - {chr(argument)}
        elif operation is sre.IN:
            found |= _characters_of_set(argument)
        elif operation is sre.SUBPATTERN:
            found |= _characters(list(argument[-1]))
        elif operation in _REPEATS:
            found |= _characters(list(argument[2]))
        elif operation is sre.BRANCH:
            found |= {letter for branch in argument[1] for letter in _characters(list(branch))}
        else:
            found |= set(_ALPHABET)
    return found


def _characters_of_set(members: list[tuple[Any, Any]]) -> set[str]:
    found: set[str] = set()
    for operation, argument in members:
        if operation is sre.LITERAL:
            found |= {chr(argument).lower(), chr(argument).upper()}
        elif operation is sre.RANGE:
            low, high = argument
            found |= {
                letter for letter in _ALPHABET for form in (letter.lower(), letter.upper()) if low <= ord(form) <= high
            }
        elif operation is sre.CATEGORY:
            found |= {letter for letter in _ALPHABET if re.match(_CATEGORIES[argument], letter)}
    is_negated = bool(members) and members[0][0] is sre.NEGATE
    return set(_ALPHABET) - found if is_negated else found
