"""What comments on a task may be about: the delays that we told of there, and an incident of the task itself."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sync.core.answering import CONFIRM, DENY, SOLVE
from sync.core.plan import Published
from sync.core.replies import Reply, Said, named_in
from sync.core.values import Ref, Task, TrackedFinding, ends_of
from sync.store.store import Store

SKEW = timedelta(minutes=5)
"""How far the tool's clock may be behind ours: the times of its comments are compared with when we noticed something."""
TAKEN_BACK_WITHIN = timedelta(days=30)
"""How long 是依赖 under a comment that 不是依赖 has closed takes that back; later it is said on the command line."""


@dataclass(frozen=True)
class Topic:
    """Something that a comment on a task may be about: a finding, by its key, and the dependency where it is about one. ``comment`` is the
    id of our comment about it, ``names`` what the other task is called, ``since`` when it began by our clock. ``is_cause``: the task
    itself is what is late."""

    key: str
    since: datetime
    dependency: str = ""
    comment: str = ""
    names: tuple[str, ...] = ()
    is_incident: bool = False
    is_denied: bool = False
    is_cause: bool = False


def topics_of(store: Store, connections: Container[str], at: datetime) -> dict[Ref, list[Topic]]:
    """What comments may be about now, by the task on which they stand, in these connections."""
    standing = {item.finding.key: item for item in store.findings("open", "acknowledged")}
    denied = {
        key: item.at
        for key, item in store.answers().items()
        if item.answer == "rejected" and at - item.at <= TAKEN_BACK_WITHIN
    }
    ours = [item for item in store.published().values() if item.kind == "comment" and item.state == "published"]
    about = {item.key: _dependency_of(item) for item in ours if item.target.connection in connections}
    tasks = store.tasks_of([ref for dependency in about.values() if dependency for ref in ends_of(dependency)])
    found: dict[Ref, list[Topic]] = {}
    for item in (item for item in ours if about.get(item.key)):
        if topic := _delay(item, about[item.key], standing, denied, tasks):
            found.setdefault(item.target, []).append(topic)
    for ref, topic in _incidents(standing.values(), connections):
        found.setdefault(ref, []).append(topic)
    return found


def stood(topics: Iterable[Topic], reply: Reply, later: Sequence[Reply]) -> list[Topic]:
    """Those of which something was told when this comment was written: ours does not stand among the ``later`` ones."""
    told_later = {item.id for item in later if item.by == "us"}
    return [topic for topic in topics if topic.comment not in told_later and reply.written_at >= topic.since - SKEW]


def about(said: Said, reply: Reply, topics: Sequence[Topic]) -> list[Topic]:
    """Which of these a comment is about, first what stands longest: the one to whose comment it replies, else those whose other task it
    names, else all that it can be: an incident of the task before its delays, and those that it causes before those that it suffers."""
    topics = sorted(topics, key=lambda topic: (topic.since, topic.key))
    incidents = [topic for topic in topics if topic.is_incident]
    denied = [topic for topic in topics if topic.is_denied]
    delays = [topic for topic in topics if topic not in (*incidents, *denied)]
    pools = {DENY: delays, CONFIRM: denied or delays, SOLVE: incidents}
    causes = [topic for topic in delays if topic.is_cause]
    pool = pools.get(said.action, incidents or causes or delays)
    if answered := [topic for topic in pool if topic.comment and topic.comment == reply.in_reply_to]:
        return answered
    named = named_in(reply.text, {topic.key: topic.names for topic in (*delays, *denied)})
    return [
        topic for topic in (*delays, *denied) if topic.key in named and (topic not in denied or topic in pool)
    ] or pool


def is_clear(said: Said, topics: Sequence[Topic]) -> bool:
    """Whether it is known what is meant, or that it is nothing. Several delays that one task causes are one matter (docs/escalation.md,
    E19) to whoever takes it on; that something is no dependency is said of one."""
    return len(topics) < 2 or (said.action not in (DENY, CONFIRM) and all(topic.is_cause for topic in topics))


def _delay(
    item: Published,
    dependency: str,
    standing: Mapping[str, TrackedFinding],
    denied: Mapping[str, datetime],
    tasks: Mapping[Ref, Task],
) -> Topic | None:
    names = tuple(
        name
        for ref in ends_of(dependency)
        if ref != item.target and (task := tasks.get(ref)) and task.visibility == "open"
        for name in (task.key, task.title, task.url)
        if name
    )
    key, is_cause = f"{item.job}:delay:{dependency}", dependency.startswith(f"{item.target}>")
    if found := standing.get(key):
        return Topic(key, found.opened_at, dependency, item.written.id, names, is_cause=is_cause)
    if said_at := denied.get(dependency):
        return Topic(key, said_at, dependency, item.written.id, names, is_denied=True)
    return None


def _incidents(standing: Iterable[TrackedFinding], connections: Container[str]) -> Iterator[tuple[Ref, Topic]]:
    for item in standing:
        ref = next(iter(item.finding.subjects), None)
        if item.finding.kind == "incident" and ref and ref.connection in connections:
            yield ref, Topic(item.finding.key, item.opened_at, is_incident=True)


def _dependency_of(item: Published) -> str:
    """The key of the dependency that a living comment is about; "" for any other comment."""
    prefix = f"{item.job}:comment:"
    return item.key.removeprefix(prefix).removesuffix(f"@{item.target}") if item.key.startswith(prefix) else ""
