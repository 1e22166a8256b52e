"""The KnowledgeBase port: documents of ours, known by a path that follows from their mark.

Yuque refuses a second document with the same path, so one that was made by a request whose answer was lost is found again and never made
twice. There is no lock: what somebody saved between our look and our save is found in the history and saved again around our block.
"""

from __future__ import annotations

import hashlib

import structlog
from msgspec import Struct

from connectors.yuque import blocks
from connectors.yuque.answers import SlugTaken
from connectors.yuque.records import web_url
from connectors.yuque.site import Detail, Node, PastDetail, Site
from sync.core.errors import AccessDenied, Conflict, LostAnswer, NotFound, Refused, TielineError, TryLater
from sync.core.ports import ConnectionSettings, Page, PageContent
from sync.core.values import Ref

NO_BLOCK = "none"  # of a document of ours whose block people removed, which is an edit like any other
MOST_REPAIRS = 3
CARD = "<card "
log = structlog.get_logger()


class Sought(Struct, frozen=True):
    """A document with its mark and where it lies."""

    doc: Detail
    mark: str
    space: str
    is_trashed: bool = False


class DocWriter:
    """Writes documents. See the port's promises; what is particular to Yuque is in docs/connectors/yuque.md."""

    def __init__(self, site: Site, settings: ConnectionSettings) -> None:
        self.site = site
        self.settings = settings
        self._spaces: dict[int, str] = {}  # book id -> the path or id by which we are asked for it

    # -- looking

    def find_page(self, space: str, mark: str, title: str) -> Page | None:
        """Our document by its path, which is a consistent read whatever people call it. One that is not finished is taken up by
        ``create_page``.
        """
        found = self._by_mark(space, mark)
        return None if found is None or self._is_unfinished(found) else self._page(found)

    def page_titled(self, space: str, title: str) -> Page | None:
        doc_id = self._id_titled(space, title)
        return self.get_page(Ref.of(self.settings.name, "document", doc_id)) if doc_id else None

    def get_page(self, ref: Ref) -> Page:
        """The document by id, in the recycle bin too. Raises NotFound."""
        return self._page(self._by_id(ref.key))

    def block_of_page(self, content: PageContent) -> str:
        return blocks.digest(self._markdown(content))

    def _by_mark(self, space: str, mark: str) -> Sought | None:
        self._remember(space)
        try:
            doc = self.site.detail_by_slug(space, blocks.slug_of(mark))
        except NotFound:
            return None
        return Sought(doc, mark, space)

    def _by_id(self, doc_id: str) -> Sought:
        for scope in self.settings.scopes:
            self._remember(scope)
        try:
            doc = self.site.detail(doc_id)
        except NotFound:
            return self._in_bin(doc_id)
        space = self._spaces.get(doc.book_id or 0, str(doc.book_id or ""))
        return Sought(doc, self._mark(doc.slug, doc), space)

    def _in_bin(self, doc_id: str) -> Sought:
        """A document that people can restore. Its text is not told. Raises NotFound when it is in no recycle bin that we may see."""
        for book_id, space in list(self._spaces.items()):
            for page in self.site.heads(space, is_deleted=True):
                for head, _ in page:
                    if head.key == doc_id:
                        slug = head.deleted_slug or head.slug or ""
                        doc = Detail(int(doc_id), slug, head.title or "", book_id)
                        return Sought(doc, self._mark(slug, doc), space, is_trashed=True)
        raise NotFound(f"document {doc_id} is not there, and in no recycle bin that this token may see")

    def _remember(self, space: str) -> None:
        self._spaces.setdefault(self.site.book(space).id, space)

    def _mark(self, slug: str, doc: Detail) -> str:
        return blocks.mark_of(slug, doc.body or "", self.settings.installation)

    def _id_titled(self, space: str, title: str) -> str:
        self._remember(space)
        heads = (head for page in self.site.heads(space) for head, _ in page)
        return next((head.key for head in heads if (head.title or "").casefold() == title.casefold()), "")

    def _is_unfinished(self, found: Sought) -> bool:
        block = blocks.find_block(found.doc.body or "", found.mark)
        return block is not None and block.is_empty and block.kept == blocks.digest("")

    def _page(self, found: Sought) -> Page:
        doc, mark = found.doc, found.mark
        block = blocks.find_block(doc.body or "", mark) if mark else None
        parent = "" if found.is_trashed else self._parent_of(doc)
        name = self.settings.name
        return Page(
            ref=Ref.of(name, "document", str(doc.id)),
            title=doc.title,
            space=found.space,
            version=version_of(doc),
            url=web_url(self.settings, self._namespace(found), doc.slug),
            parent=Ref.of(name, "document", parent) if parent else None,
            mark=mark,
            block=blocks.digest(block.content) if block else NO_BLOCK if mark else "",
            status="trashed" if found.is_trashed else "current",
            is_untouched=block is not None and blocks.digest(block.content) == block.kept,
        )

    def _namespace(self, found: Sought) -> str:
        """The path of the book a document lies in, as its own answer tells it, else as we know the book."""
        named = found.doc.book.namespace if found.doc.book else None
        return named or (self.site.book(found.space).namespace if found.space else None) or found.space

    def _parent_of(self, doc: Detail) -> str:
        """The id of the document above ours in the table of contents; "" at the top, below a group, or when it is not in it."""
        if doc.book_id is None:
            return ""
        nodes = {node.uuid: node for node in self.site.toc(doc.book_id)}
        own = next((node for node in nodes.values() if node.doc == str(doc.id)), None)
        above = nodes.get(own.parent_uuid or "") if own else None
        return above.doc if above else ""

    # -- writing

    def create_page(self, mark: str, content: PageContent) -> Page:
        """A new document: empty at first, put into the table of contents, then filled. One that an earlier run began is taken up."""
        markdown = self._markdown(content)
        found = self._by_mark(content.space, mark)
        if found is not None and not self._is_unfinished(found):
            raise Conflict(f"our document {found.doc.title!r} is there already", found=version_of(found.doc))
        if found is None:
            found = self._begin(mark, content)
        self._put_into_toc(found.doc, content.parent)
        self._save(found, content.title, markdown)
        return self._page(self._by_id(str(found.doc.id)))

    def _begin(self, mark: str, content: PageContent) -> Sought:
        if other := self._id_titled(content.space, content.title):
            text = f"document {other} in {content.space} is already titled {content.title!r}"
            raise Conflict(f"{text}; rename it or give ours another title", found=other)
        body = blocks.wrap(mark, "", content.title, self.settings.language)
        try:
            doc = self.site.create(content.space, blocks.slug_of(mark), content.title, body)
        except SlugTaken as error:  # somebody else's hand was quicker, or another run's of ours
            raise Conflict(f"the path {blocks.slug_of(mark)} is taken in {content.space}: {error}") from error
        return Sought(self.site.detail(str(doc.id)), mark, content.space)

    def _put_into_toc(self, doc: Detail, parent: Ref | None) -> None:
        """A line in the table of contents, unless there is one. A token that may not change it publishes all the same."""
        book_id = doc.book_id
        if book_id is None:
            return
        nodes = self.site.toc(book_id)
        if any(node.doc == str(doc.id) for node in nodes):
            return
        try:
            self.site.add_to_toc(book_id, doc.id, _node_of(nodes, parent.key) if parent else "")
        except (AccessDenied, Refused) as error:
            log.warning("not_in_table_of_contents", connection=self.settings.name, page=str(doc.id), reason=str(error))

    def update_page(self, page: Page, mark: str, content: PageContent) -> Page:
        """Replace our block; nothing is saved when neither block nor title would change. A document that people renamed keeps their title,
        one that they moved stays where it is. Raises Conflict for one that holds what only Yuque's own editor can say.
        """
        found = self._by_id(page.ref.key)
        if version_of(found.doc) != page.version or found.is_trashed:
            what = "in the recycle bin" if found.is_trashed else f"at version {version_of(found.doc)}"
            raise Conflict(f"{found.doc.title!r} is {what}", page.version, version_of(found.doc))
        if found.mark != mark:
            raise Refused(
                f"{found.doc.title!r} carries {found.mark or 'no mark'}, not {mark}: it is not ours to change"
            )
        block = blocks.find_block(found.doc.body or "", mark)
        title, markdown = self._title_for(found, block, content.title), self._markdown(content)
        if block and blocks.digest(block.content) == blocks.digest(markdown) == block.kept and title == found.doc.title:
            return self._page(found)
        self._save(found, title, markdown)
        return self._page(self._by_id(page.ref.key))

    def _title_for(self, found: Sought, block: blocks.OwnBlock | None, wanted: str) -> str:
        is_ours = block is not None and block.title == blocks.title_digest(found.doc.title)
        return wanted if is_ours else found.doc.title

    def _save(self, found: Sought, title: str, markdown: str) -> None:
        """Save our block into the document, look that it was taken, and put back what somebody saved in the same moment."""
        doc = found.doc
        body = self._body_with(found, doc.body or "", title, markdown)
        self.site.update(doc.book_id or 0, doc.id, title, body, doc.public)
        for _ in range(MOST_REPAIRS):
            self._check_was_taken(doc.id, found.mark, markdown)
            late = self._late_version(doc)
            if late is None:
                return
            log.info("edit_put_back", connection=self.settings.name, page=str(doc.id))
            kept = doc.title if late.title is None else late.title
            title = title if kept == doc.title else kept  # renamed in that moment: their title stays
            doc = self._put_back(found, late, title, markdown)

    def _put_back(self, found: Sought, late: PastDetail, title: str, markdown: str) -> Detail:
        """Their version with our block in it; just theirs, and a Conflict, where our frame is no longer whole in it. The document as it
        stood before that."""
        now, theirs = self.site.detail(str(found.doc.id)), late.markdown or ""
        try:
            body = self._body_with(found, theirs, title, markdown)
        except Conflict:
            self.site.update(now.book_id or 0, now.id, title, theirs, now.public)
            raise
        self.site.update(now.book_id or 0, now.id, title, body, now.public)
        return now

    def _body_with(self, found: Sought, body: str, title: str, markdown: str) -> str:
        doc, mark = found.doc, found.mark
        if doc.body is None or (doc.type or "Doc") != "Doc":
            raise Conflict(f"{doc.title!r} is a {doc.type or 'thing without text'}, no document", found=version_of(doc))
        if doc.format == "lake" and CARD in (doc.body_lake or ""):
            text = "holds what only Yuque's own editor can say (a board, a file, an embedded page); saving Markdown would lose it"
            raise Conflict(f"{doc.title!r} {text}", found=version_of(doc))
        block = blocks.find_block(body, mark)
        if block is None and blocks.has_frame(body, mark):
            raise Conflict(f"the frame of our block in {doc.title!r} was damaged by hand", found=version_of(doc))
        return blocks.replace_block(body, block, mark, markdown, title, self.settings.language)

    def _check_was_taken(self, doc_id: int, mark: str, markdown: str) -> None:
        """Yuque may answer with success and keep what a document edited in its own editor said."""
        try:
            body = self.site.detail(str(doc_id)).body or ""
        except TryLater as error:
            raise LostAnswer(f"it was saved, but not read back: {error}") from error
        block = blocks.find_block(body, mark)
        if block is None or blocks.digest(block.content) != blocks.digest(markdown):
            raise Refused(
                "Yuque said yes and kept the old text: it was edited in its own editor; copy it into a new document or remove it"
            )

    def _late_version(self, looked: Detail) -> PastDetail | None:
        """What somebody saved after we looked and before our save; None when nobody did, or the history does not tell."""
        if looked.latest_version_id is None:
            return None
        try:
            ids = [version.id for version in self.site.versions(looked.id)]
            late = ids[1 : ids.index(looked.latest_version_id)] if looked.latest_version_id in ids else []
            return self.site.version(late[0]) if late else None
        except TielineError as error:
            log.warning("history_not_read", connection=self.settings.name, page=str(looked.id), reason=str(error))
            return None

    def remove_page(self, page: Page) -> None:
        """Into the recycle bin of its book, where people can restore it."""
        try:
            found = self._by_id(page.ref.key)
        except NotFound:
            return
        if found.is_trashed:
            return
        if not found.mark:
            raise Refused(f"{found.doc.title!r} is not ours")
        if version_of(found.doc) != page.version:
            raise Conflict(f"{found.doc.title!r} was edited", page.version, version_of(found.doc))
        self.site.delete(found.doc.book_id or 0, found.doc.id)
        self._take_out_of_toc(found.doc)

    def _take_out_of_toc(self, doc: Detail) -> None:
        """The line of a document that is gone, unless others stand below it."""
        try:
            nodes = self.site.toc(doc.book_id or 0)
            for node in nodes:
                if node.doc == str(doc.id) and not any(other.parent_uuid == node.uuid for other in nodes):
                    self.site.remove_from_toc(doc.book_id or 0, node.uuid)
        except TielineError as error:
            log.warning("left_in_table_of_contents", connection=self.settings.name, page=str(doc.id), reason=str(error))

    def _markdown(self, content: PageContent) -> str:
        return blocks.markdown_of(content.body, self.settings.language)


def _node_of(nodes: list[Node], doc_id: str) -> str:
    return next((node.uuid for node in nodes if node.doc == doc_id), "")


def version_of(doc: Detail) -> str:
    """What changes with every edit: the published version, and what it says. The text alone would not tell an edit that was taken back, the
    version alone is not told everywhere.
    """
    said = hashlib.blake2b(f"{doc.title}\0{doc.body or ''}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{doc.latest_version_id or ''}.{said}"
