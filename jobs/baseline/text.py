"""What the stock-taking page says, in Chinese and English side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sync.core.projection import projection_note
from sync.core.rich_text import (
    Anchor,
    Block,
    Heading,
    Inline,
    Inlines,
    Lozenge,
    Panel,
    Paragraph,
    RichText,
    Table,
    Text,
)
from sync.core.values import Language

WORDS: dict[str, dict[Language, str]] = {
    "intro": {
        "zh-CN": "Tieline 在 {day} 开始关注跨部门的任务依赖。那天已经晚了的都记在这一页，没有逐条写进任务，免得一下子打扰所有人。",
        "en": "Tieline began to watch dependencies between departments on {day}. What was late already is recorded here, once, "
        "instead of in a comment on every task.",
    },
    "from_now_on": {
        "zh-CN": "从现在起只提醒新的变化：前置任务的日期又往后改、延期变长，或者解决以后再次延期，才会在双方的任务里各写一条评论。"
        "本页是当天的记录，以后不再更新；要更正，请直接改任务。",
        "en": "From now on only news is told: when a date moves further out, a delay grows, or something that was settled becomes late "
        "again, both tasks get one comment each. This page is the record of that day and is not updated; to correct something, change "
        "the task.",
    },
    "overview": {"zh-CN": "概况", "en": "At a glance"},
    "none_late": {
        "zh-CN": "那天没有跨部门的延期，{on_plan} 项依赖都按计划进行。",
        "en": "Nothing was late across departments that day; dependencies on plan: {on_plan}.",
    },
    "total": {
        "zh-CN": "跨部门依赖中，已经晚了的有 {late} 项，其中 {undated} 项没有新的日期；按计划进行的有 {on_plan} 项。",
        "en": "Dependencies between departments that were late: {late}, of which {undated} without a new date; on plan: {on_plan}.",
    },
    "more": {
        "zh-CN": "本页只列出、统计最严重的 {listed} 项；另外 {more} 项可请管理员用 tieline baseline 查看。",
        "en": "The worst {listed} are listed and counted below; your administrator can list the other {more} with tieline baseline.",
    },
    "department": {"zh-CN": "部门", "en": "Department"},
    "awaited_by": {"zh-CN": "别的部门在等", "en": "Others wait"},
    "without_date": {"zh-CN": "其中没有新日期", "en": "Of these without a new date"},
    "most": {"zh-CN": "最长延期", "en": "Longest delay"},
    "waits_for": {"zh-CN": "在等别的部门", "en": "Waits for others"},
    "section": {"zh-CN": "在等{department}（{count} 项）", "en": "Waiting for {department} ({count})"},
    "nobody": {"zh-CN": "未知部门", "en": "an unknown department"},
    "blocking": {"zh-CN": "前置任务", "en": "Task waited for"},
    "waiting": {"zh-CN": "在等的任务", "en": "Task that waits"},
    "planned": {"zh-CN": "原计划", "en": "Planned"},
    "expected": {"zh-CN": "当时最早", "en": "Earliest then"},
    "slip": {"zh-CN": "晚了", "en": "Later by"},
    "why": {"zh-CN": "原因", "en": "Why"},
    "starts": {"zh-CN": "{day} 开始", "en": "start {day}"},
    "finishes": {"zh-CN": "{day} 完成", "en": "finish {day}"},
    "due_then": {"zh-CN": "前置任务计划 {due} 完成", "en": "it was due {due}"},
    "starts_late": {"zh-CN": "前置任务预计 {awaited} 才开始", "en": "it was expected to start {awaited}"},
    "pushed": {"zh-CN": "前置任务自己也在等，预计 {awaited} 完成", "en": "it was held up itself until {awaited}"},
    "no_date": {"zh-CN": "前置任务已过 {due}，没有新的日期", "en": "it was past {due} without a new date"},
    "undated": {
        "zh-CN": "前置任务已过计划时间，没有完成日期",
        "en": "it was past its planned time and had no due date",
    },
    "upstream": {
        "zh-CN": "前置任务自己也在等，那边没有新的日期",
        "en": "it was held up itself by something without a new date",
    },
    "unknown_date": {"zh-CN": "待定", "en": "not known"},
    "days": {"zh-CN": "{days} 个工作日", "en": "{days} working days"},
    "one_day": {"zh-CN": "1 个工作日", "en": "1 working day"},
}
COLUMNS = ("blocking", "waiting", "planned", "expected", "slip", "why")


def page_body(facts: Mapping[str, Any], language: Language) -> RichText:
    """The whole page for these facts; the same facts always give the same page."""
    rows: Sequence[Mapping[str, Any]] = facts["late"]
    intro = (_paragraph("intro", language, day=_day(facts["day"], language)), _paragraph("from_now_on", language))
    blocks: list[Block] = [Panel("info", intro), _heading("overview", language)]
    if not rows:
        return (*blocks, _paragraph("none_late", language, on_plan=facts["on_plan"]))
    undated, late = facts["undated"], len(rows) + facts["more"]
    blocks.append(_paragraph("total", language, late=late, undated=undated, on_plan=facts["on_plan"]))
    if facts["more"]:
        blocks.append(_paragraph("more", language, listed=len(rows), more=facts["more"]))
    if note := projection_note(rows, language):
        blocks.append(Paragraph((Text(note),)))
    by_department = _by_department(rows, language)
    blocks.append(_overview(by_department, rows, language))
    for department, items in by_department.items():
        blocks += [
            _heading("section", language, department=department, count=len(items)),
            Table(tuple(_words(name, language) for name in COLUMNS), tuple(_row(item, language) for item in items)),
        ]
    return tuple(blocks)


def _by_department(rows: Iterable[Mapping[str, Any]], language: Language) -> dict[str, list[Mapping[str, Any]]]:
    """The rows under the department that is waited for; the department that holds up most comes first."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault(row["department"] or WORDS["nobody"][language], []).append(row)
    return dict(sorted(found.items(), key=lambda item: (-len(item[1]), -_undated(item[1]), -_most(item[1]), item[0])))


