"""The KnowledgeBase port: pages of ours, known by a property and by the two anchors around our block.

Everything a page needs to be recognised is in its first version: the anchors carry the mark, so a page whose creation was
cut short is found again. A page that only has the anchors is ours when we are its author; one copied by a person is not.
"""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Collection
from typing import TypeVar

import msgspec
import structlog
import tenacity

from connectors.confluence import blocks
from connectors.confluence.answers import TitleTaken
from connectors.confluence.records import LABEL, Publication, State, StoredPublication, web_url
from connectors.confluence.site import Site, StoredFile
from connectors.confluence.storage import storage_from_rich_text
from sync.core.errors import AccessDenied, Conflict, Nonsense, NotFound, Refused
from sync.core.ports import ConnectionSettings, Page, PageContent
from sync.core.values import Ref

T = TypeVar("T")
NO_BLOCK = "none"  # of a page of ours whose block people removed, which is an edit like any other
log = structlog.get_logger()


class PageWriter:
    """Writes pages. See the port's promises; what is particular to Confluence is in docs/connectors/confluence.md."""

    def __init__(self, site: Site, settings: ConnectionSettings) -> None:
        self.site = site
        self.settings = settings
        self._own_account = ""
        self._marks: dict[str, str] = {}  # page id -> mark of pages that a search has shown us

    # -- looking

    def find_page(self, space: str, mark: str, title: str) -> Page | None:
        """Our page with this mark. First pages of that title (a consistent read: this finds what was made a moment ago), then
        all pages with our label from the search index: only a page that people renamed is looked for there, and seconds of
        index lag do not matter to it. Where searching is not allowed, the space is read through.
        """
        for page_id in self.site.titled(space, title):
            if found := self._own(page_id, mark):
                return found
        try:
            return self._find_labelled(space, mark)
        except (AccessDenied, Nonsense, NotFound, Refused) as error:
            log.warning("search_not_allowed", connection=self.settings.name, reason=str(error))
            return self._find_in_bodies(space, mark)

    def page_titled(self, space: str, title: str) -> Page | None:
        for page_id in self.site.titled(space, title):
            try:
                return self.get_page(Ref.of(self.settings.name, "document", page_id))
            except NotFound:
                continue  # gone since it was listed
        return None

    def _find_labelled(self, space: str, mark: str) -> Page | None:
        for ids in self.site.labelled(space, LABEL):
            for page_id in ids:
                if self._marks.get(page_id, mark) == mark and (found := self._own(page_id, mark)):
                    return found
        return None

    def _find_in_bodies(self, space: str, mark: str) -> Page | None:
        anchor = blocks.anchors(mark)[0].encode()
        for items in self.site.pages(space, "body"):
            for item in items:
                if anchor in item and (found := self._own(str(msgspec.json.decode(item)["id"]), mark)):
                    return found
        return None

    def block_of_page(self, content: PageContent) -> str:
        return blocks.digest(self._storage(content))

    def _own(self, page_id: str, mark: str) -> Page | None:
        """The page if it is current, ours and finished; an unfinished one has an empty block and is taken up by create_page."""
        try:
            state, stored = self._look(page_id)
        except NotFound:
            return None
        found = self._mark_of(state, stored)
        self._marks[page_id] = found
        if found != mark or state.status != "current" or self._is_unfinished(state, stored, mark):
            return None
        return self._page(state, found, stored)

    def _look(self, page_id: str) -> tuple[State, StoredPublication | None]:
        return self.site.state(page_id), self.site.publication(page_id)

    def _mark_of(self, state: State, stored: StoredPublication | None) -> str:
        if stored and stored.value and stored.value.page in ("", state.id):
            return stored.value.mark
        if stored is None and state.author and state.author == self._account_id():
            return next(iter(blocks.marks_in(state.body)), "")
        return ""

    def _is_unfinished(self, state: State, stored: StoredPublication | None, mark: str) -> bool:
        block = blocks.find_block(state.body, mark)
        return stored is None and block is not None and block.is_empty

    def _account_id(self) -> str:
        if not self._own_account:
            self._own_account = self.site.caller().account.id
        return self._own_account

    def get_page(self, ref: Ref) -> Page:
        """The page by id, whatever its status, with its mark. Raises NotFound."""
        state, stored = self._look(ref.key)
        return self._page(state, self._mark_of(state, stored), stored)

    def _page(self, state: State, mark: str, stored: StoredPublication | None) -> Page:
        block = blocks.find_block(state.body, mark) if mark else None
        name = self.settings.name
        return Page(
            ref=Ref.of(name, "document", state.id),
            title=state.title,
            space=state.space,
            version=str(state.version),
            url=web_url(self.settings, state.web_path, state.space, state.id),
            parent=Ref.of(name, "document", state.parent) if state.parent else None,
            labels=state.labels,
            mark=mark,
            block=_block(block, stored) if block else NO_BLOCK if mark else "",
            status=state.status,
            is_untouched=block is not None and _is_untouched(block, stored),
        )

    # -- writing

    def create_page(self, mark: str, content: PageContent) -> Page:
        """A new page, in one version when nothing is attached. Files need a page to hang on and must be there before the body
        shows them, so a page with files begins with an empty block and is filled by a second version.
        """
        storage = self._storage(content)
        body = blocks.wrap(mark, "" if content.attachments else storage)
        parent = content.parent.key if content.parent else ""
        is_taken_up = False
        try:
            page_id = self.site.create(content.space, content.title, body, parent)
        except Conflict as error:  # a taken title is told in many words
            page_id = self._unfinished_page(mark, content) or self._refuse_title(content.space, content.title, error)
            is_taken_up = True
        # Content that was just made may be 404 for a moment (fact sheet section 4).
        state = _soon(lambda: self.site.state(page_id))
        is_half = bool(content.attachments) or is_taken_up
        state = self._fill(state, mark, content) if is_half else _as_saved(state, content.title, body, 1)
        return self._finish(state, mark, content, None, state.title)

    def _fill(self, state: State, mark: str, content: PageContent) -> State:
        storage = self._storage(content, self._attach(state.id, content))
        block = blocks.find_block(state.body, mark)
        if block is None or not block.is_empty:
            raise Conflict(f"somebody changed {state.title!r} while it was being made", found=str(state.version))
        body = blocks.replace_block(state.body, block, storage, state.version + 1)
        self.site.update(state.id, state.title, body, state.version + 1)
        return _as_saved(self.site.state(state.id), state.title, body, state.version + 1)

    def _unfinished_page(self, mark: str, content: PageContent) -> str:
        """The id of the page that an earlier run of ours began under this title, or empty."""
        for page_id in self.site.titled(content.space, content.title):
            state, stored = self._look(page_id)
            if self._mark_of(state, stored) == mark and self._is_unfinished(state, stored, mark):
                return page_id
        return ""

    def _refuse_title(self, space: str, title: str, error: Conflict) -> str:
        """Raise Conflict naming the page that has the title: titles clash whatever their case, though lookups do not. Any
        other conflict is raised as it is when no page has it.
        """
        statuses = ("current", "archived") if self.site.is_cloud else ("current",)
        for items in self.site.pages(space, "ids", statuses):
            for data in map(msgspec.json.decode, items):
                if str(data.get("title") or "").casefold() == title.casefold():
                    found = f"page {data['id']} in space {space} is already titled {data['title']!r}"
                    raise Conflict(f"{found}; rename it or give ours another title", found=str(data["id"])) from error
        if not isinstance(error, TitleTaken):
            raise error
        raise Conflict(f"a page that this account cannot see has the title {title!r} in space {space}") from error

    def update_page(self, page: Page, mark: str, content: PageContent) -> Page:
        """Replace our block, files first; nothing is saved when neither block nor title would change. A page that people
        renamed keeps their title, one that they moved stays where it is.
        """
        state, stored = self._look(page.ref.key)
        if str(state.version) != page.version or state.status != "current":
            what = f"version {state.version}" if state.status == "current" else f"{state.status}"
            raise Conflict(f"{state.title!r} is now {what}", expected=page.version, found=str(state.version))
        self._check_is_ours(state, stored, mark)
        title = self._title_for(state, stored, content.title)
        storage = self._storage(content, self._attach(state.id, content))
        body = self._body_with(state, mark, storage)
        if body != state.body or title != state.title:
            saved = self._save(state, mark, title, body)
            state = self._keep_late_comments(state, saved, mark, storage) if body != state.body else saved
        published = state.title if title == content.title else _published_title(stored)
        return self._finish(state, mark, content, stored, published)

    def _save(self, state: State, mark: str, title: str, body: str) -> State:
        """Save the next version. A page that was put into the trash after we looked would be restored by this, as it was: it goes
        back. Raises Conflict then, and when the version is not the next one.
        """
        try:
            self.site.update(state.id, title, body, state.version + 1)
        except TitleTaken as error:
            self._refuse_title(state.space, title, error)
        now = self.site.state(state.id)
        sent, found = (blocks.find_block(each, mark) for each in (body, now.body))
        is_ours = not (sent and found and found.kept) or sent.kept == found.kept
        if now.version == state.version or (now.version == state.version + 1 and not is_ours):
            self.site.trash(state.id)
            raise Conflict(f"{state.title!r} was put into the trash", expected=str(state.version), found=now.status)
        return _as_saved(now, title, body, state.version + 1)

    def _keep_late_comments(self, looked: State, saved: State, mark: str, storage: str) -> State:
        """Inline comments set between our look and our save make no version, so nothing refused the body that lacks their markers.
        The history has them: a second save puts them back around their words.
        """
        try:
            replaced = self.site.body_of_version(looked.id, looked.version)
            late = blocks.comment_refs(replaced) - blocks.comment_refs(looked.body)
            body = self._body_with(msgspec.structs.replace(saved, body=replaced), mark, storage) if late else saved.body
            if not late & blocks.comment_refs(body):
                return saved
            return self._keep_late_comments(saved, self._save(saved, mark, saved.title, body), mark, storage)
        except (AccessDenied, Conflict, Nonsense, NotFound, Refused) as error:
            log.warning("inline_comments_lost", connection=self.settings.name, page=looked.id, reason=str(error))
            return saved

    def _check_is_ours(self, state: State, stored: StoredPublication | None, mark: str) -> None:
        found = self._mark_of(state, stored)
        if found != mark:
            raise Refused(f"{state.title!r} carries {found or 'no mark'}, not {mark}: it is not ours to change")

    def _title_for(self, state: State, stored: StoredPublication | None, wanted: str) -> str:
        return wanted if state.title == _published_title(stored) else state.title

    def _body_with(self, state: State, mark: str, storage: str) -> str:
        """The page's body with our block replaced, or as it is when the block says the same already."""
        block = blocks.find_block(state.body, mark)
        if block is None:
            if blocks.has_anchor(state.body, mark):
                raise Conflict(
                    f"the frame of our block in {state.title!r} was damaged by hand", found=str(state.version)
                )
            return state.body + blocks.wrap(mark, storage, state.version + 1)
        if blocks.digest(block.content) == blocks.digest(storage):
            return state.body
        carried, lost = blocks.carry_comments(block.content, storage)
        if lost:
            log.warning("inline_comments_lost", connection=self.settings.name, page=state.id, markers=lost)
        return blocks.replace_block(state.body, block, carried, state.version + 1)

    def _storage(self, content: PageContent, missing: Collection[str] = ()) -> str:
        return storage_from_rich_text(content.body, self.site.is_cloud, missing)

    def _attach(self, page_id: str, content: PageContent) -> frozenset[str]:
        """Upload the files whose sum is not the one that their newest version carries in its comment. Returns the names that
        the site would not take: v1 uploads may be withdrawn on the gateway (410), and a page is worth more than its pictures.
        """
        if not content.attachments:
            return frozenset()
        missing: set[str] = set()
        there = self._files(page_id)
        for name, data in content.attachments:
            comment = f"Tieline sha256:{hashlib.sha256(data).hexdigest()}"
            existing = there.get(name)
            if existing is not None and existing.comment == comment:
                continue
            try:
                self.site.attach(page_id, name, data, comment, existing)
            except (AccessDenied, NotFound, Refused) as error:
                missing.add(name)
                log.warning(
                    "file_not_attached", connection=self.settings.name, page=page_id, file=name, reason=str(error)
                )
        return frozenset(missing)

    def _files(self, page_id: str) -> dict[str, StoredFile]:
        try:
            return self.site.files(page_id)
        except (AccessDenied, NotFound, Refused) as error:
            log.warning("files_not_listed", connection=self.settings.name, page=page_id, reason=str(error))
            return {}

    def _finish(
        self, state: State, mark: str, content: PageContent, stored: StoredPublication | None, title: str
    ) -> Page:
        """Set our property and labels after the body, and tell how the page stands now. The property names the labels that are ours before
        they are set and as long as they are there: a run that dies in between must not take its own labels for a person's.
        """
        wanted = tuple(dict.fromkeys((LABEL, *map(_label, content.labels))))
        ours = stored.value.labels if stored and stored.value else ()
        added = tuple(name for name in wanted if name in ours or name not in state.labels)
        surplus = tuple(name for name in ours if name in state.labels and name not in wanted)
        block = blocks.find_block(state.body, mark)
        said = blocks.digest(block.content) if block else ""
        publication = Publication(mark, state.id, state.version, said, title, (*added, *surplus))
        if stored is None or stored.value != publication:
            self.site.keep_publication(state.id, publication, stored)
        labels = self._set_labels(state, wanted, surplus)
        if any(name not in labels for name in surplus):
            publication = msgspec.structs.replace(publication, labels=added)
            self.site.keep_publication(state.id, publication, self.site.publication(state.id))
        stored = StoredPublication("", 0, publication)
        return self._page(msgspec.structs.replace(state, labels=labels), mark, stored)

    def _set_labels(self, state: State, wanted: tuple[str, ...], surplus: tuple[str, ...]) -> tuple[str, ...]:
        """Add what is missing, take away what we once added and want no more. A page without its label is still published."""
        missing = [label for label in wanted if label not in state.labels]
        try:
            if missing:
                self.site.add_labels(state.id, missing)
            for label in surplus:
                self.site.remove_label(state.id, label)
        except (AccessDenied, NotFound, Refused) as error:
            log.warning("labels_not_set", connection=self.settings.name, page=state.id, reason=str(error))
            return state.labels
        return (*(label for label in state.labels if label not in surplus), *missing)

    def remove_page(self, page: Page) -> None:
        """Put our page into the space's trash, from where people can restore it. One that is there already is no error."""
        state, stored = self._look(page.ref.key)
        if state.status == "trashed":
            return
        if not page.mark or self._mark_of(state, stored) != page.mark:
            raise Refused(f"{state.title!r} is not ours to remove")
        if str(state.version) != page.version:
            raise Conflict(f"{state.title!r} was edited", expected=page.version, found=str(state.version))
        self.site.trash(state.id)


