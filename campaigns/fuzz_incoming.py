"""Everything that comes in, made hostile: a clear error that names its place, or a faithful reading; never a traceback, never without end.

The big ones each run in a process of their own under limits of time and memory; small mutations of good files and answers run by the
thousand in one such process. What it took is measured and told.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from campaigns.fuzz_bounds import MOST_S, Ending, bounded, ending_of
from campaigns.fuzz_corpus import FRAGMENTS
from campaigns.fuzz_hostile import (
    KINDS,
    Act,
    answer_acts,
    expression_acts,
    head_of,
    read_record,
    read_sop,
    sop_acts,
    yaml_acts,
)
from campaigns.report import Report
from sync.mapping.schema import parse_all

EXAMPLES = (
    Path("mappings/jira-main.yaml"),
    Path("mappings/people.yaml"),
    Path("mappings/departments.yaml"),
    Path("mappings/calendar.yaml"),
)
SHORT_S = 8.0  # what the short form runs takes a second or two
MUTATED_ANSWERS, MUTATED_FILES, MUTATED_SOPS = 60_000, 300, 5_000
# The short form runs what is quick; the long form all.
QUICK = (
    "yaml: billion laughs", "yaml: alias", "yaml: too large", "yaml: deep", "yaml: lone surrogate", "yaml: NUL", "yaml: equal keys", "yaml: number as key",
    "yaml: tabs", "yaml: invalid", "yaml: python", "tieline.yaml: a", "jira.yaml: h", "people.yaml: e", "departments.yaml: B", "calendar.yaml: i", "jmespath: doubled", "jmespath: nots", "jmespath: open",
    "pattern: '(?P<key>a*a*", "pattern: '(?P<key>(a", "pattern: '(?P<key>.*a", "sop: hex", "sop: surrogate", "sop: laugh", "sop: 3,000", "sop: deep", "sop: long definition",
    "answer: deep", "answer: invalid", "jira task: deep", "trello task: deep", "confluence document: deep", "confluence document: invalid", "page: deep", "page: DTD",
)  # fmt: skip


def check_incoming(seed: int, scale: float) -> Report:
    """All of it; ``scale`` 0 is the short form."""
    report = Report("fuzz", seed)
    started = time.monotonic()
    slowest, largest = ("", 0.0), ("", 0.0)
    for name, act in _acts():
        if not scale and not name.startswith(QUICK):
            continue
        ending = bounded(act, MOST_S if scale else SHORT_S)
        _count(report, name, ending)
        slowest = max(slowest, (name, ending.seconds), key=lambda pair: pair[1])
        largest = max(largest, (name, ending.megabytes), key=lambda pair: pair[1])
    report.figures["slowest hostile input"] = f"{slowest[0]}: {slowest[1]:.1f} s of processor time"
    report.figures["largest hostile input"] = f"{largest[0]}: {largest[1]:.0f} MB more memory"
    share = scale or 0.02
    for name, number, check in _mutations(share):
        for part in range(10):
            _mutate(report, name, f"{seed}:{name}:{part}", max(1, number // 10), check)
    report.figures["seconds incoming"] = round(time.monotonic() - started, 1)
    return report


def _acts() -> Iterator[tuple[str, Act]]:
    yield from yaml_acts()
    yield from expression_acts()
    yield from sop_acts()
    yield from answer_acts()


def _count(report: Report, name: str, ending: Ending) -> None:
    report.count("hostile inputs")
    report.count("hostile inputs refused clearly" if ending.refused else "hostile inputs read")
    if ending.broken:
        report.diverged(f"{name}: {ending.broken}")


Check = Callable[[random.Random], Act]


def _mutations(share: float) -> Iterator[tuple[str, int, Check]]:
    yield "mutated answers", round(MUTATED_ANSWERS * share), _mutated_answer
    yield "mutated mapping files", round(MUTATED_FILES * share), _mutated_file
    yield "mutated SOPs", round(MUTATED_SOPS * share), _mutated_sop


def _mutate(report: Report, name: str, seed: str, number: int, check: Check) -> None:
    """So many mutations in one process; the first that goes wrong is told with its place in the seed's line."""

    def act() -> None:
        rng = random.Random(seed)
        for place in range(number):
            ending = ending_of(check(rng))
            if ending.broken or ending.seconds > MOST_S / 10:
                raise AssertionError(f"{place}: {ending.broken or 'slow'} ({ending.seconds:.1f} s)")

    ending = bounded(act)
    report.count(name, number)
    if ending.broken:
        report.diverged(f"{name}, seed {seed}: {ending.broken}")


