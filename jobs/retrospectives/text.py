"""What the draft of a retrospective says and asks, in Chinese and English side by side. It asks about work, never about people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.core.projection import projection_note
from sync.core.rich_text import Anchor, Block, Heading, Inline, Inlines, Panel, Paragraph, RichText, Table, Text
from sync.core.values import Language

LONGEST_NAME = 100  # characters of a task's name in a title: Confluence takes 255 in all
EMPTY_ROWS = 3

WORDS: dict[str, dict[Language, str]] = {
    "title": {"zh-CN": "复盘：{task} 延期（{day}）", "en": "Retrospective: {task} was late ({day})"},
    "title_waiting": {"zh-CN": "复盘：{task} 等待前置任务（{day}）", "en": "Retrospective: {task} was held up ({day})"},
    "title_masked": {"zh-CN": "复盘：跨部门延期（{day}）", "en": "Retrospective: a delay between departments ({day})"},
    "draft": {
        "zh-CN": "这是 Tieline 起草的复盘草稿，只写了它知道的事实，空着的地方请一起参与的同事补充。从现在起这一页归大家，"
        "尽管改，Tieline 不会再动它；只有任务后来变成受限时，才会隐去它的名字。",
        "en": "This is a draft by Tieline. It holds only the facts that Tieline knows; please fill in the rest together. From now on the "
        "page is yours to edit, and Tieline leaves it alone, except that it masks the name of a task that becomes restricted.",
    },
    "no_blame": {
        "zh-CN": "复盘对事不对人：写发生了什么、流程上缺了什么、下次怎么做，不写是谁的错。",
        "en": "A retrospective is about the work and not about people: what happened, what the process lacked, what to do next time. It "
        "is not about whose fault it was.",
    },
    "happened": {"zh-CN": "发生了什么", "en": "What happened"},
    "summary": {"zh-CN": "{before}延期，{after}在等它。", "en": "{before} was late, and {after} waited for it."},
    "summary_many": {
        "zh-CN": "{before}延期，有 {count} 个任务在等它。下面的日期按影响最大的记：{after}。",
        "en": "{before} was late, and {count} tasks waited for it. The dates below are those of the one that was hit most: {after}.",
    },
    "one_change": {
        "zh-CN": "延期期间，前置任务的到期日改过 1 次。",
        "en": "While it was late, the due date of the task waited for was changed once.",
    },
    "date_changes": {
        "zh-CN": "延期期间，前置任务的到期日改过 {count} 次。",
        "en": "While it was late, the due date of the task waited for was changed {count} times.",
    },
    "day": {"zh-CN": "日期", "en": "Day"},
    "event": {"zh-CN": "经过", "en": "Event"},
    "noticed": {"zh-CN": "发现延期", "en": "The delay was noticed"},
    "changed": {"zh-CN": "日期有变", "en": "Dates changed"},
    "with_state": {"zh-CN": "{what}：{state}", "en": "{what}: {state}"},
    "state": {
        "zh-CN": "前置任务预计 {awaited} {before_verb}；在等的任务原计划 {planned} {after_verb}，最早要到 {expected}，晚 {days}",
        "en": "the task waited for was expected to {before_verb} on {awaited}; the waiting task, planned to {after_verb} on {planned}, "
        "could on {expected} at the earliest, {days} later",
    },
    "state_open": {
        "zh-CN": "前置任务没有新的完成日期（原定 {due}）；在等的任务原计划 {planned} {after_verb}",
        "en": "the task waited for had no new date (it was due {due}); the waiting task was planned to {after_verb} on {planned}",
    },
    "state_undated": {
        "zh-CN": "前置任务没有完成日期；在等的任务原计划 {planned} {after_verb}",
        "en": "the task waited for had no date; the waiting task was planned to {after_verb} on {planned}",
    },
    "start": {"zh-CN": "开始", "en": "start"},
    "finish": {"zh-CN": "完成", "en": "finish"},
    "taken_on": {"zh-CN": "{by}接手处理", "en": "{by} took it on"},
    "somebody": {"zh-CN": "有同事", "en": "Somebody"},
    "over_done": {"zh-CN": "前置任务完成，延期解除", "en": "The task waited for was done; the delay was over"},
    "over_on_plan": {
        "zh-CN": "按当时的日期不再受影响：{after}",
        "en": "No longer held up, with the dates of that day: {after}",
    },
    "over_started": {"zh-CN": "已经开始，不再等：{after}", "en": "Started, and waited no longer: {after}"},
    "over_finished": {"zh-CN": "已经完成，不再等：{after}", "en": "Done, and waited no longer: {after}"},
    "impact": {"zh-CN": "影响", "en": "Impact"},
    "waiting": {"zh-CN": "在等的任务", "en": "Task that waited"},
    "planned": {"zh-CN": "原计划", "en": "Planned"},
    "worst": {"zh-CN": "最晚时预计", "en": "Latest estimate"},
    "worst_days": {"zh-CN": "最多晚", "en": "Later by, at most"},
    "final_days": {"zh-CN": "最后晚", "en": "Later by, in the end"},
    "moved": {"zh-CN": "连带的任务", "en": "What moved with it"},
    "starts": {"zh-CN": "{day} 开始", "en": "start {day}"},
    "finishes": {"zh-CN": "{day} 完成", "en": "finish {day}"},
    "moved_tasks": {"zh-CN": "{tasks} 个，合计 {days}", "en": "{tasks} tasks, {days} in all"},
    "unknown_date": {"zh-CN": "没有日期", "en": "no date"},
    "no_days": {"zh-CN": "没有晚", "en": "not late"},
    "days": {"zh-CN": "{days} 个工作日", "en": "{days} working days"},
    "one_day": {"zh-CN": "1 个工作日", "en": "1 working day"},
    "departments": {"zh-CN": "涉及部门：{names}", "en": "Departments: {names}"},
    "milestones": {"zh-CN": "受影响的里程碑：", "en": "Milestones affected: "},
    "causes": {"zh-CN": "原因", "en": "Causes"},
    "causes_note": {
        "zh-CN": "不止一个原因很正常，都写上；不适用的留空。",
        "en": "More than one cause is normal: write them all, and leave empty what does not apply.",
    },
    "cause": {"zh-CN": "方面", "en": "Kind"},
    "question": {"zh-CN": "问题", "en": "Question"},
    "answer": {"zh-CN": "情况（请补充）", "en": "Answer (please fill in)"},
    "resources": {"zh-CN": "资源", "en": "Resources"},
    "ask_resources": {
        "zh-CN": "人手、时间、环境或预算够吗？缺的是什么，什么时候看出来的？",
        "en": "Were there enough people, time, environments or budget? What was missing, and when did it show?",
    },
    "goal": {"zh-CN": "目标不清", "en": "Unclear goal"},
    "ask_goal": {
        "zh-CN": "要做到什么程度、为什么是这一天，两边的理解一致吗？中途有没有变？",
        "en": "Did both sides mean the same by done, and by the date? Did it change on the way?",
    },
    "conflict": {"zh-CN": "利益冲突", "en": "Conflict of interest"},
    "ask_conflict": {
        "zh-CN": "各部门的优先级有没有打架？当时由谁来定，定得够快吗？",
        "en": "Did the departments' priorities collide? Where was that decided, and soon enough?",
    },
    "other": {"zh-CN": "其他", "en": "Anything else"},
    "ask_other": {"zh-CN": "还有什么没想到的？", "en": "What else did nobody expect?"},
    "process": {"zh-CN": "流程问题", "en": "Process questions"},
    "ask_requirements": {
        "zh-CN": "需求流程是否规范？提需求、评审、变更、验收都走到了吗？",
        "en": "Was the process for requirements followed: request, review, changes, acceptance?",
    },
    "ask_communication": {
        "zh-CN": "沟通是否充分？可能延期的时候，等的一方多久以后知道的？",
        "en": "Was there enough communication? How long after the risk showed did those who waited hear of it?",
    },
    "ask_dependency": {
        "zh-CN": "依赖是否提前说清？排计划时就写明了谁等谁、等到哪一天吗？",
        "en": "Was the dependency clear from the start: who waits for what, and until when?",
    },
    "ask_calendar": {
        "zh-CN": "日历是否有误？排期时算进放假、调休和请假了吗？",
        "en": "Was the calendar right? Did the plan count holidays, make-up workdays and leave?",
    },
    "ask_help": {
        "zh-CN": "需要帮助时，知道找哪里、多久能得到答复吗？",
        "en": "When help was needed, was it clear where to ask, and did an answer come in time?",
    },
    "actions": {"zh-CN": "改进", "en": "Actions"},
    "action": {"zh-CN": "措施", "en": "Action"},
    "owner": {"zh-CN": "负责人", "en": "Owner"},
    "by_when": {"zh-CN": "完成日期", "en": "Due"},
}
BETWEEN: dict[Language, str] = {"zh-CN": "、", "en": ", "}
CAUSES = ("resources", "goal", "conflict", "other")
PROCESS = ("requirements", "communication", "dependency", "calendar", "help")


def page_title(facts: Mapping[str, Any], language: Language) -> str:
    """The page's title: the late task by name, or else the one that waited; neither where both are masked now."""
    named = next((item for item in facts["after"] if not item.get("is_masked")), None)
    word, item = ("title", facts["before"]) if not facts["before"].get("is_masked") else ("title_waiting", named)
    title = WORDS[word if item else "title_masked"][language].format(task=_short(item), day=facts["day"])
    return f"{title} {facts['number']}" if facts["number"] > 1 else title


