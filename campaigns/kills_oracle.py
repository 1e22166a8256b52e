"""What really stands at the simulated sites and in the ledger, read without the product, and what differs from what should."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from sqlalchemy import create_engine, text

from campaigns.kills_wishes import Wish
from campaigns.kills_world import SCOPE, World

WORDS = {True: ("被依赖", "blocks"), False: ("依赖于", "depends on")}


def differences(world: World, wishes: Mapping[str, Wish], *, messages: bool = True) -> Iterator[str]:
    """Everything that is missing, there twice, the wrong way round, says something else, or was not asked for."""
    for name in world.names:
        mine = [wish for wish in wishes.values() if wish.site == name]
        if name in ("jc", "jd"):
            yield from _jira(world, name, mine)
        elif name == "tr":
            yield from _trello(world, mine)
        else:
            yield from _confluence(world, name, mine)
    if messages:
        yield from _robot(world, [wish for wish in world.wishes.values() if wish.site == "robot"])


def _jira(world: World, name: str, wishes: list[Wish]) -> Iterator[str]:
    site = world.sites[name].site
    for issue in site.issues.values():
        mine = [wish for wish in wishes if wish.item == str(issue.id)]
        comments = {wish.code: wish.text for wish in mine if wish.kind == "comment"}
        yield from _texts(f"{name} {issue.key}", comments, [_dumped(c.body, c.properties) for c in issue.comments])
        wanted = Counter(
            (wish.other.url, wish.code, wish.is_blocking) for wish in mine if _is_remote(wish) and wish.other
        )
        found = Counter(
            (r.object["url"], str(r.global_id)[-16:], _is_blocking(r.relationship)) for r in issue.remote_links
        )
        yield from _compare(f"{name} {issue.key} remote links", wanted, found)
    natives = Counter(
        (wish.item, wish.other.item) if wish.is_blocking else (wish.other.item, wish.item)
        for wish in wishes
        if wish.other and not _is_remote(wish)
    )
    found_links = Counter((str(link.source), str(link.target)) for link in site.links.values())
    yield from _compare(f"{name} issue links (blocks, is blocked)", Counter(dict.fromkeys(natives, 1)), found_links)


def _is_remote(wish: Wish) -> bool:
    return wish.other is not None and wish.other.site != wish.site


def _is_blocking(relationship: str | None) -> bool | str:
    """What a remote link says of its issue, in Tieline's documented words."""
    for meaning, words in WORDS.items():
        if relationship in words:
            return meaning
    return str(relationship)


def _trello(world: World, wishes: list[Wish]) -> Iterator[str]:
    state = world.sites["tr"].state
    for key, card in state.cards.items():
        mine = [wish for wish in wishes if wish.item == key]
        actions = [state.actions[number] for number in state.actions_of.get(key, ())]
        said = [str(action["data"]["text"]) for action in actions if action["type"] == "commentCard"]
        comments = {wish.code: wish.text for wish in mine if wish.kind == "comment"}
        yield from _texts(f"tr {card['name']}", comments, said)
        lists = [state.checklists[number] for number in state.checklists_of_card.get(key, ())]
        if len(lists) > 1:
            yield f"tr {card['name']}: {len(lists)} checklists, one expected"
        items = Counter(str(item["name"]) for checklist in lists for item in checklist["checkItems"])
        links = [wish for wish in mine if wish.other]
        wanted = Counter(wish.other.url for wish in links if wish.other and not wish.is_blocking)
        yield from _compare(f"tr {card['name']} check items", wanted, items)
        attached = Counter(str(item["url"]) for item in state.attachments.get(key, ()))
        wanted = Counter(wish.other.url for wish in links if wish.other and wish.is_blocking)
        yield from _compare(f"tr {card['name']} attachments", wanted, attached)


def _confluence(world: World, name: str, wishes: list[Wish]) -> Iterator[str]:
    site = world.sites[name].site
    homes = {space.homepage_id for space in site.spaces.values()}
    pages = [page for page in site.pages.values() if page.id not in homes]
    current = [page for page in pages if page.status == "current"]
    ids = {wish.key: page.id for wish in wishes for page in current if wish.code in page.latest.storage}
    yield from _texts(f"{name} pages", {w.code: w.text for w in wishes}, [page.latest.storage for page in current])
    for wish in wishes:
        for page in (page for page in current if page.id == ids.get(wish.key)):
            where = f"{name} page {page.title}"
            marks = [item for item in page.properties.values() if wish.code in json.dumps(item.value)]
            if len(marks) != 1:
                yield f"{where}: {len(marks)} properties with its mark"
            labels = {label.partition(":")[2] for label in page.labels} - {"tieline"}
            if labels != set(wish.labels):
                yield f"{where}: labels {sorted(labels)}, wanted {sorted(wish.labels)}"
            parent = ids.get(wish.below) if wish.below else site.spaces[page.space_id].homepage_id
            if page.parent_id != parent:
                yield f"{where}: below {page.parent_id}, wanted {parent}"
            yield from _files(world, where, site, page, wish)