# -- answers

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, -(2**63), 1e308, 0.1, "", "x", "\x00", "9" * 400, "2026-13-45", "2026-11-23T99:99:99.000+9900", "9999-12-31T23:59:59.999-1400",
    "0001-01-01T00:00:00.000+1400", [], {}, [[]], [None], [{}], {"id": None}, {"": ""}, {"a": {"b": {"c": [1]}}}, ["x"] * 200, {"type": "doc", "content": [{"type": "text"}]},
    {"type": "doc", "version": 1, "content": "x"}, {"accountId": 7, "displayName": []}, {"self": 1},
)  # fmt: skip
USER = {
    "accountId": "5b1",
    "displayName": "李娜",
    "emailAddress": "li@x.example",
    "active": True,
    "timeZone": "Asia/Shanghai",
}
ADF = {
    "type": "doc",
    "version": 1,
    "content": [
        {
            "type": "paragraph",
            "content": [{"type": "text", "text": "x"}, {"type": "mention", "attrs": {"id": "5b1", "text": "@x"}}],
        }
    ],
}
ISSUE = {
    "id": "10063", "key": "PAY-1", "self": "https://x.example/rest/api/3/issue/10063",
    "fields": {
        "summary": "支付接口开发", "description": ADF, "updated": "2026-11-23T10:00:00.000+0800", "created": "2026-11-01T10:00:00.000+0800", "duedate": "2026-11-30",
        "status": {"id": "3", "name": "进行中", "statusCategory": {"key": "indeterminate"}}, "assignee": USER, "reporter": USER, "project": {"id": "1", "key": "PAY", "name": "支付"},
        "issuelinks": [{"id": "1", "type": {"id": "1", "name": "Blocks", "inward": "is blocked by", "outward": "blocks"}, "outwardIssue": {"id": "2", "key": "PAY-2", "fields": {}}}],
        "labels": ["a"], "priority": {"name": "High"}, "issuetype": {"name": "任务", "subtask": False}, "parent": {"id": "9", "key": "PAY-9"}, "security": None,
        "comment": {"comments": [{"id": "1", "body": ADF, "author": USER}], "total": 1}, "components": [{"name": "c"}], "attachment": [], "customfield_10020": [{"id": 1, "name": "s"}],
    },
    "changelog": {"histories": [{"id": "1", "created": "2026-11-23T10:00:00.000+0800", "author": USER, "items": [{"field": "status", "from": "1", "to": "3"}]}]},
    "issueId": "10063", "changeHistories": [{"id": "1", "created": 1763870400000, "author": USER, "items": [{"field": "status", "fieldId": "status", "fromString": "a", "toString": "b"}]}],
}  # fmt: skip
CARD = {
    "id": "6740f1a000000000000000d1", "name": "支付流程测试", "desc": "依赖 https://x.example/browse/PAY-1", "closed": False, "due": "2026-11-30T09:00:00.000Z", "start": None, "dueComplete": False,
    "dateLastActivity": "2026-11-23T02:00:00.000Z", "idBoard": "b", "idList": "l", "idMembers": ["m"], "idLabels": ["x"], "shortLink": "AbC123xy", "url": "https://trello.com/c/AbC123xy/1-x", "pos": 1.5,
    "checklists": [{"id": "c", "name": "依赖", "checkItems": [{"id": "i", "name": "https://trello.com/c/AbC123xz", "state": "incomplete"}]}], "attachments": [{"id": "a", "name": "x", "url": "https://x.example"}],
    "customFieldItems": [{"id": "f", "idCustomField": "cf", "value": {"number": "7"}, "idValue": None}], "board": {"id": "b", "name": "B", "url": "https://trello.com/b/AbC123xy/b", "prefs": {"permissionLevel": "private"}},
    "list": {"id": "l", "name": "进行中"}, "members": [{"id": "m", "fullName": "李娜", "username": "lina"}], "labels": [{"id": "x", "name": "支付", "color": "red"}], "customFields": [{"id": "cf", "name": "工时", "type": "number"}],
    "type": "updateCard", "date": "2026-11-23T02:00:00.000Z", "data": {"card": {"id": "c"}, "old": {"due": None}, "listBefore": {"name": "a"}, "listAfter": {"name": "b"}}, "idMemberCreator": "m", "memberCreator": {"id": "m", "fullName": "x"},
}  # fmt: skip
PAGE = {
    "id": "123", "title": "状态", "status": "current", "spaceId": "9", "parentId": "1", "parentType": "page", "authorId": "5b1", "createdAt": "2026-11-23T02:00:00.000Z",
    "version": {"number": 3, "createdAt": "2026-11-23T02:00:00.000Z", "authorId": "5b1", "when": "2026-11-23T02:00:00.000Z", "by": USER}, "body": {"storage": {"value": "<p>x</p>", "representation": "storage"}},
    "_links": {"webui": "/spaces/S/pages/123"}, "labels": {"results": [{"id": "1", "name": "sop", "prefix": "global"}]}, "properties": {"results": [{"key": "tieline.sync", "value": {"mark": "tieline:x:0123456789abcdef"}}]},
    "history": {"createdDate": "2026-11-23T02:00:00.000Z", "createdBy": USER}, "ancestors": [{"id": "1", "title": "t"}], "space": {"key": "S", "id": 9}, "metadata": {"labels": {"results": []}},
}  # fmt: skip
BASES = {"jira": ISSUE, "trello": CARD, "confluence": PAGE}