def page_body(facts: Mapping[str, Any], language: Language) -> RichText:
    """The whole draft for these facts; the same facts always give the same page."""
    intro = (_paragraph("draft", language), _paragraph("no_blame", language))
    return (
        Panel("info", intro),
        *_happened(facts, language),
        *_impact(facts, language),
        _heading("causes", language),
        _paragraph("causes_note", language),
        _form(("cause", "question", "answer"), [(name, f"ask_{name}") for name in CAUSES], language),
        _heading("process", language),
        _form(("question", "answer"), [(f"ask_{name}",) for name in PROCESS], language),
        _heading("actions", language),
        _form(("action", "owner", "by_when"), [()] * EMPTY_ROWS, language),
    )


def _happened(facts: Mapping[str, Any], language: Language) -> list[Block]:
    before, first, count = facts["before"], facts["after"][0], len(facts["after"])
    word = "summary" if count == 1 else "summary_many"
    ends = {"before": _task(before, language), "after": _task(first, language)}
    sentence = _filled(WORDS[word][language].replace("{count}", str(count)), ends)
    blocks: list[Block] = [_heading("happened", language), Paragraph(sentence)]
    if changes := facts["date_changes"]:
        blocks.append(_paragraph("one_change" if changes == 1 else "date_changes", language, count=changes))
    rows = tuple(((Text(entry["day"]),), (Text(_event(entry, facts, language)),)) for entry in facts["timeline"])
    return [*blocks, Table((_words("day", language), _words("event", language)), rows)]


