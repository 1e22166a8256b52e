"""What a connector may offer, as small protocols; and the manifests by which connectors and jobs introduce themselves.

Every promise in a docstring here has a test in ``tests/conformance``. All methods block; all raise the errors of
``sync.core.errors`` and nothing else; what a vendor cannot express raises ``CannotExpress``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from msgspec import Struct, field

from sync.core.errors import CannotExpress
from sync.core.hooks import Hint, HookRequest
from sync.core.messages import CallbackReply, Hearing
from sync.core.options import OptionKind
from sync.core.rich_text import RichText
from sync.core.values import Account, LinkSide, RawRecord, Record, Ref
from sync.core.view import View
from sync.core.vocabulary import Vocabulary

if TYPE_CHECKING:
    from sync.core.plan import Judgement, Published


class SiteIdentity(Struct, frozen=True):
    """Which site and account a connection really talks to. ``fingerprint`` never changes for a site and differs between sites.

    ``zone`` is the account's own time zone; ``now`` the vendor's clock as last seen (None when it does not say).
    """

    fingerprint: str
    account: Account
    zone: str = "UTC"
    now: datetime | None = None
    expires_at: datetime | None = None


class Cursor(Struct, frozen=True):
    """How far one stream of one scope was read. The next read asks for everything since ``since`` minus the overlap, without an
    upper bound; the raw records themselves are the set of versions already seen there.

    Two horizons: ``since`` is the fresh one; ``settled`` the instant up to which every edit is known to be here, which lies behind by
    as much as the vendor's index may lag. ``counted`` is the fresh horizon at the last census that proved the scope: what was hidden
    then and edited may show again with an older date. ``feed`` is the token up to which the vendor's feed was followed
    (``hooks.Feed``), "" where there is none.

    ``whole_at`` is when the last reading of everything began, by our clock. One that has not ended yet is under way since
    ``loading_since``, over as many runs as it takes; ``is_loading``: it is the first. ``is_gap``: the feed lost count, and nothing is
    proven until everything was read, and counted, since. ``is_listed``: the lists brought nothing more within a run's calls, so what
    is left is read by id; ``is_starved``: the last run left it no calls, so it goes before the census once.
    """

    stream: str
    scope: str
    since: datetime
    settled: datetime | None = None
    counted: datetime | None = None
    whole_at: datetime | None = None
    is_loading: bool = False
    loading_since: datetime | None = None
    feed: str = ""
    is_gap: bool = False
    is_listed: bool = False
    is_starved: bool = False


class Shard(Struct, frozen=True):
    """A piece of a stream that can be read alone and in parallel. ``ids`` names exact items, ``position`` is the connector's own."""

    stream: str
    scope: str
    ids: tuple[str, ...] = ()
    position: Mapping[str, Any] = {}


class Stream(Struct, frozen=True):
    """One kind of record a source offers. ``kind`` is the ref kind of its records; only tasks and documents are counted by a census.

    ``settles_after_h`` is how many hours the vendor's index may lag behind an edit: 0 where lists are read from the items themselves.
    ``rereads_after_h``: some facts move no date (restrictions, labels), so everything is read again after so many hours; 0: never.
    """

    name: str
    kind: str
    has_census: bool = True
    settles_after_h: float = 0.0
    rereads_after_h: float = 0.0


class Probe(Struct, frozen=True):
    """One thing ``doctor`` tried: an operation, whether it may be done, and in the vendor's console words what to change if not.

    ``is_ok`` None means it could not be told without writing.
    """

    operation: str
    is_ok: bool | None
    detail: str = ""
    cure: str = ""


