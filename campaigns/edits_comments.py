"""People at work on our comments, and the oracle of it. Neither Jira nor Trello knows versions of a comment: what falls between our
last look and our write is overwritten, and counted; whatever stood there when we looked must stand there for ever.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from campaigns.edits_world import PROJECT, Door
from campaigns.report import Report
from sandbox.jira.adf import as_wiki
from sync.core.plan import CommentContent, Desired
from sync.core.rich_text import Anchor, Paragraph, Text
from sync.core.values import Ref


@dataclass
class OurComment:
    """One comment that should exist, and how people left it."""

    key: str
    tracker: str
    task: str
    facts: int = 1
    comment_id: str = ""
    left: Any = None
    clean: Any = None
    state: str = "clean"  # clean, edited, gone
    has_mark: bool = True
    is_unknown: bool = False  # to the ledger, as with pages
    is_disturbed: bool = False
    theirs: dict[str, Any] = field(default_factory=dict)

    def desired(self) -> Desired:
        link = Anchor("支付流程测试 [T-1]", "https://trello.com/c/AbC12345")
        body = (Paragraph((Text(self.fact()), link)), Paragraph((Text("<b>@all</b> {x} *y*"),)))
        target = Ref.of(self.tracker, "task", self.task)
        return Desired(
            self.key, "edits", target, "delay", {"facts": self.facts}, CommentContent(body), "why", (self.tracker,)
        )

    def fact(self) -> str:
        return f"比计划晚 {self.facts} 个工作日"


class Comments:
    """All our comments and theirs on one tracker."""

    def __init__(self, door: Door, report: Report, chance: random.Random, where: Callable[[], str]) -> None:
        self.door, self.tracker, self.report, self.chance, self.where = door, door.simulator, report, chance, where
        self.ours: dict[str, OurComment] = {}
        self.retired: set[str] = set()
        self.numbers = 0
        self.kept: Callable[[], set[str]] = set  # what the ledger could put back

    def new_comment(self) -> OurComment:
        key = f"{self.tracker.name}-{len(self.ours) + 1}"
        comment = OurComment(key, self.tracker.name, self._new_task(f"任务 {key}"))
        self.ours[key] = comment
        return comment

    def _new_task(self, title: str) -> str:
        return str(self.tracker.create_issue(PROJECT, title).id)

    def _standing(self, comment: OurComment) -> dict[str, Any]:
        """Our account's comments on the task: id to text."""
        issue = self.tracker.issue(comment.task)
        return {str(each.id): each.body for each in issue.comments if each.author == self.tracker.site.account}

    def _all(self, comment: OurComment) -> dict[str, Any]:
        return {str(each.id): each.body for each in self.tracker.issue(comment.task).comments}

    def word(self) -> str:
        self.numbers += 1
        return f"人写的{self.numbers:06}"

    def diverged(self, comment: OurComment, what: str) -> None:
        self.report.diverged(f"{self.where()} {comment.key} (comment {comment.comment_id} on {comment.task}): {what}")

    # -- the record

    def absorb(self, comment: OurComment, in_window: bool = False) -> None:
        standing = self._standing(comment)
        if not comment.comment_id and len(standing) == 1:
            comment.comment_id = next(iter(standing))
            comment.left = comment.clean = standing[comment.comment_id]
            self.report.count("comments made")
        extra = standing.keys() - {comment.comment_id}
        if extra:
            self.diverged(comment, f"was said again in {sorted(extra)}")
        if comment.state == "gone" or not comment.comment_id:
            return
        now = standing.get(comment.comment_id)
        if now == comment.left:
            return
        if now is None:
            self.diverged(comment, "was removed by us")
            comment.state = "gone"
            return
        if comment.state == "edited":
            if in_window:
                self.report.count("comment: edits overwritten in the window")
                self._check_restorable(comment)
            else:
                self.diverged(comment, f"a person's text was overwritten: {comment.left!r}")
        comment.left = comment.clean = now
        comment.state = "clean"
        comment.has_mark = True
        self.report.count("comments updated by us")

    def _check_restorable(self, comment: OurComment) -> None:
        if self._as_told(comment.left) in self.kept():
            self.report.count("comment: overwritten texts that the ledger can put back")
        else:
            self.diverged(comment, f"a person's text was overwritten and cannot be put back: {comment.left!r}")

    def _as_told(self, body: Any) -> Any:
        """Jira's webhooks tell wiki text, on Cloud too."""
        return as_wiki(body)

    def check(self, is_quiet: bool) -> None:
        for comment in self.ours.values():
            self.absorb(comment, in_window=comment.is_disturbed)
            there = self._all(comment)
            lost = {key for key, text in comment.theirs.items() if there.get(key) != text}
            if lost:
                self.diverged(comment, f"comments of theirs were changed: {sorted(lost)}")
            is_due = (
                is_quiet and not comment.is_disturbed and comment.state == "clean" and comment.key not in self.retired
            )
            if is_due and comment.fact() not in json.dumps(comment.left, ensure_ascii=False):
                self.diverged(comment, f"does not say {comment.fact()!r}")
            comment.is_disturbed = False
            comment.is_unknown = comment.is_unknown and comment.state == "edited"

    # -- what people do

    def kinds(self, comment: OurComment) -> list[str]:
        if not comment.comment_id or comment.state == "gone":
            return ["answer"]
        if comment.state == "edited":
            return ["append", "undo", "undo", "undo", "answer"]
        return ["append", "append", "prepend", "replace", "answer", "answer", "rarely_delete"]

    def act(self, comment: OurComment, kind: str) -> bool:
        self.absorb(comment)
        is_done: bool = getattr(self, f"_{kind}")(comment)
        if is_done:
            self.report.count(f"comment: {kind.replace('_', ' ')}")
            self.report.count("human edits")
        return is_done

    def _edited(self, comment: OurComment, text: Any) -> bool:
        self._save(comment, text)
        comment.left, comment.state = self._standing(comment)[comment.comment_id], "edited"
        return True

    def _save(self, comment: OurComment, text: Any) -> None:
        author = None if self.chance.random() < 0.2 else "li-na"
        self.tracker.edit_comment(comment.task, comment.comment_id, text, author)

    def _append(self, comment: OurComment) -> bool:
        return self._edited(comment, self._with(comment.left, self.word(), is_last=True))

    def _prepend(self, comment: OurComment) -> bool:
        return self._edited(comment, self._with(comment.left, self.word(), is_last=False))

    def _with(self, text: Any, word: str, is_last: bool) -> Any:
        if isinstance(text, str):
            return f"{text}\n\n{word}" if is_last else f"{word}\n\n{text}"
        line = {"type": "paragraph", "content": [{"type": "text", "text": word}]}
        return {**text, "content": [*text["content"], line] if is_last else [line, *text["content"]]}

    def _replace(self, comment: OurComment) -> bool:
        word = self.word()
        self._forget(comment)
        comment.has_mark = self.tracker.name == "jira-cloud"
        return self._edited(
            comment,
            word if isinstance(comment.left, str) else self._with({**comment.left, "content": []}, word, is_last=True),
        )

    def _forget(self, comment: OurComment) -> None:
        """What neither the ledger nor a mark remembers is not asked for again: it would be said anew."""
        if comment.is_unknown:
            self.retired.add(comment.key)

    def _undo(self, comment: OurComment) -> bool:
        """They put our text back as it was."""
        self._save(comment, comment.clean)
        comment.left, comment.state, comment.has_mark = self._standing(comment)[comment.comment_id], "clean", True
        return True

    def _answer(self, comment: OurComment) -> bool:
        made = self.tracker.comment(comment.task, self.word(), author="li-na")
        comment.theirs[str(made.id)] = made.body
        return True

    def _rarely_delete(self, comment: OurComment) -> bool:
        if self.chance.random() > 0.15:
            return False
        self.tracker.delete_comment(comment.task, comment.comment_id)
        comment.state = "gone"
        self._forget(comment)
        return True

    def surprise(self, comment: OurComment) -> None:
        """Plan an edit for the moment between our last look and our write."""
        if comment.state != "clean" or not comment.comment_id:
            return

        def strike() -> None:
            comment.is_disturbed = True
            if self.act(comment, self.chance.choice(("append", "replace"))):
                self.report.count("comment: edits between our look and our write")

        self.door.before[rf"PUT .*/(comment|actions)/{comment.comment_id}(/comments)?$"] = strike