def _event(entry: Mapping[str, Any], facts: Mapping[str, Any], language: Language) -> str:
    what = WORDS[entry["what"]][language]
    if "dates" in entry:
        return WORDS["with_state"][language].format(what=what, state=_state(entry["dates"], language))
    if "by" in entry:
        return what.format(by=entry["by"] or WORDS["somebody"][language])
    if "after" in entry:
        return what.format(after=facts["after"][entry["after"]]["title"])
    return what


def _state(dates: Mapping[str, Any], language: Language) -> str:
    """How things stood: with a number of days, or without a date and then without a number."""
    verb = {True: WORDS["start"][language], False: WORDS["finish"][language]}
    word = "state" if dates["expected"] else "state_open" if dates["due"] else "state_undated"
    return WORDS[word][language].format(
        awaited=dates["awaited"] or WORDS["unknown_date"][language],
        planned=dates["planned"],
        expected=dates["expected"],
        due=dates["due"],
        days=_days(dates["slip_days"], language),
        before_verb=verb[bool(dates["is_after_start"])],
        after_verb=verb[bool(dates["is_about_start"])],
    )


def _impact(facts: Mapping[str, Any], language: Language) -> list[Block]:
    names = ("waiting", "planned", "worst", "worst_days", "final_days", "moved")
    header = tuple(_words(name, language) for name in names)
    rows = tuple(_row(row, language) for row in facts["after"])
    blocks: list[Block] = [_heading("impact", language), Table(header, rows)]
    if note := projection_note(facts["after"], language):
        blocks.append(Paragraph((Text(note),)))
    if facts["departments"]:
        blocks.append(_paragraph("departments", language, names=BETWEEN[language].join(facts["departments"])))
    if facts["milestones"]:
        inlines: list[Inline] = list(_words("milestones", language))
        for number, item in enumerate(facts["milestones"]):
            inlines += [*((Text(BETWEEN[language]),) if number else ()), *_task(item, language)]
        blocks.append(Paragraph(tuple(inlines)))
    return blocks


