"""What the status page says, in Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sync.core.projection import projection_note
from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    Heading,
    Inline,
    Inlines,
    ListItem,
    Lozenge,
    Panel,
    Paragraph,
    Picture,
    RichText,
    Table,
    Text,
)
from sync.core.values import Language
from sync.core.view import View

WORDS: dict[str, dict[Language, str]] = {
    "intro": {
        "zh-CN": "本页由 Tieline 自动维护，汇总各部门工具里跨部门的任务依赖。请不要改动框内内容；要更正，请改原任务，下次同步时会更新。",
        "en": "Tieline keeps this page. It brings together the dependencies between departments from their own tools. "
        "Please do not edit this part; correct the task itself, and the page follows.",
    },
    "late": {"zh-CN": "跨部门延期", "en": "Late across departments"},
    "nothing_late": {"zh-CN": "目前没有跨部门延期。", "en": "Nothing is late across departments."},
    "waiting": {"zh-CN": "等待方", "en": "Waiting"},
    "blocking": {"zh-CN": "前置任务", "en": "Waits for"},
    "planned": {"zh-CN": "原计划", "en": "Planned"},
    "expected": {"zh-CN": "现在最早", "en": "Earliest now"},
    "starts": {"zh-CN": "{day} 开始", "en": "start {day}"},
    "finishes": {"zh-CN": "{day} 完成", "en": "finish {day}"},
    "slip": {"zh-CN": "晚", "en": "Later by"},
    "why": {"zh-CN": "原因", "en": "Why"},
    "due_now": {"zh-CN": "前置任务现在计划 {due} 完成", "en": "now due {due}"},
    "starts_late": {"zh-CN": "前置任务预计 {awaited} 才开始", "en": "expected to start {awaited}"},
    "pushed": {"zh-CN": "前置任务自己也在等，预计 {awaited} 完成", "en": "held up itself until {awaited}"},
    "no_date": {"zh-CN": "前置任务已过 {due}，没有新的完成日期", "en": "past {due}, no new date"},
    "undated": {"zh-CN": "前置任务已过计划时间，没有完成日期", "en": "past its planned date, no due date"},
    "upstream": {
        "zh-CN": "前置任务自己也在等，那边没有新的完成日期",
        "en": "held up itself by something without a new date",
    },
    "unknown_date": {"zh-CN": "待定", "en": "not known"},
    "days": {"zh-CN": "{days} 个工作日", "en": "{days} working days"},
    "one_day": {"zh-CN": "1 个工作日", "en": "1 working day"},
    "later": {"zh-CN": "，晚 {days}", "en": ", {days} later"},
    "likely": {"zh-CN": "按以往的进度可能赶不上", "en": "May not be in time, going by the past"},
    "possible": {"zh-CN": "可能要到", "en": "May be"},
    "usual": {
        "zh-CN": "{whose}这类任务通常要到 {likely} 前后才做完",
        "en": "such tasks of {whose} are usually done around {likely}",
    },
    "usual_most": {
        "zh-CN": "{whose}这类任务通常要到 {likely} 前后才做完，大多不晚于 {most}",
        "en": "such tasks of {whose} are usually done around {likely}, most by {most}",
    },
    "by_department": {"zh-CN": "按部门", "en": "By department"},
    "department": {"zh-CN": "部门", "en": "Department"},
    "open": {"zh-CN": "未完成", "en": "Open"},
    "late_count": {"zh-CN": "延期", "en": "Late"},
    "waits_for": {"zh-CN": "在等别的部门", "en": "Waits for others"},
    "awaited_by": {"zh-CN": "别的部门在等", "en": "Others wait"},
    "unknown": {"zh-CN": "状态不明", "en": "Status unknown"},
    "chains": {"zh-CN": "影响链", "en": "Chains"},
    "picture": {"zh-CN": "依赖图", "en": "Dependency graph"},
    "proposed": {
        "zh-CN": "另有 {count} 条依赖可信度不够，待确认，没有写入任何工具。",
        "en": "{count} more dependencies are not certain enough; they wait for confirmation and were written nowhere.",
    },
    "freshness": {"zh-CN": "数据截至", "en": "How fresh this is"},
    "freshness_note": {
        "zh-CN": "以下是本页内容上次变化时各来源的数据时间；内容没有变化时，本页不会刷新。",
        "en": "The state of each source when the facts on this page last changed; an unchanged page is not rewritten.",
    },
    "source": {"zh-CN": "来源", "en": "Source"},
    "complete_at": {"zh-CN": "最近一次完整读取", "en": "Last complete reading"},
    "state": {"zh-CN": "状态", "en": "State"},
    "is_complete": {"zh-CN": "完整", "en": "complete"},
    "is_stale": {"zh-CN": "不完整", "en": "incomplete"},
    "stale": {
        "zh-CN": "{names} 的数据不完整，下面与它有关的内容可能不是最新的。",
        "en": "The data of {names} is incomplete; what rests on it below may be out of date.",
    },
    "never": {"zh-CN": "还没有", "en": "never"},
}


def page_body(view: View, facts: Mapping[str, Any], language: Language, picture: str) -> RichText:
    """The whole page for these facts; freshness is shown as it is now, but is no part of the facts."""
    blocks: list[Block] = [Panel("info", (_paragraph("intro", language),))]
    if names := ", ".join(sorted(name for name, item in view.freshness.items() if not item.is_complete)):
        blocks.append(Panel("warning", (Paragraph((Text(WORDS["stale"][language].format(names=names)),)),)))
    blocks += _late_blocks(facts, language)
    if "likely" in facts:
        blocks += _likely_blocks(facts["likely"], language)
    blocks += [_heading("by_department", language), _department_table(facts, language)]
    if facts["chains"]:
        items = tuple(ListItem((Paragraph(_chain(chain, language)),)) for chain in facts["chains"])
        blocks += [_heading("chains", language), BulletList(items)]
    if picture:
        blocks += [_heading("picture", language), Picture(alt=WORDS["picture"][language], filename=picture)]
    if facts["proposed"]:
        blocks.append(Paragraph((Text(WORDS["proposed"][language].format(count=facts["proposed"])),)))
    return (*blocks, *_freshness_blocks(view, language))


def _late_blocks(facts: Mapping[str, Any], language: Language) -> list[Block]:
    if not facts["late"]:
        return [_heading("late", language), _paragraph("nothing_late", language)]
    header = tuple(_words(name, language) for name in ("waiting", "blocking", "planned", "expected", "slip", "why"))
    rows = tuple(
        (
            _task(row["after"], language),
            _task(row["before"], language),
            _moment(row, "planned", language),
            _moment(row, "expected", language),
            (Lozenge(_days(row["slip_days"], language), "red"),),
            (Text(_why(row, language)),),
        )
        for row in facts["late"]
    )
    blocks: list[Block] = [_heading("late", language), Table(header, rows)]
    if note := projection_note(facts["late"], language):
        blocks.append(Paragraph((Text(note),)))
    return blocks


def _likely_blocks(found: Sequence[Mapping[str, Any]], language: Language) -> list[Block]:
    header = tuple(_words(name, language) for name in ("waiting", "blocking", "planned", "possible", "slip", "why"))
    rows = tuple(
        (
            _task(row["after"], language),
            _task(row["before"], language),
            _moment(row, "planned", language),
            _moment(row, "expected", language),
            (Lozenge(_days(row["slip_days"], language), "yellow"),),
            (Text(_usual(row, language)),),
        )
        for row in found
    )
    blocks: list[Block] = [_heading("likely", language), Table(header, rows)]
    if note := projection_note(found, language):
        blocks.append(Paragraph((Text(note),)))
    return blocks


def _usual(row: Mapping[str, Any], language: Language) -> str:
    word = "usual" if row["likely"] == row["likely_by"] else "usual_most"
    days = {"likely": _day(row["likely"], language), "most": _day(row["likely_by"], language)}
    return WORDS[word][language].format(whose=row["whose"], **days)


def _why(row: Mapping[str, Any], language: Language) -> str:
    if row["awaited"] is None:
        word = "upstream" if not row["is_past_due"] else "no_date" if row["due"] else "undated"
    elif row["is_after_start"]:
        word = "starts_late"
    else:
        word = "due_now" if row["awaited"] == row["due"] else "pushed"
    return WORDS[word][language].format(due=_day(row["due"], language), awaited=_day(row["awaited"], language))


def _moment(row: Mapping[str, Any], name: str, language: Language) -> Inlines:
    """A planned or expected day with what happens on it; which of start and finish moves differs from row to row."""
    if row[name] is None:
        return (Text(WORDS["unknown_date"][language]),)
    word = "starts" if row["is_about_start"] else "finishes"
    return (Text(WORDS[word][language].format(day=_day(row[name], language))),)


def _department_table(facts: Mapping[str, Any], language: Language) -> Table:
    columns = ("open", "late", "waits_for", "awaited_by", "unknown")
    names = ("department", "open", "late_count", "waits_for", "awaited_by", "unknown")
    rows = tuple(
        ((Text(row["department"]),), *((Text(str(row[column])),) for column in columns)) for row in facts["departments"]
    )
    return Table(tuple(_words(name, language) for name in names), rows)


def _chain(chain: list[Mapping[str, Any]], language: Language) -> Inlines:
    inlines: list[Inline] = []
    for index, item in enumerate(chain):
        if index:
            inlines.append(Text(" → "))
        inlines.extend(_task(item, language))
        if item["slip_days"]:
            inlines.append(Text(WORDS["later"][language].format(days=_days(item["slip_days"], language))))
    return tuple(inlines)


def _freshness_blocks(view: View, language: Language) -> list[Block]:
    header = tuple(_words(name, language) for name in ("source", "complete_at", "state"))
    rows = []
    for name in sorted(view.freshness):
        item = view.freshness[name]
        zone = ZoneInfo(view.connections[name].zone) if name in view.connections else ZoneInfo("UTC")
        at = f"{item.complete_at.astimezone(zone):%Y-%m-%d %H:%M}" if item.complete_at else WORDS["never"][language]
        state = Lozenge(WORDS["is_complete"][language], "green")
        if not item.is_complete:
            state = Lozenge(WORDS["is_stale"][language], "red")
        rows.append(((Text(name),), (Text(at),), (state,)))
    return [_heading("freshness", language), _paragraph("freshness_note", language), Table(header, tuple(rows))]


def _task(item: Mapping[str, Any], language: Language) -> Inlines:
    title: Inline = Anchor(item["title"], item["url"]) if item["url"] else Text(item["title"])
    who = " ".join(text for text in (item["department"], item["owner"]) if text)
    return (title, Text(f"（{who}）" if language == "zh-CN" else f" ({who})")) if who else (title,)


def _days(days: int | None, language: Language) -> str:
    if days is None:
        return WORDS["unknown_date"][language]
    return WORDS["one_day"][language] if days == 1 else WORDS["days"][language].format(days=days)


def _day(day: date | None, language: Language) -> str:
    return day.isoformat() if day else WORDS["unknown_date"][language]


def _words(name: str, language: Language) -> Inlines:
    return (Text(WORDS[name][language]),)


def _paragraph(name: str, language: Language) -> Paragraph:
    return Paragraph(_words(name, language))


def _heading(name: str, language: Language) -> Heading:
    return Heading(2, _words(name, language))
