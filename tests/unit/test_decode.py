"""What cannot be read is told without keeping it: an exception that holds the answer would hold an echoed secret too."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connectors.confluence.source import _light
from connectors.feishu.frames import decoded as frame_from
from connectors.jira.records import light_issue
from connectors.powerbi.tables import decoded as numbers_from
from connectors.trello.records import head_from_action, head_from_card
from sync.core.decode import decoded
from sync.core.errors import Nonsense
from sync.remote import Reply

CANARY = b"canary-5f1d"
BROKEN = {
    "not UTF-8": b'{"id": "' + CANARY + b'\xff"}',
    "not JSON": b"<html>" + CANARY,
    "cut off": b'{"id": "' + CANARY,
    "nested without end": b'["' + CANARY + b'",' + b"[" * 100_000,
}
READERS: dict[str, Callable[[bytes], object]] = {
    "core": decoded,
    "reply": lambda body: Reply(200, {}, body).read(),
    "confluence": _light,
    "jira": light_issue,
    "powerbi": numbers_from,
    "trello card": head_from_card,
    "trello action": head_from_action,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("body", BROKEN)
def test_the_error_keeps_no_exception_that_holds_the_answer(reader: str, body: str) -> None:
    with pytest.raises(Nonsense) as caught:
        READERS[reader](BROKEN[body])
    assert not any(_holds_canary(error) for error in _chain(caught.value))


def test_a_broken_frame_of_a_long_connection_is_not_kept_either() -> None:
    with pytest.raises(Nonsense) as caught:
        frame_from(b"\x32\x0c" + CANARY + b"\xff")
    assert not any(_holds_canary(error) for error in _chain(caught.value))


def _chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *_chain(error.__cause__), *_chain(error.__context__)]


def _holds_canary(error: BaseException) -> bool:
    kept = (
        [str(error)]
        if isinstance(error, Nonsense)
        else [str(error), error.args, vars(error), getattr(error, "object", "")]
    )
    return CANARY.decode() in repr(kept)