def _row(row: Mapping[str, Any], language: Language) -> tuple[Inlines, ...]:
    moved = "–"
    if row["moved_tasks"] > 1:  # the task itself is one of them
        days = _days(row["moved_days"], language)
        moved = WORDS["moved_tasks"][language].format(tasks=row["moved_tasks"], days=days)
    texts = (
        _moment(row, "planned", language),
        _moment(row, "worst", language),
        _days(row["worst_days"], language),
        _days(row["final_days"], language),
        moved,
    )
    return (_task(row, language), *((Text(text),) for text in texts))


def _form(header: tuple[str, ...], rows: list[tuple[str, ...]], language: Language) -> Table:
    """A table to be filled in: cells beyond the words of a row are empty."""
    cells = [[*(_words(name, language) for name in row), *[()] * (len(header) - len(row))] for row in rows]
    return Table(tuple(_words(name, language) for name in header), tuple(tuple(row) for row in cells))


def _moment(row: Mapping[str, Any], name: str, language: Language) -> str:
    if row[name] is None:
        return WORDS["unknown_date"][language]
    return WORDS["starts" if row["is_about_start"] else "finishes"][language].format(day=row[name])


def _days(days: int | None, language: Language) -> str:
    if days is None:
        return "–"
    return WORDS[{0: "no_days", 1: "one_day"}.get(days, "days")][language].format(days=days)


def _task(item: Mapping[str, Any], language: Language) -> Inlines:
    """ "技术部「支付接口开发」" / "“支付接口开发” (Engineering)", the title as a link where it may be one."""
    title: Inline = Anchor(item["title"], item["url"]) if item["url"] else Text(item["title"])
    if item.get("is_masked"):
        return (title,)
    if language == "en":
        return (Text("“"), title, Text(f"” ({item['department']})" if item["department"] else "”"))
    return (Text(f"{item['department']}「"), title, Text("」"))


def _short(item: Mapping[str, Any] | None) -> str:
    title = str(item["title"]) if item else ""
    return title if len(title) <= LONGEST_NAME else f"{title[:LONGEST_NAME]}…"


def _filled(template: str, values: Mapping[str, Inlines]) -> Inlines:
    inlines: list[Inline] = []
    for part in template.replace("}", "{").split("{"):
        if part in values:
            inlines.extend(values[part])
        elif part:
            inlines.append(Text(part))
    return tuple(inlines)


def _words(name: str, language: Language, **values: object) -> Inlines:
    return (Text(WORDS[name][language].format(**values)),)


def _paragraph(name: str, language: Language, **values: object) -> Paragraph:
    return Paragraph(_words(name, language, **values))


def _heading(name: str, language: Language) -> Heading:
    return Heading(2, _words(name, language))
