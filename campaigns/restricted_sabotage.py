"""Ways to break the product on purpose that the campaign of restricted records must notice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from importlib import import_module
from typing import Any
from unittest.mock import patch

from msgspec.structs import replace

from connectors.trello import boards
from sync.cli import cycle, explain, findings_text, listings, raw
from sync.core import disclosure
from sync.core.values import Task
from sync.core.view import View

# By name: each job's package has a function of the same name.
baseline, delays, retrospectives, status_view = (
    import_module(f"jobs.{name}.judge") for name in ("baseline", "delays", "retrospectives", "status_view")
)
digests, digest_facts = import_module("jobs.digests.judge"), import_module("jobs.digests.facts")
plain_shown = disclosure.shown


@contextmanager
def _patched(*places: tuple[Any, str, Any]) -> Iterator[None]:
    with ExitStack() as stack:
        for owner, name, broken in places:
            stack.enter_context(patch.object(owner, name, broken))
        yield


def quote_restricted_title() -> AbstractContextManager[None]:
    """The one place that decides returns the title, and nothing else of it."""
    plain = disclosure.shown

    def shown(view: Any, task: Any, language: Any) -> disclosure.Shown:
        item = plain(view, task, language)
        return replace(item, title=task.title) if item.is_restricted else item

    modules = (disclosure, delays, status_view, baseline, retrospectives, listings, findings_text, explain)
    return _patched(*((module, "shown", shown) for module in modules))


def forget_mask_on_close() -> AbstractContextManager[None]:
    """A text that stays, or that closes a story, names what has become restricted since."""

    def masked(_view: Any, _task: Any, said: Mapping[str, Any], _language: Any) -> Mapping[str, Any]:
        return said

    return _patched((delays, "_masked", masked), (retrospectives, "_masked", lambda _view, said, _language: said))


def digests_quote() -> AbstractContextManager[None]:
    """What people are told in their own chats names restricted tasks, as their owners are among them."""
    return _patched(
        (digest_facts, "shown", lambda view, task, words: plain_shown(view, replace(task, visibility="open"), words))
    )


def digests_stay_as_said() -> AbstractContextManager[None]:
    """What was told in chats stays when a task becomes restricted."""
    return _patched((digests, "masked", lambda _view, facts: facts))


def name_the_owner() -> AbstractContextManager[None]:
    """Whom to ask is the restricted record's own owner."""
    plain = disclosure.shown

    def shown(view: Any, task: Any, language: Any) -> disclosure.Shown:
        item = plain(view, task, language)
        if not item.is_restricted:
            return item
        return disclosure.Shown(
            item.title, "", "", disclosure.person_name(view, task.owner, language), "", is_restricted=True
        )

    return _patched(*((module, "shown", shown) for module in (delays, status_view)))


def link_restricted() -> AbstractContextManager[None]:
    """Links are written for restricted records as for all others."""
    plain = delays._links

    def links(view: View, dependency: Any, published: Any) -> Any:
        tasks: dict[Any, Task] = {ref: replace(task, visibility="open") for ref, task in view.tasks.items()}
        return plain(replace(view, tasks=tasks), dependency, published)

    return _patched((delays, "_links", links))


def undo_says_it_again() -> AbstractContextManager[None]:
    """What is put back, listed or explained is not looked at again."""
    return _patched(
        (disclosure.Sayable, "may_say", lambda *_: True), (disclosure.Sayable, "may_repeat", lambda *_: True)
    )


def export_everything() -> AbstractContextManager[None]:
    """An export goes by the record's own visibility only."""
    return _patched((raw.Discretion, "may_leave", lambda _, record, __: record.visibility == "open"))


def boards_are_open() -> AbstractContextManager[None]:
    """A private board is taken for one that everybody sees."""
    plain = vars(boards)["board_from_answer"]
    return _patched((boards, "board_from_answer", lambda answer: replace(plain(answer), visibility="open")))


def show_plan_texts() -> AbstractContextManager[None]:
    """A plan shows the text of what it takes away."""
    plain = cycle.change_text
    return _patched(
        (cycle, "change_text", lambda change, _sayable=None: plain(change)),
        (disclosure.Sayable, "may_say_facts", lambda *_: True),
    )


def tell_addresses() -> AbstractContextManager[None]:
    """Findings, skips and listings tell where something stands, whatever stands there."""
    return _patched((disclosure.Sayable, "url_at", lambda _, __, url: url))


def keep_hidden_links() -> AbstractContextManager[None]:
    """What is hidden from us stays named in links."""
    plain = delays._kept_links
    return _patched((delays, "_kept_links", lambda view, *rest: plain(replace(view, hidden=frozenset()), *rest)))


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "quote_restricted_title": quote_restricted_title,
    "forget_mask_on_close": forget_mask_on_close,
    "digests_quote": digests_quote,
    "digests_stay_as_said": digests_stay_as_said,
    "name_the_owner": name_the_owner,
    "link_restricted": link_restricted,
    "undo_says_it_again": undo_says_it_again,
    "export_everything": export_everything,
    "boards_are_open": boards_are_open,
    "show_plan_texts": show_plan_texts,
    "tell_addresses": tell_addresses,
    "keep_hidden_links": keep_hidden_links,
}
