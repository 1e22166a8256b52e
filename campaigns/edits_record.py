"""One page of ours as the oracle of human edits remembers it: how people left it, and where our block stands in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from campaigns.edits_world import SPACE
from sync.core.plan import Desired, PageAsContent
from sync.core.ports import PageContent
from sync.core.rich_text import BulletList, Heading, ListItem, Paragraph, RichText, Table, Text
from sync.core.values import Ref

_MACRO = r'<ac:structured-macro [^>]*ac:name="anchor"[^>]*><ac:parameter ac:name="">tieline-{}-[^<]*</ac:parameter></ac:structured-macro>'
_FRAME = f"<p>{_MACRO}</p>"
_START, _END = re.compile(_FRAME.format("start")), re.compile(_FRAME.format("end"))
BLOCK = re.compile(f"{_FRAME.format('start')}.*{_FRAME.format('end')}", re.DOTALL)
KEPT = re.compile(r"(tieline-end-[^<]*?)\.v\d+\.[0-9a-f]{32}<")
_TAGS = re.compile(r"<[^>]*>")
MARKERS = re.compile(r"</?ac:inline-comment-marker[^>]*>")


@dataclass
class OurPage:
    """One page that should exist, and how people left it. ``is_dirty``: their words stand inside our block."""

    key: str
    wiki: str
    title: str
    facts: int = 1
    page_id: str = ""
    left: str = ""
    clean_block: str = ""
    is_dirty: bool = False
    status: str = "current"
    title_by_hand: str = ""
    parent: str | None = None
    words: set[str] = field(default_factory=set)
    remarks: dict[str, str] = field(default_factory=dict)  # inline comment -> the words it hangs on
    is_unknown: bool = (
        False  # to the ledger: it was put back older than the page, and what people edited since is not remembered anew
    )
    is_disturbed: bool = False  # somebody got in between in this round: the new facts may have to wait for the next

    def desired(self) -> Desired:
        content = PageAsContent(PageContent(SPACE, self.title, body_of(self), labels=("status",)))
        target = Ref.of(self.wiki, "space", SPACE)
        return Desired(self.key, "edits", target, "status", {"facts": self.facts}, content, "why", (self.wiki,))

    def fact(self) -> str:
        return f"现在是第 {self.facts} 版"


def body_of(page: OurPage) -> RichText:
    """What we say on a page: words that never change, words that change with each version, and a table."""
    row = ((Text(f"任务 {page.key}"),), (Text(f"晚 {page.facts} 天"),))
    return (
        Heading(1, (Text(f"状态 {page.key}"),)),
        Paragraph((Text(f"约定 {page.key} 不变的一句话"),)),
        Paragraph((Text(page.fact()),)),
        BulletList((ListItem((Paragraph((Text(f"<负责人 {page.facts}> & 部门"),)),)),)),
        Table(((Text("任务"),), (Text("延迟"),)), (row,)),
    )


def cut(storage: str) -> tuple[str, str, str] | None:
    """What stands above our block, in it and below it; None when its frame is not whole."""
    start, end = _START.search(storage), _END.search(storage)
    if not start or not end or start.end() > end.start():
        return None
    return storage[: start.end()], storage[start.end() : end.start()], KEPT.sub(r"\1<", storage[end.start() :])


def said(storage: str) -> str:
    return " ".join(_TAGS.sub(" ", storage).split())
