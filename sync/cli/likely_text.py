"""`dates`: when an open task will likely be done, and whose history says so, in plain words of both languages."""

from __future__ import annotations

from datetime import date

from sync.core.disclosure import history_name
from sync.core.history import History
from sync.core.likely import Likely, likely_finish, past_of
from sync.core.values import Finding, Language, Task
from sync.core.view import View
from sync.core.watched import ENOUGH

WORDS: dict[str, dict[Language, str]] = {
    "lateness": {
        "zh-CN": "情况相同的任务，一半最晚 {p50} 做完，85% 最晚 {p85} 做完。依据是{who}近一年做完的 {sample} 个任务："
        "看它们比截止日期早或晚几个工作日，只算到了它今天这个时点还没做完的",
        "en": "half of such tasks are done by {p50}, 85 of 100 by {p85}. This rests on {sample} tasks that {who} ended in the last year: "
        "how many working days before or after the due date, among those that were not done either when they were where this one is today",
    },
    "counts_from": {
        "zh-CN": "。它的截止日期临近或过后改过，从改之前的 {day} 算起",
        "en": "; its due date was moved when it was near or gone by, so it counts from the one before, {day}",
    },
    "age": {
        "zh-CN": "情况相同的任务，一半最晚 {p50} 做完，85% 最晚 {p85} 做完。依据是{who}近一年做完的 {sample} 个任务："
        "看它们从开始到做完用了几个工作日，只算用了同样久还没做完的",
        "en": "half of such tasks are done by {p50}, 85 of 100 by {p85}. This rests on {sample} tasks that {who} ended in the last year: "
        "how many working days they took from their start, among those that were not done either after as long as this one",
    },
    "thin": {
        "zh-CN": "近一年只有 {sample} 个做完的任务可比，至少要 {enough} 个，看不出规律；{plan}",
        "en": "only {sample} comparable tasks ended in the last year, and {enough} are needed to tell anything; {plan}",
    },
    "beyond": {
        "zh-CN": "近一年到了这一步还没做完的任务太少，或者大多一直没做完，说不准；{plan}",
        "en": "too few tasks of the last year were still open where this one is, or most of them never ended; {plan}",
    },
    "unsteady": {
        "zh-CN": "照历史推算的日期近一年常常不准，所以不用；{plan}",
        "en": "what the history would have said in the last year often did not hold, so it is not used; {plan}",
    },
    "no_dates": {
        "zh-CN": "没有截止日期，也不知道从哪天开始的，说不出日期",
        "en": "it has no due date, and nobody knows since when it is worked on: there is nothing to count from",
    },
    "not_open": {"zh-CN": "它不是进行中的任务", "en": "it is not an open task"},
    "estimated": {"zh-CN": "{day} 算的：{text}", "en": "as of {day}: {text}"},
    "plan": {"zh-CN": "只能按计划：{p50}", "en": "by the plan alone: {p50}"},
    "no_plan": {"zh-CN": "它也没有截止日期", "en": "and it has no due date"},
}


def likely_shape(view: View, history: History, task: Task, language: Language) -> dict[str, object]:
    """The likely days of a task with their basis, as data and as a sentence. Of a restricted task nothing is told."""
    if task.visibility == "restricted":
        return {"ref": task.ref, "likely": None, "text": ""}
    likely = likely_finish(past_of(view, history), task)
    return {
        "ref": task.ref,
        "likely": likely,
        "text": likely_sentence(likely, _who(view, task, likely, language), language),
    }


def likely_sentence(likely: Likely, who: str, language: Language) -> str:
    """What is said of likely days; ``who`` names the department or connection whose history it is."""
    plan = WORDS["plan" if likely.p50 else "no_plan"][language].format(p50=likely.p50)
    moved = WORDS["counts_from"][language].format(day=likely.counts_from) if likely.counts_from else ""
    said = WORDS[likely.reason][language].format(
        p50=likely.p50, p85=likely.p85, who=who, sample=likely.sample, enough=ENOUGH, plan=plan
    )
    return said + moved


def _who(view: View, task: Task, likely: Likely, language: Language) -> str:
    is_departments = likely.basis == "department"
    return history_name(view, str(task.department) if is_departments else task.ref.connection, language)


def conflict_sentence(view: View, finding: Finding, language: Language) -> str:
    """How the day of a ``forecast_conflict`` came about: on which day it was said, and whose history of how many tasks says so."""
    told = finding.parameters
    half, most = (date.fromisoformat(told[name]) for name in ("likely", "likely_by"))
    likely = Likely(half, most, told["basis"], told["sample"], told["scale"])
    said = likely_sentence(likely, history_name(view, told["whose"], language), language)
    return WORDS["estimated"][language].format(day=told["estimated_on"], text=said)
