"""A person's words in a comment of ours that a write of ours took away unseen: they were saved between our last look and our write, at a
vendor that keeps no versions of a comment. Only a webhook still tells them; here they are kept, shown, and put back once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import cast

from msgspec.structs import replace

from sync.apply import Outcome, apply
from sync.core.hooks import Hint
from sync.core.plan import Change, CommentContent, Plan, digest_of, mark_of
from sync.core.rich_text import Block, Paragraph, Quote, RichText, Text
from sync.core.values import Finding, Language, Ref
from sync.look import Ports
from sync.noticed import ENGINE
from sync.store.comment_edits import CommentEdit, EditState
from sync.store.store import Store

WANTED: tuple[EditState, ...] = ("open", "overwritten")
KEPT_FOR = timedelta(days=7)
"""How long an edit is kept of which nothing was taken away: our write may still come, from a plan made before it."""

WORDS: dict[str, dict[Language, str]] = {
    "somebody": {"zh-CN": "有同事", "en": "Somebody"},
    "put_back": {
        "zh-CN": "{by}在 Tieline 的提醒里写过下面这段话，同一时刻 Tieline 更新了那条提醒，把它盖掉了。原话放回这里：",
        "en": "{by} wrote this into Tieline's comment at the very moment Tieline updated it, and it was overwritten. Here it is again:",
    },
}


def keep_edits(store: Store, connection: str, hints: Sequence[Hint], at: datetime) -> tuple[Hint, ...]:
    """Keep what hints tell of edits of comments that are ours, and give the hints back without it: what people write elsewhere is none
    of our business."""
    for hint in hints:
        task = Ref.of(connection, "task", hint.id or "-")
        if hint.edited is None or not hint.id or not (key := store.comment_of_ours(task, hint.edited.id)):
            continue
        state: EditState = "overwritten" if hint.edited.is_replaced else "open"
        edit = CommentEdit(connection, hint.delivery, task, key, hint.edited, hint.at, state)
        store.put_comment_edit(edit, at)
    return tuple(replace(hint, edited=None) for hint in hints)


def overwritten(store: Store) -> list[CommentEdit]:
    """The edits that a write of ours took away and that were not put back. Writes nothing."""
    return [edit for edit in store.comment_edits(WANTED) if edit.state == "overwritten" or _is_taken_away(store, edit)]


def settle_edits(store: Store, at: datetime) -> None:
    """Remember which edits were taken away, and forget old ones of which nothing was."""
    for edit in overwritten(store):
        if edit.state == "open":
            store.settle_comment_edit(replace(edit, state="overwritten"))
    store.prune_comment_edits(at - KEPT_FOR)


def _is_taken_away(store: Store, edit: CommentEdit) -> bool:
    """Whether a write of ours was planned on what stood there before the edit, and carried out after it; by the vendor's own times."""
    made = _instant(edit.edited.version)
    for entry in store.changes_of_key(edit.key) if made else ():
        seen = _instant(entry.change.expected.version) if entry.change.expected else None
        left = _instant(entry.after.written.version) if entry.after else None
        if made and seen and left and seen < made < left:
            return True
    return False


def _instant(version: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(version)
    except ValueError:
        return None
    return found if found.tzinfo else None


def overwritten_findings(edits: Sequence[CommentEdit]) -> Iterator[Finding]:
    """One finding each, without the words and their author: not everybody who reads findings may read the task."""
    for edit in edits:
        yield Finding(
            key=f"{ENGINE}:overwritten:{edit.id}",
            kind="overwritten",
            severity="warning",
            subjects=(edit.task,),
            message="overwritten",
            parameters={"id": edit.id},
        )


def put_back(
    edit: CommentEdit,
    ports: Ports,
    store: Store,
    installation: str,
    language: Language,
    run: str,
    may_go_on: Callable[[], None],
) -> Outcome:
    """Say the words again in a comment of their own, once, however often it is asked for."""
    change = _change(edit, installation, language)
    if ports.tracker(edit.connection).find_comment(edit.task, change.mark) is not None:
        store.settle_comment_edit(replace(edit, state="put_back"))
        return Outcome()
    outcome = apply(Plan((change,)), ports, store, run, may_go_on=may_go_on)
    if outcome.written:
        store.settle_comment_edit(replace(edit, state="put_back"))
    return outcome


def _change(edit: CommentEdit, installation: str, language: Language) -> Change:
    key = f"{ENGINE}:put_back:{edit.id}"
    facts = {"by": edit.edited.by, "words": edit.edited.words}
    return Change(
        operation="create",
        key=key,
        job=ENGINE,
        target=edit.task,
        kind="comment",
        content=CommentContent(_body(edit, language)),
        digest=digest_of("put_back", facts),
        message="put_back",
        facts=facts,
        reason=f"overwritten {edit.id}",
        mark=mark_of(installation, key),
    )


def _body(edit: CommentEdit, language: Language) -> RichText:
    by = edit.edited.by or WORDS["somebody"][language]
    lines = [Paragraph((Text(line),)) for line in edit.edited.words.splitlines() if line.strip()]
    return (
        Paragraph((Text(WORDS["put_back"][language].format(by=by)),)),
        Quote(cast("tuple[Block, ...]", tuple(lines))),
    )
