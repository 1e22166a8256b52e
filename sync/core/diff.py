"""Compare what is desired with what stands there and what we last published: the exact writes, and what is left alone and why.

Pure. ``keys_to_look_at`` says which targets must be read first, ``diff`` makes the plan. No vendor knowledge; the rules are
the table in docs/trust.md.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from msgspec.structs import replace

from sync.core.plan import (
    IN_CHATS,
    MOST_REWRITES,
    Adoption,
    Change,
    Desired,
    Existing,
    Operation,
    Plan,
    Published,
    Skip,
    digest_of,
    installation_of,
    mark_of,
)
from sync.core.ports import Written


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
            and (
                versions.get(item.key) == last.target_version
                or item.kind in IN_CHATS  # said is said
                or item.is_handed_over
            )
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
    order = {"page": 0, "link": 1, "comment": 2, "table": 3, "room": 4, "message": 5}
    changes.sort(key=lambda change: order[change.kind])  # stable: within a kind, as the job gave them (parents first)
    unremembered = tuple(
        key for key, seen in existing.items() if key in wanted and _is_unremembered(published.get(key), seen)
    )
    if unremembered:
        doubtful = {change.key for change in changes if change.kind == "message" and change.key not in published}
        adoptions += [Adoption(wanted[key], SAID_BEFORE) for key in doubtful]
        changes = [change for change in changes if change.key not in doubtful]
    return Plan(tuple(changes), tuple(skips), tuple(adoptions), unremembered)


SAID_BEFORE = Written("", "", is_untouched=True)
"""What stands in a room that cannot be asked, when the ledger is older than what stands elsewhere: it may well have been said, so it counts
as said, and is never said twice."""


def _is_unremembered(last: Published | None, seen: Existing) -> bool:
    """Something that a Tieline of this installation wrote and nobody touched since, and not what the ledger says."""
    found = seen.found
    if found is None or not found.is_untouched or not found.is_ours or seen.intended_digest:
        return False
    return last is None or (last.state == "published" and not _is_as_left(last, found))


def _is_as_left(last: Published, found: Written) -> bool:
    return found.version == last.written.version or (bool(found.block) and found.block == last.written.block)


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
        if existing.is_unsure:
            return Skip(item.key, item.target, "unsure", last.written.url)
        if last.state == "undone" or item.kind == "message":
            return _change("create", installation, item, digest, None)
        return Skip(item.key, item.target, "gone", last.written.url)
    return _decide_known(installation, item, digest, last, existing, existing.found)


def _decide_new(installation: str, item: Desired, digest: str, existing: Existing | None) -> Change | Adoption | Skip:
    if existing is None or existing.found is None:
        if existing and existing.is_unsure:
            return Skip(item.key, item.target, "unsure")
        if existing and existing.other_mark:
            return Skip(item.key, item.target, "second_installation", installation_of(existing.other_mark))
        return _change("create", installation, item, digest, None)
    found = existing.found
    if item.kind == "link" or _says_so(item, existing, found, digest):
        return Adoption(item, found)
    if not found.is_ours:
        return Skip(item.key, item.target, "not_ours", found.url, found)
    if found.block and not found.is_untouched:
        return Skip(item.key, item.target, "edited", found.url, found)
    return _change("update", installation, item, digest, found)


def _says_so(item: Desired, existing: Existing, found: Written, digest: str) -> bool:
    """True when the target already says what is desired: by its text, or because an intent meant just this and nobody touched it."""
    if not found.is_ours or (found.block and _is_unfinished_page(item, existing)) or _is_unfinished_table(item, found):
        return False
    if found.block and found.block == existing.desired_block:
        return True
    return existing.intended_digest == digest and (found.is_untouched or not found.block)


def _is_unfinished_page(item: Desired, existing: Existing) -> bool:
    """A page is more than its block: a run that died may have saved the body and not the labels, files or our property. Updating it
    again saves only what is missing.
    """
    return item.kind == "page" and bool(existing.intended_digest)


def _is_unfinished_table(item: Desired, found: Written) -> bool:
    """A table without a digest was begun and not ended: some of its rows may be missing, whatever the intent meant."""
    return item.kind == "table" and not found.block


def _decide_known(
    installation: str, item: Desired, digest: str, last: Published, existing: Existing, found: Written
) -> Change | Adoption | Skip | None:
    is_as_left = _is_as_left(last, found)
    if not is_as_left and _says_so(item, existing, found, digest):
        return Adoption(item, found)
    is_lost_write = (
        bool(existing.intended_digest) and found.is_ours and not found.block
    )  # no digest tells; the intent must
    if not (is_as_left or found.is_untouched or is_lost_write):
        return Skip(item.key, item.target, "edited", found.url, found)
    if last.digest == digest and is_as_left:
        return None
    if not found.is_ours:
        return Skip(item.key, item.target, "not_ours", found.url, found)
    is_rewrite = not is_as_left and not existing.intended_digest
    if is_rewrite and last.rewrites >= MOST_REWRITES:
        return Skip(item.key, item.target, "oscillating", found.url, found)
    change = _change("update", installation, item, digest, found)
    return replace(change, rewrites=last.rewrites + 1) if is_rewrite else change


def _withdraw(installation: str, last: Published, fresh: frozenset[str]) -> Change | Skip | None:
    """Only what is ours, and only on data that was proven complete (rule 9)."""
    if last.kind in IN_CHATS:
        return None  # said is said
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
