"""What `tieline dates` says, in Chinese and English side by side."""

from __future__ import annotations

from datetime import date

from sync.cli.findings_text import subject_text
from sync.core.date_chain import Reason
from sync.core.disclosure import department_name
from sync.core.impact import Impact
from sync.core.schedule import Forecast, Slack
from sync.core.values import Language, Ref
from sync.core.view import View

WORDS: dict[str, dict[Language, str]] = {
    "plan": {"zh-CN": "自己的计划：{start} 至 {finish}", "en": "its own plan: {start} to {finish}"},
    "no_plan": {"zh-CN": "自己没有填日期", "en": "it has no dates of its own"},
    "forecast": {"zh-CN": "实际预计：{start} 至 {finish}", "en": "really: {start} to {finish}"},
    "slip": {"zh-CN": "，比计划晚 {days} 个工作日", "en": ", {days} workdays later than planned"},
    "on_plan": {"zh-CN": "，和计划一致", "en": ", as planned"},
    "open": {
        "zh-CN": "；已过计划完成日，还没有新的完成日期，以上是最早的可能",
        "en": "; past due without a new date, so these are the earliest possible",
    },
    "slack": {
        "zh-CN": "余量：还能再晚 {days} 个工作日，不影响最终目标",
        "en": "slack: {days} workdays until a target is missed",
    },
    "no_slack": {"zh-CN": "余量：没有，再晚就影响最终目标", "en": "slack: none; any later and a target is missed"},
    "negative": {
        "zh-CN": "余量：最终目标已经要晚 {days} 个工作日",
        "en": "slack: a target is {days} workdays late already",
    },
    "target": {"zh-CN": "余量：后面没有带日期的目标", "en": "slack: nothing behind it has a date"},
    "impact": {
        "zh-CN": "影响：后面 {tasks} 个任务一共晚 {days} 个工作日（{departments}）",
        "en": "effect: {tasks} tasks behind it, {days} workdays later together ({departments})",
    },
    "milestones": {"zh-CN": "，其中里程碑：{names}", "en": ", milestones among them: {names}"},
    "likely": {"zh-CN": "按以往的经验：{text}", "en": "by experience: {text}"},
    "why": {"zh-CN": "为什么是这些日期：", "en": "why these dates:"},
    "path": {
        "zh-CN": "关键路径（省下某个任务能提前几个工作日）：",
        "en": "critical path (workdays won without that task):",
    },
    "path_item": {"zh-CN": "{task} {days}", "en": "{task} {days}"},
    "moved": {"zh-CN": "改成这个日期后，会变的有：", "en": "with that date these move:"},
    "nothing_moved": {"zh-CN": "改成这个日期后，别的任务都不变。", "en": "with that date nothing else moves."},
}
REASONS: dict[str, dict[Language, str]] = {
    "done": {"zh-CN": "{task}已完成，{finish} 结束", "en": "{task} is done, it ended on {finish}"},
    "kept": {"zh-CN": "{task}按原计划算（已取消或状态不明）", "en": "{task} keeps its plan (cancelled, or its status is unknown)"},
    "planned": {"zh-CN": "{task}按自己的计划", "en": "{task} runs as planned"},
    "estimated": {"zh-CN": "{task}只填了一个日期，另一个按估时推算", "en": "{task} has one date; the other follows from its estimate"},
    "one_day": {"zh-CN": "{task}只填了一个日期，按一天算", "en": "{task} has one date and counts as one day"},
    "undated": {"zh-CN": "{task}没有日期，也没有前置能推算", "en": "{task} has no dates, and nothing says when it may start"},
    "not_before": {"zh-CN": "{task}最早 {start} 才能开始（不早于）", "en": "{task} may not start before {start}"},
    "overdue": {
        "zh-CN": "{task}已过计划完成日，最早今天（{finish}）完成",
        "en": "{task} is past due and can end today ({finish}) at the earliest",
    },
    "after_finish": {
        "zh-CN": "{task}要等{driver}完成（{day}），{start} 才能开始",
        "en": "{task} waits until {driver} is finished ({day}) and can start on {start}",
    },
    "after_start": {
        "zh-CN": "{task}要等{driver}开始（{day}），{start} 才能开始",
        "en": "{task} waits until {driver} has started ({day}) and can start on {start}",
    },
    "with_finish": {
        "zh-CN": "{task}要等{driver}完成（{day}），{finish} 才能完成",
        "en": "{task} cannot finish before {driver} does ({day}), so on {finish}",
    },
    "with_start": {
        "zh-CN": "{task}要等{driver}开始（{day}），{finish} 才能完成",
        "en": "{task} cannot finish before {driver} has started ({day}), so on {finish}",
    },
    "children": {"zh-CN": "{task}随子任务，最晚的是{driver}（{day}）", "en": "{task} ends with its children, the last is {driver} ({day})"},
}  # fmt: skip
NO_DAY: dict[Language, str] = {"zh-CN": "未定", "en": "unknown"}


def day(value: date | None, language: Language) -> str:
    """A date, or that there is none."""
    return value.isoformat() if value else NO_DAY[language]


def forecast_text(item: Forecast, language: Language) -> tuple[str, str]:
    """Its own plan, and where it really stands."""
    plan = WORDS["plan" if item.planned_finish else "no_plan"][language]
    says = WORDS["forecast"][language].format(start=day(item.start, language), finish=day(item.finish, language))
    if item.is_open_ended:
        says += WORDS["open"][language]
    elif item.planned_finish:
        says += WORDS["slip" if item.slip_days else "on_plan"][language].format(days=item.slip_days)
    return plan.format(start=day(item.planned_start, language), finish=day(item.planned_finish, language)), says


def slack_text(slack: Slack | None, language: Language) -> str:
    """How far it may still slip."""
    if slack is None or slack.days is None:
        return WORDS["target"][language]
    word = "slack" if slack.days > 0 else "no_slack" if slack.days == 0 else "negative"
    return WORDS[word][language].format(days=abs(slack.days))


def impact_text(view: View, impact: Impact, language: Language) -> str:
    """What its delay costs those behind it; empty when nothing."""
    if not impact.days:
        return ""
    comma = "、" if language == "zh-CN" else ", "
    names = comma.join(department_name(view, ref, language) for ref in impact.departments)
    said = WORDS["impact"][language].format(tasks=len(impact.days), days=impact.total_days, departments=names)
    if impact.milestones:
        said += WORDS["milestones"][language].format(
            names=comma.join(subject_text(view, ref, language) for ref in impact.milestones)
        )
    return said


def reason_text(view: View, reason: Reason, language: Language) -> str:
    """One link of the chain, with its rule's number."""
    said = REASONS[reason.why][language].format(
        task=subject_text(view, reason.ref, language),
        driver=subject_text(view, reason.driver, language) if reason.driver else "",
        day=day(reason.driver_day, language),
        start=day(reason.start, language),
        finish=day(reason.finish, language),
    )
    return f"{said}（{reason.rule}）" if language == "zh-CN" else f"{said} ({reason.rule})"


def path_text(view: View, drag: dict[Ref, int], language: Language) -> str:
    """The critical path with each task's drag."""
    return " → ".join(
        WORDS["path_item"][language].format(task=subject_text(view, ref, language), days=days)
        for ref, days in drag.items()
    )