@runtime_checkable
class Source(Protocol):
    """Reads a site. Shards may be fetched from several threads at once; pages are raw records in any order."""

    def identify(self) -> SiteIdentity:
        """Who and where we are. Raises AccessDenied when the credentials are refused or have silently become anonymous."""
        ...

    def vocabulary(self) -> Vocabulary:
        """The site's own words, as visible to this account."""
        ...

    def probes(self) -> Iterator[Probe]:
        """Try each operation this connection needs, without changing anything."""
        ...

    def streams(self) -> Sequence[Stream]:
        """The streams of this source, in the order in which they should be collected."""
        ...

    def shards(self, stream: str, cursor: Cursor | None, scope: str) -> Iterator[Shard]:
        """The pieces to read: all of the scope without a cursor, else what changed since it (overlap included). Lazy."""
        ...

    def fetch(self, shard: Shard) -> Iterator[Sequence[RawRecord]]:
        """The records of a shard, page by page. An item that is gone or hidden is left out; the census will tell."""
        ...

    def pick(self, stream: str, scope: str, ids: Sequence[str]) -> Iterator[Shard]:
        """Shards that read exactly these items, by strongly consistent reads."""
        ...

    def census(self, stream: str, scope: str) -> Iterator[Sequence[str]]:
        """Every item's id in the scope now, page by page, and nothing else."""
        ...

    def look_up(self, stream: str, item_id: str) -> Literal["here", "moved", "archived", "deleted", "hidden"]:
        """Why an item is missing from a census, by a direct read. ``hidden`` where the vendor does not tell deleted from forbidden."""
        ...


class Written(Struct, frozen=True):
    """Something at a target, as it stands there now. ``version`` changes whenever anybody edits it; ``block`` is a digest of what our
    own part says, however the vendor spells it; ``is_ours`` tells who made it. ``is_untouched``: by the digest kept in its own
    mark it says exactly what a Tieline wrote last, whatever the ledger remembers.
    """

    id: str
    version: str
    url: str = ""
    block: str = ""
    is_ours: bool = True
    is_untouched: bool = False


class LinkEnd(Struct, frozen=True):
    """The other end of a link as it may be shown at a target: already cleared for that target's readers."""

    ref: Ref
    key: str
    title: str
    url: str
    is_done: bool = False


@runtime_checkable
class Tracker(Protocol):
    """Writes to tasks. Every written thing carries ``mark``; find_* looks for it with a strongly consistent read."""

    def find_comment(self, task: Ref, mark: str) -> Written | None:
        """Our comment with this mark, or None."""
        ...

    def add_comment(self, task: Ref, mark: str, body: RichText) -> Written:
        """A new comment. Raises LostAnswer when it may or may not have been made."""
        ...

    def edit_comment(self, task: Ref, comment: Written, mark: str, body: RichText) -> Written:
        """Replace our comment. Raises Conflict when its version is no longer ``comment.version``, NotFound when it is gone."""
        ...

    def remove_comment(self, task: Ref, comment: Written) -> None:
        """Remove our comment. Raises Conflict when it was edited since; one already gone is no error."""
        ...

    def block_of_comment(self, body: RichText) -> str:
        """The ``block`` that ``find_comment`` would tell of a comment with just this body. Pure."""
        ...

    def marks_on(self, task: Ref) -> Sequence[str]:
        """Every Tieline mark on the task's comments, of this installation and of others."""
        ...

    def find_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written | None:
        """A link on the task that already says this, ours or anybody's, or None."""
        ...

    def add_link(self, task: Ref, other: LinkEnd, side: LinkSide, mark: str) -> Written:
        """Say on the task that it waits for, or blocks, the other end; read back and undone if it says the reverse."""
        ...

    def remove_link(self, task: Ref, link: Written) -> None:
        """Remove a link we made. A link already gone is no error."""
        ...


class Page(Struct, frozen=True):
    """A page as it stands. ``mark`` is empty when the page is not ours; ``block`` is the digest of our marked block as the vendor
    stores it (servers rewrite storage formats, so it is taken by reading back, never from what was sent).
    """

    ref: Ref
    title: str
    space: str
    version: str
    url: str
    parent: Ref | None = None
    labels: tuple[str, ...] = ()
    mark: str = ""
    block: str = ""
    status: Literal["current", "trashed", "archived"] = "current"
    is_untouched: bool = False  # by the digest kept with its mark, our block says what a Tieline wrote last