def _files(world: World, where: str, site: Any, page: Any, wish: Wish) -> Iterator[str]:
    """Each file once, with its present bytes, and a version for each content that it ever had."""
    wanted = dict(wish.files)
    for file in sorted(set(page.attachments) - set(wanted) - {file for _, file in world.files_said}):
        yield f"{where}: an unknown file {file}"
    for file, data in wanted.items():
        if file not in page.attachments:
            yield f"{where}: the file {file} is missing"
            continue
        versions = [version.data for version in site.attachments[page.attachments[file]].versions]
        if (
            site.variant == "cloud"
        ):  # an upload whose answer is lost is sent again there: a version that says the same (fact sheet)
            versions = [data for data, _ in groupby(versions)]
        said = world.files_said[(wish.key, file)]
        if versions[-1] != data or len(versions) > len(said):
            yield f"{where}: {file} has the versions {versions}, wanted were {said}"


def _robot(world: World, wishes: list[Wish]) -> Iterator[str]:
    said = Counter(mark[-16:] for _, mark in world.robot.said)
    for wish in wishes:
        times, is_told = said.pop(wish.code, 0), f"engine:unsure:{wish.key}" in open_findings(world)
        if times > 1:
            yield f"robot: {wish.key} was said {times} times"
        elif times == 0 and not is_told:
            yield f"robot: {wish.key} was never said and nobody is told"
    if said:
        yield f"robot: said and not wanted: {dict(said)}"


def _texts(where: str, wanted: Mapping[str, str], standing: list[str]) -> Iterator[str]:
    for code, said in wanted.items():
        ours = [body for body in standing if code in body]
        if len(ours) != 1:
            yield f"{where}: {len(ours)} texts with the mark {code}, one expected"
        elif said not in ours[0]:
            yield f"{where}: {code} does not say {said!r}: {ours[0][:200]!r}"
    strangers = [body for body in standing if not any(code in body for code in wanted)]
    if strangers:
        yield f"{where}: {len(strangers)} texts that nobody wanted: {strangers[0][:200]!r}"


def _dumped(body: Any, properties: Any) -> str:
    return f"{_plain(body)} {json.dumps(dict(properties))}"


def _plain(body: Any) -> str:
    if isinstance(body, str):
        return body
    own = str(body.get("text", "")) if isinstance(body, Mapping) else ""
    return own + "".join(_plain(child) for child in (body.get("content") or ())) if isinstance(body, Mapping) else own


def _compare(where: str, wanted: Counter[Any], found: Counter[Any]) -> Iterator[str]:
    if missing := wanted - found:
        yield f"{where}: missing {dict(missing)}"
    if surplus := found - wanted:
        yield f"{where}: too many {dict(surplus)}"


def rows(world: World, query: str) -> list[Any]:
    """What the database holds, asked directly."""
    engine = create_engine(world.url)
    try:
        with engine.connect() as connection:
            return list(connection.execute(text(query)))
    finally:
        engine.dispose()


def open_findings(world: World) -> set[str]:
    return {row[0] for row in rows(world, "SELECT key FROM findings WHERE state = 'open'")}


def ledger_differences(world: World, wishes: Mapping[str, Wish]) -> Iterator[str]:
    """No write left of unknown fate but a message's, which is told exactly once; nobody's turn; no part of the books without the other."""
    found = open_findings(world)
    yield from _intents(world, found)
    if held := rows(world, "SELECT holder FROM leases"):
        yield f"ledger: the lease is held by {held}"
    published = {str(key): str(state) for key, state in rows(world, "SELECT key, state FROM published")}
    for key in wishes:
        if published.get(key) != "published" and f"engine:unsure:{key}" not in found:
            yield f"ledger: {key} stands there and is {published.get(key, 'not')} published"
    for key in published:
        if key not in wishes and published[key] == "published":
            yield f"ledger: {key} is published and nobody wants it"
    yield from _collected(world)


def _intents(world: World, found: set[str]) -> Iterator[str]:
    opened = rows(world, "SELECT key, state FROM intents WHERE state IN ('pending', 'unsure')")
    for key, times in Counter(key for key, _ in opened).items():
        if times > 1:
            yield f"ledger: {key} has {times} open intents"
    for key, state in opened:
        wish = world.wishes.get(key)
        if wish is None or wish.kind != "message":
            yield f"ledger: the intent for {key} is still {state}"
        elif f"engine:unsure:{key}" not in found:
            yield f"ledger: {key} is {state} and no finding tells it"


def _collected(world: World) -> Iterator[str]:
    """Every connection is proven complete, and every item of the collected scopes is stored."""
    query = "SELECT connection, value FROM certificates WHERE scope = '*' AND stream = '*'"
    for connection, certificate in rows(world, query):
        if not json.loads(certificate)["is_complete"]:
            yield f"ledger: {connection} is not proven complete: {certificate}"
    query = "SELECT connection, ref FROM raw_records WHERE kind IN ('task', 'document') AND gone_at IS NULL"
    stored: dict[str, set[str]] = {}
    for connection, ref in rows(world, query):
        stored.setdefault(connection, set()).add(ref.rpartition(":")[2])
    for name in world.names:
        there = _items(world, name)
        if missing := there - stored.get(name, set()):
            yield f"ledger: {len(missing)} items of {name} {SCOPE[name]} are not stored"


def _items(world: World, name: str) -> set[str]:
    if name in ("jc", "jd"):
        return {str(number) for number in world.sites[name].site.issues}
    if name == "tr":
        return set(world.sites["tr"].state.cards)
    return {page.id for page in world.sites[name].site.pages.values() if page.status == "current"}
