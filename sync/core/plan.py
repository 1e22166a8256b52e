"""What should be written, and why: compare what is desired with what stands there and what we last published.

Pure. ``keys_to_look_at`` says which targets must be read first, ``diff`` makes the plan, ``check_limits`` is the brake.
No vendor knowledge; the rules are the table in docs/trust.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Mapping
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from sync.core.errors import UnsafePlan
from sync.core.ports import LinkEnd, PageContent, Written
from sync.core.rich_text import RichText
from sync.core.values import Finding, LinkSide, Ref

Kind = Literal["comment", "link", "page"]
Operation = Literal["create", "update", "remove"]
PublishedState = Literal["published", "undone"]
SkipReason = Literal["held", "blocked", "edited", "gone", "undone", "not_ours", "orphaned"]


class CommentContent(Struct, frozen=True, tag="comment"):
    """One living comment."""

    body: RichText


class LinkContent(Struct, frozen=True, tag="link"):
    """The target waits for, or blocks, the other end."""

    other: LinkEnd
    side: LinkSide


class PageAsContent(Struct, frozen=True, tag="page"):
    """A whole page of ours."""

    page: PageContent


Content = CommentContent | LinkContent | PageAsContent


class Desired(Struct, frozen=True):
    """What should be true at one target. ``key`` is its identity for ever; ``facts`` and ``message`` are all that its digest covers.

    ``rests_on`` names the connections whose data it was judged on: while one of them is not proven complete, nothing is written.
    """

    key: str
    job: str
    target: Ref
    message: str
    facts: Mapping[str, Any]
    content: Content
    reason: str
    rests_on: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        return kind_of(self.content)


class Published(Struct, frozen=True):
    """What we last wrote under a key: the ledger's memory. ``target_version`` is the target record's version when we last looked."""

    key: str
    job: str
    target: Ref
    kind: Kind
    written: Written
    digest: str
    message: str
    facts: Mapping[str, Any]
    content: Content
    rests_on: tuple[str, ...]
    run: str
    at: datetime
    state: PublishedState = "published"
    target_version: str = ""


class Judgement(Struct, frozen=True):
    """A job's verdict: what it noticed and what should be true. A published key of the job that is not desired any more is withdrawn:
    a link of ours is removed; comments and pages the job closes itself, by desiring their closing text.
    """

    findings: tuple[Finding, ...] = ()
    desired: tuple[Desired, ...] = ()


class Change(Struct, frozen=True):
    """One write, exactly as ``apply`` will make it. ``expected`` is the state it was planned on."""

    operation: Operation
    key: str
    job: str
    target: Ref
    kind: Kind
    content: Content
    digest: str
    message: str
    facts: Mapping[str, Any]
    reason: str
    mark: str
    rests_on: tuple[str, ...] = ()
    expected: Written | None = None


class Skip(Struct, frozen=True):
    """A write that was considered and is not made, and why."""

    key: str
    target: Ref
    reason: SkipReason
    detail: str = ""
    found: Written | None = None


class Adoption(Struct, frozen=True):
    """A target that already says what is desired: remembered without writing (after a crash, or because a person did it first)."""

    desired: Desired
    found: Written


class Plan(Struct, frozen=True):
    """The exact writes, in order, with what was left alone and why. An unchanged world gives an empty plan."""

    changes: tuple[Change, ...] = ()
    skips: tuple[Skip, ...] = ()
    adoptions: tuple[Adoption, ...] = ()

    def counts(self) -> dict[str, int]:
        """Writes by operation and kind ("create comment": 2)."""
        counts: dict[str, int] = {}
        for change in self.changes:
            word = f"{change.operation} {change.kind}"
            counts[word] = counts.get(word, 0) + 1
        return counts


class Limits(Struct, frozen=True):
    """The brakes. ``max_changes`` a run; ``max_share`` of what is published that may be changed or
    removed at once (from ``share_from`` entries on)."""

    max_changes: int = 200
    max_share: float = 0.5
    share_from: int = 30
    max_first_run_changes: int = 0


class Existing(Struct, frozen=True):
    """The outcome of a look: what stands at the target under the key's mark, or nothing. ``intended_digest`` is what an unconfirmed
    earlier intent tried to write there, so that a found write can be told from an older one.
    """

    found: Written | None
    intended_digest: str = ""


def kind_of(content: Content) -> Kind:
    """The kind of thing a content is written as."""
    match content:
        case CommentContent():
            return "comment"
        case LinkContent():
            return "link"
        case PageAsContent():
            return "page"


def digest_of(message: str, facts: Mapping[str, Any]) -> str:
    """A digest of facts and message id: wording, order of keys and clock ticks do not change it."""
    text = msgspec.json.encode([message, facts], order="deterministic", enc_hook=_plain)
    return hashlib.sha256(text).hexdigest()[:32]


def _plain(value: object) -> object:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(f"{type(value).__name__} is not a fact")


def mark_of(installation: str, key: str) -> str:
    """Our mark at a target: the installation and a digest of the key, short enough for every vendor and the same for ever."""
    return f"tieline:{installation}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def keys_to_look_at(
    desired: Iterable[Desired],
    published: Mapping[str, Published],
    versions: Mapping[str, str],
    open_keys: Container[str] = (),
) -> list[Desired]:
    """The desired items whose target must be read before planning: new ones, changed ones, those whose target moved since our last
    look, and those with a write of unknown fate (``open_keys``). ``versions`` maps keys to their target's version as
    collected; a key that is not in it must be looked at.
    """

    def is_settled(item: Desired) -> bool:
        last = published.get(item.key)
        return (
            last is not None
            and item.key not in open_keys
            and last.state == "published"
            and last.digest == digest_of(item.message, item.facts)
            and versions.get(item.key) == last.target_version
        )

    return [item for item in desired if not is_settled(item)]


def diff(
    installation: str,
    desired: Iterable[Desired],
    published: Mapping[str, Published],
    existing: Mapping[str, Existing],
    fresh: Iterable[str],
    blocked: Mapping[str, str] | None = None,
) -> Plan:
    """The plan. ``published`` is one job set's ledger; ``existing`` holds what looks found; ``fresh`` the connections proven complete;
    ``blocked`` the keys whose target could not be read, and why.
    """
    fresh_names = frozenset(fresh)
    changes: list[Change] = []
    skips: list[Skip] = []
    adoptions: list[Adoption] = []
    wanted = {item.key: item for item in desired}
    for item in wanted.values():
        if blocked and item.key in blocked:
            skips.append(Skip(item.key, item.target, "blocked", blocked[item.key]))
            continue
        verdict = _decide(installation, item, published.get(item.key), existing.get(item.key), fresh_names)
        _sort(verdict, changes, skips, adoptions)
    for last in published.values():
        if last.key not in wanted and last.state == "published":
            _sort(_withdraw(installation, last, fresh_names), changes, skips, adoptions)
    order = {"page": 0, "link": 1, "comment": 2}
    changes.sort(key=lambda change: order[change.kind])  # stable: within a kind, as the job gave them (parents first)
    return Plan(tuple(changes), tuple(skips), tuple(adoptions))


def _sort(
    verdict: Change | Skip | Adoption | None, changes: list[Change], skips: list[Skip], adoptions: list[Adoption]
) -> None:
    match verdict:
        case Change():
            changes.append(verdict)
        case Skip():
            skips.append(verdict)
        case Adoption():
            adoptions.append(verdict)


def _decide(
    installation: str, item: Desired, last: Published | None, existing: Existing | None, fresh: frozenset[str]
) -> Change | Skip | Adoption | None:
    digest = digest_of(item.message, item.facts)
    if missing := sorted(set(item.rests_on) - fresh):
        is_news = last is None or last.digest != digest
        return Skip(item.key, item.target, "held", ", ".join(missing)) if is_news else None
    if last is None:
        return _decide_new(installation, item, digest, existing)
    if last.state == "undone" and last.digest == digest:
        return Skip(item.key, item.target, "undone")
    if existing is None:
        return None
    if existing.found is None:
        if last.state == "undone":
            return _change("create", installation, item, digest, None)
        return Skip(item.key, item.target, "gone", last.written.url)
    return _decide_known(installation, item, digest, last, existing.found, existing.intended_digest)


def _decide_new(installation: str, item: Desired, digest: str, existing: Existing | None) -> Change | Adoption | Skip:
    found = existing.found if existing else None
    if found is None:
        return _change("create", installation, item, digest, None)
    if item.kind == "link" or (existing and existing.intended_digest == digest):
        return Adoption(item, found)
    if not found.is_ours:
        return Skip(item.key, item.target, "not_ours", found.url, found)
    return _change("update", installation, item, digest, found)


def _decide_known(
    installation: str, item: Desired, digest: str, last: Published, found: Written, intended_digest: str
) -> Change | Adoption | Skip | None:
    is_intact = found.version == last.written.version or (bool(found.block) and found.block == last.written.block)
    if not is_intact and intended_digest and found.is_ours:
        # A write of ours has an unknown fate and the target moved: it landed, though we died before we heard of it.
        return (
            Adoption(item, found) if intended_digest == digest else _change("update", installation, item, digest, found)
        )
    if not is_intact:
        return Skip(item.key, item.target, "edited", found.url, found)
    if last.digest == digest:
        return None
    if not found.is_ours:
        return Skip(item.key, item.target, "not_ours", found.url, found)
    return _change("update", installation, item, digest, found)


def _withdraw(installation: str, last: Published, fresh: frozenset[str]) -> Change | Skip | None:
    """Only what is ours, and only on data that was proven complete (rule 9)."""
    if last.kind != "link":
        return Skip(last.key, last.target, "orphaned", last.written.url)
    if not last.written.is_ours:
        return None
    if missing := sorted(set(last.rests_on) - fresh):
        return Skip(last.key, last.target, "held", ", ".join(missing))
    return Change(
        operation="remove",
        key=last.key,
        job=last.job,
        target=last.target,
        kind=last.kind,
        content=last.content,
        digest=last.digest,
        message=last.message,
        facts=last.facts,
        reason="no longer desired",
        mark=mark_of(installation, last.key),
        rests_on=last.rests_on,
        expected=last.written,
    )


def _change(operation: Operation, installation: str, item: Desired, digest: str, expected: Written | None) -> Change:
    return Change(
        operation=operation,
        key=item.key,
        job=item.job,
        target=item.target,
        kind=item.kind,
        content=item.content,
        digest=digest,
        message=item.message,
        facts=item.facts,
        reason=item.reason,
        mark=mark_of(installation, item.key),
        rests_on=item.rests_on,
        expected=expected,
    )


class Accepted(Struct, frozen=True):
    """Which brakes an admin releases for one run, after looking at the plan."""

    is_first_run: bool = False
    is_plan: bool = False


def check_limits(plan: Plan, published_count: int, limits: Limits, accepted: Accepted) -> None:
    """Raise UnsafePlan when the plan would write more than the limits allow. An empty plan is always safe."""
    counts = plan.counts()
    total = len(plan.changes)
    if published_count == 0 and total > limits.max_first_run_changes and not accepted.is_first_run:
        raise UnsafePlan(
            f"this first run would make {total} writes; look at `tieline plan`, then run with --accept-first-run",
            counts,
            f"limits.max_first_run_changes = {limits.max_first_run_changes}",
        )
    if accepted.is_plan:
        return
    if total > limits.max_changes:
        raise UnsafePlan(
            f"{total} writes planned, {limits.max_changes} allowed; look at `tieline plan`, then run with --accept-plan",
            counts,
            f"limits.max_changes = {limits.max_changes}",
        )
    touched = sum(1 for change in plan.changes if change.operation != "create")
    if published_count >= limits.share_from and touched > limits.max_share * published_count:
        raise UnsafePlan(
            f"{touched} of {published_count} published entries would change at once; look at `tieline plan`, "
            "then run with --accept-plan",
            counts,
            f"limits.max_share = {limits.max_share}",
        )