class PageContent(Struct, frozen=True):
    """A page as it should be. ``attachments`` are uploaded before the body that shows them; ``parent`` None is the space's home."""

    space: str
    title: str
    body: RichText
    parent: Ref | None = None
    parent_key: str = (
        ""  # key of the desired page that is the parent, where it may not exist yet; ``apply`` resolves it
    )
    labels: tuple[str, ...] = ()
    attachments: tuple[tuple[str, bytes], ...] = ()


@runtime_checkable
class KnowledgeBase(Protocol):
    """Writes pages. A page is ours by its mark, never by its title; what stands outside our block is never touched."""

    def find_page(self, space: str, mark: str, title: str) -> Page | None:
        """Our page with this mark. ``title`` only narrows the search; a page of that title without our mark is not returned."""
        ...

    def page_titled(self, space: str, title: str) -> Page | None:
        """Whoever's current page has this title in the space, by a consistent read; None when no page that we may see has it."""
        ...

    def get_page(self, ref: Ref) -> Page:
        """The page by id, with its mark. Raises NotFound."""
        ...

    def create_page(self, mark: str, content: PageContent) -> Page:
        """A new page. Raises Conflict when a page of that title exists in the space (it is not taken over)."""
        ...

    def update_page(self, page: Page, mark: str, content: PageContent) -> Page:
        """Replace our block. Raises Conflict when the page's version is no longer ``page.version``. Inline comments survive
        where their text does; unchanged attachments are not uploaded again."""
        ...

    def block_of_page(self, content: PageContent) -> str:
        """The ``block`` that a page with this content would have. Pure."""
        ...

    def remove_page(self, page: Page) -> None:
        """Put our page where its tool lets people restore it. Raises Conflict when it was edited since, Refused when it is not ours."""
        ...


@runtime_checkable
class Directory(Protocol):
    """Knows the people of a site."""

    def accounts(self) -> Iterator[Sequence[Account]]:
        """Every account visible to us, page by page."""
        ...


class ConnectionSettings(Struct, frozen=True):
    """One connection of ``tieline.yaml``, secrets resolved. ``scopes`` come from its mapping; ``options`` are the connector's own."""

    name: str
    type: str
    base_url: str
    variant: str = ""
    browse_base: str = ""
    installation: str = "tieline"
    language: str = "zh-CN"
    zone: str = "Asia/Shanghai"
    scopes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # vendor field names the mapping reads, for sources that must ask for fields
    credentials: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    requests_per_second: float = 0.0  # 0: the connector's own
    in_flight: int = 0


def no_records(raw: RawRecord, settings: ConnectionSettings) -> Record:
    """The ``record_from_raw`` of a connector from which nothing is collected."""
    raise CannotExpress(f"nothing is collected from {settings.type}: {raw.ref}")