class Cards(Comments):
    """The same on Trello, where only its author can edit a comment: here the team shares Tieline's account."""

    def _as_told(self, body: Any) -> Any:
        return body

    def _new_task(self, title: str) -> str:
        return str(self.tracker.add_card(next(iter(self.tracker.state.boards)), "待办", title)["id"])

    def _standing(self, comment: OurComment) -> dict[str, Any]:
        mine = self.tracker.id_tieline
        return {
            key: text
            for key, text in self._all(comment).items()
            if self.tracker.state.actions[key]["idMemberCreator"] == mine
        }

    def _all(self, comment: OurComment) -> dict[str, Any]:
        state = self.tracker.state
        keys = [key for key in state.actions_of[comment.task] if state.actions[key]["type"] == "commentCard"]
        return {key: state.actions[key]["data"]["text"] for key in keys}

    def _save(self, comment: OurComment, text: Any) -> None:
        self.tracker.edit_comment(comment.comment_id, text)

    def _answer(self, comment: OurComment) -> bool:
        made = self.tracker.add_comment(comment.task, self.word(), by="li-na")
        comment.theirs[made["id"]] = made["data"]["text"]
        return True

    def _rarely_delete(self, comment: OurComment) -> bool:
        if self.chance.random() > 0.15:
            return False
        self.tracker.delete_comment(comment.comment_id)
        comment.state = "gone"
        self._forget(comment)
        return True