def _mutated_answer(rng: random.Random) -> Act:
    vendor = rng.choice(tuple(BASES))
    value: Any = msgspec.json.decode(msgspec.json.encode(BASES[vendor]))
    for _ in range(rng.randrange(1, 4)):
        _change(value, rng)
    payload = msgspec.json.encode(value)
    if rng.random() < 0.1:
        payload = _torn(payload, rng)
    if rng.random() < 0.3:
        return partial(head_of, vendor, payload)
    return partial(read_record, vendor, rng.choice(KINDS[vendor]), payload)


def _change(value: Any, rng: random.Random) -> None:
    """Put something odd at a place of its tree, or take the place away."""
    here = value
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = rng.choice(keys)
        if isinstance(here[key], dict | list) and here[key] and rng.random() < 0.7:
            here = here[key]
        elif isinstance(here, dict) and rng.random() < 0.2 and len(here) > 1:
            del here[key]
            return
        else:
            here[key] = (
                copy.deepcopy(rng.choice(ODD))
                if rng.random() < 0.8
                else "".join(c for c in rng.choice(FRAGMENTS) if not "\ud800" <= c <= "\udfff")
            )
            return


def _torn(data: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(data))
    return rng.choice(
        (data[:place], data[:place] + bytes([rng.randrange(256)]) + data[place + 1 :], data[:place] + data[place + 7 :])
    )


# -- files


def _mutated_text(text: str, rng: random.Random) -> bytes:
    for _ in range(rng.randrange(1, 4)):
        place = rng.randrange(len(text) + 1)
        draw = rng.random()
        if draw < 0.5:
            text = text[:place] + rng.choice(FRAGMENTS) + text[place:]
        elif draw < 0.7:
            text = text[:place] + text[place + rng.randrange(1, 20) :]
        else:
            lines = text.split("\n")
            lines.insert(rng.randrange(len(lines)), rng.choice(lines))
            text = "\n".join(lines)
    data = text.encode("utf-8", "surrogatepass")
    return _torn(data, rng) if data and rng.random() < 0.1 else data


def _mutated_file(rng: random.Random) -> Act:
    path = rng.choice(EXAMPLES)
    files = {each.name: each.read_bytes() for each in EXAMPLES}
    files[path.name] = _mutated_text(files[path.name].decode(), rng)

    def act() -> None:
        # What is taken can be kept: it is text that UTF-8 can say.
        msgspec.json.encode(
            parse_all(files, dict.fromkeys(("jira-main", "trello-main"), "jira-main.yaml")), enc_hook=str
        )

    return act


def _mutated_sop(rng: random.Random) -> Act:
    text = Path("sandbox/sops/需求评审.md").read_text(encoding="utf-8")
    return partial(read_sop, lambda: _mutated_text(text, rng))
