"""People at work on our pages, and the oracle of it: its own record of every word they wrote, where it stands and what we may do."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from campaigns.edits_record import BLOCK, KEPT, MARKERS, OurPage, cut, said
from campaigns.edits_world import SPACE, Door
from campaigns.report import Report


class Pages:
    """All our pages and theirs on one wiki."""

    def __init__(self, door: Door, report: Report, chance: random.Random, where: Callable[[], str]) -> None:
        self.door, self.wiki, self.report, self.chance, self.where = door, door.simulator, report, chance, where
        self.site = self.wiki.site
        self.ours: dict[str, OurPage] = {}
        self.theirs: dict[str, tuple[str, str, int]] = {}  # page -> title, storage, version
        self.blocked: dict[str, str] = {}  # key -> the page of theirs that has its title
        self.retired: set[str] = set()
        self.numbers = 0

    # -- the record

    def diverged(self, page: OurPage, what: str) -> None:
        self.report.diverged(f"{self.where()} {page.wiki} {page.key} (page {page.page_id}): {what}")

    def new_page(self) -> OurPage:
        number = len(self.ours) + 1
        page = OurPage(f"{self.wiki.name}-{number}", self.wiki.name, f"Status {self.wiki.name} 第{number}页")
        self.ours[page.key] = page
        return page

    def word(self) -> str:
        self.numbers += 1
        return f"人写的{self.numbers:06}"

    def take_in(self) -> None:
        """Pages that we made since the last look: each belongs to a key that had none, under its own title."""
        known = {page.page_id for page in self.ours.values()} | set(self.theirs)
        for page_id, found in list(self.site.pages.items()):
            if page_id in known or found.author != self.wiki.tieline_id() or found.versions[0].title.endswith("Home"):
                continue
            titles = {page.title: page for page in self.ours.values() if not page.page_id}
            page = titles.get(found.versions[0].title)
            if page is None:
                self.report.diverged(f"{self.where()} {self.wiki.name}: a second page {page_id} {found.title!r}")
                continue
            page.page_id, page.parent = page_id, found.parent_id
            page.left = found.versions[0].storage
            page.clean_block = (cut(page.left) or ("", "", ""))[1]
            self.report.count("pages made")

    def absorb(self, page: OurPage, is_cut_short: bool = False) -> None:
        """Compare what stands there with how people left it: whatever differs was done by the product, and must be allowed."""
        found = self.site.pages.get(page.page_id)
        if not page.page_id or (found is None and page.status == "purged"):
            return
        if found is None or found.status != page.status:
            self.diverged(page, f"is {found.status if found else 'gone'}, people left it {page.status}")
            page.status = found.status if found else "purged"
            return
        if found.title != (page.title_by_hand or page.title):
            self.diverged(page, f"is called {found.title!r}, people called it {page.title_by_hand!r}")
        if found.parent_id != page.parent:
            self.diverged(page, f"hangs under {found.parent_id}, people put it under {page.parent}")
        now = found.latest.storage
        if now != page.left:
            self._compare(page, now)
        self._check_remarks(page, now, is_cut_short)
        page.left = now

    def _compare(self, page: OurPage, now: str) -> None:
        before, after = cut(page.left), cut(now)
        lost = sorted(word for word in page.words if word not in now)
        if lost:
            self.diverged(page, f"lost {lost}")
            page.words -= set(lost)
        if before is None or after is None:
            if before is not None or KEPT.sub(r"\1<", now) != KEPT.sub(r"\1<", page.left):
                self.diverged(
                    page, "the frame of our block was changed" if before else "a page without our block was changed"
                )
            return
        if (before[0], before[2]) != (after[0], after[2]):
            self.diverged(page, "text outside our block was changed")
        if page.is_dirty and before[1] != after[1]:
            self.diverged(page, f"our block was written over though people edited it: {said(before[1])[:80]!r}")
        if before[1] != after[1]:
            page.clean_block, page.is_dirty = after[1], False
            self.report.count("pages updated by us")

    def _check_remarks(self, page: OurPage, now: str, is_cut_short: bool) -> None:
        """An inline comment is kept when its marker stands around its words; what vendors think of one whose marker was gone for the
        moment between two saves is not documented. One that was set between our look and a save whose answer got lost (``is_cut_short``)
        stands in the page's history only; it is counted.
        """
        text = said(MARKERS.sub("", now))
        for remark, words in list(page.remarks.items()):
            comment = self.site.comments[remark]
            found = re.search(f'ac:ref="{comment.marker_ref}">([^<]*)</ac:inline-comment-marker>', now)
            is_marked = found is not None and words in found[1]
            if text.count(words) == 1 and not is_marked and is_cut_short:
                self.report.count("inline comments set before a save whose answer was lost")
            elif text.count(words) == 1 and not is_marked:
                self.diverged(page, f"the inline comment on {words!r} is {comment.resolution} though its words stand")
            if not is_marked:
                self.report.count("inline comments whose words we changed")
                del page.remarks[remark]
            elif comment.resolution == "dangling":
                self.report.count("inline comments marked again after a window")
                comment.resolution = "open"

    def check(self, is_quiet: bool) -> None:
        """After a cycle. ``is_quiet``: nothing went wrong on the wire, so what could be said must be said now."""
        self.take_in()
        for page in self.ours.values():
            self.absorb(page, is_cut_short=page.is_disturbed and not is_quiet)
            is_free = page.page_id and page.status == "current" and not page.is_dirty and page.key not in self.retired
            has_block = cut(page.left) is not None
            if is_quiet and is_free and has_block and not page.is_disturbed and page.fact() not in said(page.left):
                self.diverged(page, f"does not say {page.fact()!r}")
            if is_quiet and not page.page_id and page.key not in self.blocked and not page.is_disturbed:
                self.diverged(page, "was not made though its title is free")
            page.is_disturbed = False
            page.is_unknown = page.is_unknown and page.is_dirty
        for page_id, (title, storage, version) in self.theirs.items():
            found = self.site.pages[page_id]
            if (found.title, found.latest.storage, found.latest.number) != (title, storage, version):
                self.report.diverged(
                    f"{self.where()} {self.wiki.name}: page {page_id} {title!r} of theirs was taken over"
                )
                self.theirs[page_id] = (found.title, found.latest.storage, found.latest.number)

    # -- what people do

    def save(self, page: OurPage, storage: str, title: str | None = None) -> None:
        """By hand; now and then with Tieline's own account, as where a team shares one."""
        by = self.wiki.tieline_id() if self.chance.random() < 0.2 else self.chance.choice(("zhao.min", "chen.yu"))
        self.wiki.edit_page(page.page_id, storage=storage, title=title, by=by)
        page.left = self.site.pages[page.page_id].latest.storage
        # Who puts an older text back takes its inline comments' markers away himself.
        page.remarks = {
            key: words for key, words in page.remarks.items() if self.site.comments[key].resolution == "open"
        }

    def act(self, page: OurPage, kind: str) -> bool:
        """One thing that a person does; False when there is nothing to do it to."""
        self.absorb(page)
        is_done: bool = getattr(self, f"_{kind}")(page)
        if is_done:
            self.report.count(f"page: {kind.replace('_', ' ')}")
            self.report.count("human edits")
        return is_done

    def kinds(self, page: OurPage) -> list[str]:
        if page.status == "trashed":
            return ["restore"]
        if page.status != "current" or not page.page_id:
            return []
        common = ["write_above", "write_below", "change_theirs", "delete_theirs", "comment_inline", "comment_outside"]
        dirty = ["undo_inside"] * 3 if page.is_dirty else []
        return [
            *common * 3,
            *dirty,
            "write_inside",
            "change_ours",
            "delete_ours",
            "rename",
            "move",
            "trash",
            "restore_version",
            "rarely_purge",
        ]

    def _write_above(self, page: OurPage) -> bool:
        word = self.word()
        page.words.add(word)
        self.save(page, f"<p>会议纪要 {word} &amp; &ldquo;附注&rdquo;</p>{page.left}")
        return True

    def _write_below(self, page: OurPage) -> bool:
        word = self.word()
        page.words.add(word)
        self.save(
            page,
            f'{page.left}<h2>{word}</h2><ac:structured-macro ac:name="info"><ac:rich-text-body><p>附 {word}附</p></ac:rich-text-body></ac:structured-macro>',
        )
        return True

    def _outside(self, page: OurPage) -> list[str]:
        parts = cut(page.left)
        return [word for word in sorted(page.words) if parts and word in parts[0] + parts[2]]

    def _change_theirs(self, page: OurPage) -> bool:
        if not (own := self._outside(page)):
            return False
        old, new = self.chance.choice(own), self.word()
        page.words = page.words - {old} | {new}
        self.save(page, page.left.replace(old, new))
        return True

    def _delete_theirs(self, page: OurPage) -> bool:
        if not (own := self._outside(page)):
            return False
        old = self.chance.choice(own)
        page.words.discard(old)
        self.save(page, re.sub(f"<p>会议纪要 {old}[^<]*</p>", "", page.left).replace(old, "（删了）"))
        return True

    def _inside(self, page: OurPage, change: Callable[[str, str], str]) -> bool:
        parts = cut(page.left)
        if parts is None:
            return False
        word, whole = self.word(), page.left
        at = len(parts[0])
        block = change(parts[1], word)
        if word not in block:
            return False
        self.save(page, whole[:at] + block + whole[at + len(parts[1]) :])
        page.words.add(word)
        page.is_dirty = True
        return True

    def _write_inside(self, page: OurPage) -> bool:
        return self._inside(
            page, lambda block, word: f"{block}<p>{word}</p>" if self.chance.random() < 0.5 else f"<p>{word}</p>{block}"
        )

    def _change_ours(self, page: OurPage) -> bool:
        return self._inside(page, lambda block, word: block.replace("不变的一句话", f"不变的一句话（{word}）", 1))

    def _delete_ours(self, page: OurPage) -> bool:
        """Somebody takes our whole block away, its frame too."""
        if cut(page.left) is None:
            return False
        rest = BLOCK.sub("", page.left)
        page.words = {word for word in page.words if word in rest}
        self.save(page, rest)
        page.is_dirty = True
        return True

    def _undo_inside(self, page: OurPage) -> bool:
        parts = cut(page.left)
        if parts is None or not page.is_dirty:
            return False
        page.words -= {word for word in page.words if word in parts[1]}
        at = len(parts[0])
        self.save(page, page.left[:at] + MARKERS.sub("", page.clean_block) + page.left[at + len(parts[1]) :])
        page.is_dirty = False
        return True

    def _rename(self, page: OurPage) -> bool:
        name = f"改名 {self.word()}"
        page.title_by_hand = name
        self.save(page, page.left, name)
        return True

    def _move(self, page: OurPage) -> bool:
        parents = [page_id for page_id in self.theirs if self.site.pages[page_id].status == "current"]
        if not parents:
            return False
        page.parent = self.chance.choice(parents)
        self.wiki.move(page.page_id, page.parent)
        return True

    def _trash(self, page: OurPage) -> bool:
        self.wiki.trash(page.page_id)
        page.status = "trashed"
        self._forget(page)
        return True

    def _forget(self, page: OurPage) -> None:
        """What neither the ledger nor a current page remembers is not asked for again: it would be made anew."""
        if page.is_unknown:
            self.retired.add(page.key)

    def _restore(self, page: OurPage) -> bool:
        self.wiki.restore(page.page_id)
        page.status = "current"
        return True

    def _rarely_purge(self, page: OurPage) -> bool:
        if self.chance.random() > 0.1:
            return False
        self.wiki.purge(page.page_id)
        page.status = "purged"
        self._forget(page)
        return True

    def _restore_version(self, page: OurPage) -> bool:
        """Somebody puts an older version back from the page's history: the words of then, ours as well as theirs."""
        versions = self.site.pages[page.page_id].versions[:-1]
        if not versions:
            return False
        old = self.chance.choice(versions).storage
        parts = cut(old)
        if parts is None:
            return False
        self.save(page, old)
        page.words = {word for word in page.words if word in old}
        page.is_dirty = said(MARKERS.sub("", parts[1])) != said(MARKERS.sub("", page.clean_block))
        return True

    def _comment_on(self, page: OurPage, words: str) -> bool:
        if (
            said(MARKERS.sub("", page.left)).count(words) != 1
            or words not in page.left
            or words in page.remarks.values()
        ):
            return False
        remark = self.wiki.comment_inline(page.page_id, words, "<p>？</p>", by="chen.yu")
        page.remarks[remark.id] = words
        page.left = self.site.pages[page.page_id].latest.storage
        return True

    def _comment_inline(self, page: OurPage) -> bool:
        fixed = (f"约定 {page.key} 不变的一句话", f"任务 {page.key}", page.fact())
        return self._comment_on(page, self.chance.choice(fixed))

    def _comment_outside(self, page: OurPage) -> bool:
        own = self._outside(page)
        return bool(own) and self._comment_on(page, f"附 {self.chance.choice(own)}附")

    # -- their own pages

    def write_theirs(self, title: str = "", storage: str = "", parent: str = "") -> str:
        made = self.wiki.create_page(
            SPACE,
            title or f"自己的页 {self.word()}",
            storage or f"<p>{self.word()}</p>",
            by="zhao.min",
            parent_id=parent,
        )
        self.theirs[made.id] = (made.title, made.latest.storage, 1)
        self.report.count("human edits")
        return str(made.id)

    def take_title(self, page: OurPage) -> None:
        """Somebody makes a page of the title that ours should have, in capitals as often as not."""
        if page.page_id or page.key in self.blocked:
            return
        title = page.title.upper() if self.chance.random() < 0.5 else page.title
        self.blocked[page.key] = self.write_theirs(title)
        self.report.count("page: take the title first")

    def free_title(self, page: OurPage) -> None:
        page_id = self.blocked.pop(page.key)
        self.wiki.edit_page(page_id, title=f"让出来 {self.word()}", by="zhao.min")
        found = self.site.pages[page_id]
        self.theirs[page_id] = (found.title, found.latest.storage, found.latest.number)
        self.report.count("human edits")

    def copy(self, page: OurPage) -> None:
        """A colleague copies our page, anchors, property and all."""
        made = self.write_theirs(storage=page.left)
        self.site.pages[made].properties = dict(self.site.pages[page.page_id].properties)
        self.report.count("page: copy")

    def surprise(self, page: OurPage) -> None:
        """Plan an edit for the moment between our look and our write of this page, or between our write and our reading back."""
        kinds = [kind for kind in self.kinds(page) if kind not in ("restore", "rarely_purge")]
        if not kinds:
            return
        is_before = self.chance.random() < 0.7
        if not is_before:
            kinds = ["write_inside", "change_ours", "delete_ours", "write_below", "rename"]
        acts: dict[str, Any] = self.door.before if is_before else self.door.after

        def strike() -> None:
            page.is_disturbed = True
            if self.act(page, self.chance.choice(kinds)):
                self.report.count(
                    f"page: edits {'between our look and our write' if is_before else 'right after our write'}"
                )

        acts[rf"PUT .*/(pages|content)/{page.page_id}$"] = strike
