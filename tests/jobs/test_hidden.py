"""A task that was hidden from us is named by nothing that Tieline leaves standing; one that was moved away keeps its links."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from jobs.delays import JOB
from jobs.delays.lateness import DelaySettings
from sync.core.disclosure import Sayable, cleared
from sync.core.plan import LinkContent
from sync.core.values import Finding, Ref
from sync.core.view import View
from tests.jobs.story import API, FLOW, publish, story


def without(view: View, ref: Ref, *, is_hidden: bool) -> View:
    tasks = {key: task for key, task in view.tasks.items() if key != ref}
    return replace(view, tasks=tasks, dependencies=(), hidden=frozenset({ref} if is_hidden else ()))


@pytest.mark.parametrize("is_hidden", [True, False])
def test_a_link_to_a_hidden_task_is_not_kept(is_hidden: bool) -> None:
    published = publish(JOB.judge(story(), DelaySettings(), {}).desired)
    links = {
        key for key, entry in published.items() if entry.kind == "link" and entry.target == FLOW and str(API) in key
    }
    assert links
    kept = {
        item.key for item in JOB.judge(without(story(), API, is_hidden=is_hidden), DelaySettings(), published).desired
    }
    assert (links & kept == set()) is is_hidden


def test_what_was_said_may_be_said_again_only_while_all_it_names_is_open() -> None:
    entries = publish(JOB.judge(story(), DelaySettings(), {}).desired).values()
    is_open = Sayable(story())
    assert all(is_open.may_say(entry.content, entry.facts) for entry in entries)
    for view in (story(api={"visibility": "restricted"}), without(story(), API, is_hidden=True)):
        sayable = Sayable(view)
        naming = [entry for entry in entries if str(API) in entry.key and entry.target == FLOW]
        assert naming
        assert not any(sayable.may_say(entry.content, entry.facts) for entry in naming)
        assert not any(sayable.may_say_facts(entry.facts) for entry in naming if isinstance(entry.content, LinkContent))


def test_an_address_is_told_only_of_an_open_task() -> None:
    url = story().tasks[API].url
    finding = Finding("k", "edited", "warning", (API,), "edited", {"key": "k", "detail": f"{url}?focusedCommentId=1"})
    assert cleared(story(), finding) == finding
    assert cleared(story(api={"visibility": "restricted"}), finding).parameters["detail"] == ""
    assert Sayable(story()).url_at(FLOW, "https://trello.com/c/other/1-what-it-was-called") == ""
    assert Sayable(story()).url_at(Ref("wiki:space:TEAM"), "https://wiki/x") == "https://wiki/x"