def _published_title(stored: StoredPublication | None) -> str:
    return stored.value.title if stored and stored.value else ""


def _as_saved(state: State, title: str, body: str, version: int) -> State:
    """The page as this save of ours left it: read back, unless somebody saved after us; their words are not to be taken for ours."""
    if state.version <= version:
        return state
    return msgspec.structs.replace(state, title=title, body=body, version=version)


def _block(block: blocks.OwnBlock, stored: StoredPublication | None) -> str:
    """What our block says; told apart where people put an older version of the page back: an older ledger must not know it as its own."""
    said, last = blocks.digest(block.content), stored.value if stored else None
    is_put_back = (
        block.kept and last and block.kept.digest == said != last.block and block.kept.version < last.page_version
    )
    return f"{said}.v{block.kept.version}" if block.kept and is_put_back else said


def _is_untouched(block: blocks.OwnBlock, stored: StoredPublication | None) -> bool:
    """Whether our block says what we wrote last: by the property, which knows it as the site spells it; or by the anchor where
    that is of a later save, whose property never came to be. An older anchor is of a version that people restored.
    """
    said, last = blocks.digest(block.content), stored.value if stored else None
    if last and last.block == said:
        return True
    return (
        block.kept is not None and block.kept.digest == said and block.kept.version > (last.page_version if last else 0)
    )


def _label(name: str) -> str:
    """As Confluence keeps labels: lower case, without blanks."""
    return re.sub(r"\s+", "-", name.strip().lower())


def _soon(read: Callable[[], T]) -> T:
    """The answer of a read that may be too early for something just made."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(NotFound),
        stop=tenacity.stop_after_attempt(4),
        wait=tenacity.wait_exponential(multiplier=0.25, max=2),
        sleep=time.sleep,
        reraise=True,
    )
    return retrying(read)