def _overview(
    by_department: Mapping[str, Sequence[Mapping[str, Any]]], rows: Iterable[Mapping[str, Any]], language: Language
) -> Table:
    header = tuple(_words(name, language) for name in ("department", "awaited_by", "without_date", "most", "waits_for"))
    waiting: dict[str, int] = {}
    for row in rows:
        name = row["waiting_department"] or WORDS["nobody"][language]
        waiting[name] = waiting.get(name, 0) + 1
    names = [*by_department, *sorted(waiting.keys() - by_department.keys())]
    lines = []
    for name in names:
        own = by_department.get(name, ())
        most = _days(_most(own), language) if len(own) > _undated(own) else "–"
        cells = (name, str(len(own)), str(_undated(own)), most, str(waiting.get(name, 0)))
        lines.append(tuple((Text(cell),) for cell in cells))
    return Table(header, tuple(lines))


def _most(rows: Iterable[Mapping[str, Any]]) -> int:
    return max((row["slip_days"] for row in rows if row["slip_days"] is not None), default=0)


def _undated(rows: Iterable[Mapping[str, Any]]) -> int:
    return sum(1 for row in rows if row["slip_days"] is None)


def _row(row: Mapping[str, Any], language: Language) -> tuple[Inlines, ...]:
    return (
        _task(row["before"], language, with_department=False),
        _task(row["after"], language, with_department=True),
        _moment(row, "planned", language),
        _moment(row, "expected", language),
        (Lozenge(_days(row["slip_days"], language), "red"),),
        (Text(_why(row, language)),),
    )


def _why(row: Mapping[str, Any], language: Language) -> str:
    if row["awaited"] is None:
        word = "upstream" if not row["is_past_due"] else "no_date" if row["due"] else "undated"
    elif row["is_after_start"]:
        word = "starts_late"
    else:
        word = "due_then" if row["awaited"] == row["due"] else "pushed"
    return WORDS[word][language].format(due=_day(row["due"], language), awaited=_day(row["awaited"], language))


def _moment(row: Mapping[str, Any], name: str, language: Language) -> Inlines:
    if row[name] is None:
        return (Text(WORDS["unknown_date"][language]),)
    word = "starts" if row["is_about_start"] else "finishes"
    return (Text(WORDS[word][language].format(day=_day(row[name], language))),)


def _task(item: Mapping[str, str], language: Language, with_department: bool) -> Inlines:
    """The title, as a link where it may be one, and who it belongs to."""
    title: Inline = Anchor(item["title"], item["url"]) if item["url"] else Text(item["title"])
    who = " ".join(text for text in (item["department"] if with_department else "", item["owner"]) if text)
    return (title, Text(f"（{who}）" if language == "zh-CN" else f" ({who})")) if who else (title,)


def _days(days: int | None, language: Language) -> str:
    if days is None:
        return WORDS["unknown_date"][language]
    return WORDS["one_day"][language] if days == 1 else WORDS["days"][language].format(days=days)


def _day(day: date | str | None, language: Language) -> str:
    return str(day) if day else WORDS["unknown_date"][language]


def _words(name: str, language: Language, **values: object) -> Inlines:
    return (Text(WORDS[name][language].format(**values)),)


def _paragraph(name: str, language: Language, **values: object) -> Paragraph:
    return Paragraph(_words(name, language, **values))


def _heading(name: str, language: Language, **values: object) -> Heading:
    return Heading(2, _words(name, language, **values))