@dataclass(frozen=True)
class Connector:
    """A vendor's manifest: ``connectors/<vendor>/__init__.py`` exports one as ``CONNECTOR``.

    ``credentials`` maps each variant to the setting names it needs; ``connect`` builds an object that offers ``ports`` and has
    its ``remote`` (sync.remote.Remote) and ``close()``;
    ``record_from_raw`` is pure and decodes any raw record of the stream kinds its source offers.
    """

    name: str
    variants: tuple[str, ...]
    default_base_url: str
    credentials: Mapping[str, tuple[str, ...]]  # by variant: the settings it needs to sign in
    # source, tracker, replies, knowledge_base, directory, messenger, organisation, metric_source, metric_catalog, metric_sink
    ports: tuple[str, ...]
    connect: Callable[[ConnectionSettings], Any]
    record_from_raw: Callable[[RawRecord, ConnectionSettings], Record]  # ``no_records`` where nothing is collected
    scope_word: str  # what a scope is called here: projects, boards, spaces; rooms where nothing is collected
    # By variant that offers less than ``ports``: what it offers (a robot only speaks).
    variant_ports: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    # By variant: another set of settings that will do instead.
    other_credentials: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    # By variant: secrets that may be given as well (a callback's key, a robot's signature).
    optional_credentials: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    # A setting, and those without which it does nothing.
    wants_beside: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    # Those of the credentials that are no secrets and may stand in tieline.yaml, besides the usual ones (a user's name, a client's id).
    plain_credentials: tuple[str, ...] = ()
    has_mutual_links: bool = False
    links_at_one_end: tuple[str, ...] = ()  # variants whose links show only where they were made all the same
    options: tuple[str, ...] = ()
    option_kinds: Mapping[str, OptionKind] = dataclasses.field(default_factory=dict)  # what is not named is a text
    # Pure. From the variant and the options: (setting, what is wrong, what to do) of mistakes that no kind tells.
    check_options: Callable[[str, Mapping[str, Any]], Iterator[tuple[str, str, str]]] | None = None
    # Pure. From the variant and the options: ports of the variant that a connection set up so does not offer.
    withheld: Callable[[str, Mapping[str, Any]], tuple[str, ...]] | None = None
    # Pure. From the variant and the options: what a messenger reaches; the words are those of ``ConnectionFacts.reaches``.
    reaches: Callable[[str, Mapping[str, Any]], tuple[str, ...]] | None = None
    # By variant: how fast it may be asked where tieline.yaml does not say; 20 for a variant that is not named.
    requests_per_second: Mapping[str, float] = dataclasses.field(default_factory=dict)
    in_flight: int = 8
    # Pure. Hints from a delivery whose signature fits the credential ``webhook_secret``; raises AccessDenied for any other. Of a good
    # one that tells nothing we collect, none.
    hints_from: Callable[[HookRequest, ConnectionSettings], tuple[Hint, ...]] | None = None
    # By variant that sends webhooks: a connection has the port Webhooks as its ``webhooks``, or an admin registers by hand.
    webhooks: Mapping[str, Literal["registered", "by_hand"]] = dataclasses.field(default_factory=dict)
    # A header of a delivery that its answer repeats, where a vendor knows by that whose the address is; lower case.
    echoed_header: str = ""
    # Pure. What people answered, out of a vendor's callback (its own check of an address too), and what it is answered with at once; raises
    # AccessDenied for a signature that does not fit the connection's credentials.
    answers_from: Callable[[HookRequest, ConnectionSettings], CallbackReply] | None = None
    # By variant that hears answers without a public address: a connection has the port Listener.
    hears: Mapping[str, Hearing] = dataclasses.field(default_factory=dict)

    def offered(self, variant: str, options: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        """The ports that a connection of this variant offers, and with these options where they are given."""
        ports = self.variant_ports.get(variant, self.ports)
        lacking = self.withheld(variant, options) if self.withheld and options is not None else ()
        return tuple(port for port in ports if port not in lacking)


@dataclass(frozen=True)
class Job:
    """A job's manifest: ``jobs/<job>/__init__.py`` exports one as ``JOB``. ``judge`` is pure: same view, settings and
    published entries (this job's, by key), same judgement.

    ``settings`` is a msgspec Struct type: what the admin may say under ``jobs.<name>`` in ``tieline.yaml``.
    ``folder_setting`` names the setting whose folder is read into ``view.files`` for it, if any. One that ``reads_findings`` is judged
    after all others and sees what they found as ``view.standing``, and what is over as ``view.ended``. Of these one that ``asks`` people
    about findings comes first, and the others see whom (``Judgement.asked``) as ``view.asked``.
    """

    name: str
    settings: type[Struct]
    judge: Callable[[View, Any, Mapping[str, Published]], Judgement]
    folder_setting: str = ""
    reads_findings: bool = False
    asks: bool = False
