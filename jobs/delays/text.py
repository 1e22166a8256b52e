"""What the delay comments and links say, in Chinese and English side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sync.core.projection import projection_note
from sync.core.rich_text import (
    Anchor,
    Block,
    BulletList,
    Inline,
    Inlines,
    ListItem,
    Paragraph,
    PersonMention,
    RichText,
    Text,
)
from sync.core.said import LINES, SOMEBODY
from sync.core.values import Language, Task
from sync.core.wording import day_from_fact, day_text, days_text, filled

WORDS: dict[str, dict[Language, str]] = {
    "delay_headline": {"zh-CN": "跨部门依赖延期提醒", "en": "A dependency between departments is late"},
    "successor_start": {
        "zh-CN": "{after}原计划 {planned}开始，要等{before}完成。",
        "en": "{after} was planned to start on {planned}, once {before} is finished.",
    },
    "successor_finish": {
        "zh-CN": "{after}原计划 {planned}完成，要等{before}完成。",
        "en": "{after} was planned to finish on {planned}, not before {before} is finished.",
    },
    "successor_start_after_start": {
        "zh-CN": "{after}原计划 {planned}开始，要等{before}先开始。",
        "en": "{after} was planned to start on {planned}, once {before} has started.",
    },
    "successor_finish_after_start": {
        "zh-CN": "{after}原计划 {planned}完成，要等{before}先开始。",
        "en": "{after} was planned to finish on {planned}, not before {before} has started.",
    },
    "effect_start": {
        "zh-CN": "{that}现在计划 {due}完成，所以最早 {expected}才能开始，比计划晚 {days} 个工作日。",
        "en": "{that} is now due on {due}, so the earliest start is {expected}, {days} later than planned.",
    },
    "effect_finish": {
        "zh-CN": "{that}现在计划 {due}完成，所以最早 {expected}才能完成，比计划晚 {days} 个工作日。",
        "en": "{that} is now due on {due}, so the earliest finish is {expected}, {days} later than planned.",
    },
    "effect_start_pushed": {
        "zh-CN": "{that}自己也在等前面的任务，预计 {awaited}完成，所以最早 {expected}才能开始，比计划晚 {days} 个工作日。",
        "en": "{that} is held up itself and expected to finish on {awaited}, so the earliest start is {expected}, "
        "{days} later than planned.",
    },
    "effect_finish_pushed": {
        "zh-CN": "{that}自己也在等前面的任务，预计 {awaited}完成，所以最早 {expected}才能完成，比计划晚 {days} 个工作日。",
        "en": "{that} is held up itself and expected to finish on {awaited}, so the earliest finish is {expected}, "
        "{days} later than planned.",
    },
    "effect_start_after_start": {
        "zh-CN": "{that}预计 {awaited}才开始，所以最早 {expected}才能开始，比计划晚 {days} 个工作日。",
        "en": "{that} is expected to start on {awaited}, so the earliest start is {expected}, {days} later than planned.",
    },
    "effect_finish_after_start": {
        "zh-CN": "{that}预计 {awaited}才开始，所以最早 {expected}才能完成，比计划晚 {days} 个工作日。",
        "en": "{that} is expected to start on {awaited}, so the earliest finish is {expected}, {days} later than planned.",
    },
    "effect_open": {
        "zh-CN": "{that}已过计划完成日 {due}，还没有新的完成日期，新的时间暂时定不下来。",
        "en": "{that} is past its due date {due} and has no new one yet, so no new date can be given.",
    },
    "effect_undated": {
        "zh-CN": "{that}已过计划时间，还没有完成日期，新的时间暂时定不下来。",
        "en": "{that} is past its planned date and has no due date, so no new date can be given.",
    },
    "effect_upstream": {
        "zh-CN": "{that}自己也在等前面的任务，那边还没有新的完成日期，新的时间暂时定不下来。",
        "en": "{that} is itself waiting for something that is past due without a new date, so no new date can be given.",
    },
    "downstream": {"zh-CN": "后面还会顺延：", "en": "This also moves:"},
    "downstream_open": {"zh-CN": "后面还有这些任务在等：", "en": "Also waiting further down the line:"},
    "downstream_item": {"zh-CN": "，晚 {days} 个工作日", "en": ", {days} later"},
    "ask_predecessor": {
        "zh-CN": "请确认这个日期靠不靠得住；要提前或者还会变，直接改本任务的到期日即可，对方会看到更新。",
        "en": "Please check that this date holds. If it moves, just change the due date here; the other side will see it.",
    },
    "ask_predecessor_pushed": {
        "zh-CN": "请和前面的同事确认这个日期；有变化直接改本任务的到期日即可，对方会看到更新。",
        "en": "Please check this date with whoever you are waiting for. If it moves, change the due date here; "
        "the other side will see it.",
    },
    "ask_predecessor_open": {
        "zh-CN": "请给本任务填上新的到期日，对方会看到更新。",
        "en": "Please set a new due date here; the other side will see it.",
    },
    "ask_predecessor_pushed_open": {
        "zh-CN": "前面的日期定下来以后，请把本任务的到期日改过来，对方会看到更新。",
        "en": "Once that date is known, please set a new due date here; the other side will see it.",
    },
    "ask_successor": {
        "zh-CN": "请按新的时间安排；等不了的话，直接找{owner}商量。",
        "en": "Please plan with the new date. If it cannot wait, talk to {owner}.",
    },
    "ask_successor_open": {
        "zh-CN": "有了新的日期，这里会更新；等不了的话，直接找{owner}商量。",
        "en": "This comment will be updated once there is a new date. If it cannot wait, talk to {owner}.",
    },
    "ask_room": {
        "zh-CN": "请{owner}确认这个日期靠不靠得住；会变的话直接改任务的到期日，这里会跟着更新。",
        "en": "{owner}, please check that this date holds. If it moves, just change the task's due date; this message follows.",
    },
    "ask_room_open": {
        "zh-CN": "请{owner}给前置任务填上新的到期日，这里会跟着更新。",
        "en": "{owner}, please set a new due date on the task that is waited for; this message follows.",
    },
    "reply_predecessor": {
        "zh-CN": "在下面评论就是答复，第一行写：我来处理 / 现在处理不了 / 新日期 12月3日 / 资源不足 / 目标不清楚 / 优先级冲突 / 不是依赖。"
        "这里有几条提醒时，“不是依赖”后面加上对方任务的编号或标题。",
        "en": "To answer, comment below and begin with one of: on it / cannot take it / new date 3 Dec / lack of resources / "
        "goal not clear / priorities conflict / not a dependency. "
        "If there are several notices here, “not a dependency” needs the other task's key or title.",
    },
    "reply_successor": {
        "zh-CN": "其实不用等的话，在下面评论“不是依赖”就行；这里有几条提醒时，后面加上对方任务的编号或标题。",
        "en": "If this need not wait, just comment “not a dependency” below; if there are several notices here, add the other task's key "
        "or title.",
    },
    "notice_over": {"zh-CN": "延期已解除", "en": "No longer late"},
    "notice_can_start": {"zh-CN": "可以开始了", "en": "Ready to start"},
    "delay_over_done_room": {
        "zh-CN": "{before}已完成，{after}不用再等了。",
        "en": "{before} is done, and {after} no longer has to wait.",
    },
    "can_start": {
        "zh-CN": "可以开始了：{after}。{before}已完成。",
        "en": "{after} can start now. {before} is done.",
    },
    "can_start_finish": {
        "zh-CN": "可以收尾了：{after}。{before}已完成。",
        "en": "{after} can finish now. {before} is done.",
    },
    "delay_over_done_predecessor": {
        "zh-CN": "本任务已完成，{after}不用再等了，这条延期提醒关闭。",
        "en": "This task is done and {after} no longer has to wait; this delay notice is closed.",
    },
    "delay_over_done_successor": {
        "zh-CN": "可以开始了：{after_title}。{before}已完成。",
        "en": "You can start now: {after_title}. {before} is done.",
    },
    "delay_over_done_successor_finish": {
        "zh-CN": "可以收尾了：{after_title}。{before}已完成。",
        "en": "You can finish now: {after_title}. {before} is done.",
    },
    "delay_over_started": {
        "zh-CN": "{after}已经开始，这条延期提醒关闭。",
        "en": "{after} has started, so this delay notice is closed.",
    },
    "delay_over_finished": {
        "zh-CN": "{after}已经完成，这条延期提醒关闭。",
        "en": "{after} is done, so this delay notice is closed.",
    },
    "delay_over_on_plan": {
        "zh-CN": "按现在的日期，{after}不再受{before}影响，这条延期提醒关闭。",
        "en": "With the present dates {after} is no longer held up by {before}; this delay notice is closed.",
    },
    "delay_over_gone": {
        "zh-CN": "{after}不再依赖{before}，这条延期提醒关闭。",
        "en": "{after} no longer depends on {before}; this delay notice is closed.",
    },
}

BUTTONS: dict[str, dict[Language, str]] = {
    "acknowledge": {"zh-CN": "我来处理", "en": "I'm on it"},
    "open": {"zh-CN": "打开任务", "en": "Open the task"},
}
# What the item the comment stands on is called in it: it needs no name there, and a restricted one may not be given any.
HERE: dict[Language, str] = {"zh-CN": "本任务", "en": "this task"}
THAT: dict[Language, str] = {"zh-CN": "前置任务", "en": "That task"}


def link_title(task: Task, language: Language) -> str:
    """How a linked task is called: its title, with its key where the tool has one that people say (PAY-1, not a short link)."""
    del language
    return f"{task.key} {task.title}" if re.fullmatch(r"[A-Z][A-Z0-9_]*-\d+", task.key) else task.title


def comment_body(message: str, facts: Mapping[str, Any], language: Language, *, is_heard: bool = False) -> RichText:
    """The comment for a message id and its facts; the same facts always give the same text. ``is_heard``: what people write under it is
    read, and it says what they can write."""
    if message == "delay":
        how = (Paragraph((Text(WORDS[f"reply_{facts['side']}"][language]),)),) if is_heard else ()
        return (*_delay(facts, language), *how)
    name = message
    if message == "delay_over_done":
        name += f"_{facts['side']}"
    if name in ("delay_over_done_successor", "can_start") and not facts["is_about_start"]:
        name += "_finish"
    return (Paragraph(_sentence(name, facts, language)),)


def _delay(facts: Mapping[str, Any], language: Language) -> RichText:
    verb = "start" if facts["is_about_start"] else "finish"
    awaited = "_after_start" if facts["is_after_start"] else ""
    headline = _sentence(f"successor_{verb}{awaited}", facts, language)
    effect = _sentence(_effect(facts, verb, awaited), facts, language)
    note = projection_note([facts], language)
    blocks: list[Block] = [
        Paragraph((Text(WORDS["delay_headline"][language], is_bold=True),)),
        Paragraph(headline + _gap(language) + effect + ((*_gap(language), Text(note)) if note else ())),
    ]
    if facts["downstream"]:
        items = tuple(_downstream_item(item, language) for item in facts["downstream"])
        word = "downstream_open" if facts["slip_days"] is None else "downstream"
        blocks += [Paragraph((Text(WORDS[word][language]),)), BulletList(items)]
    blocks.append(Paragraph(_sentence(_ask(facts), facts, language)))
    blocks += [Paragraph((Text(_answer_line(item, language), is_bold=True),)) for item in facts.get("answered", ())]
    return tuple(blocks)


def _answer_line(item: Mapping[str, Any], language: Language) -> str:
    day = day_from_fact(item["day"])
    name, told = item["name"] or SOMEBODY[language], day_text(day, language) if day else ""
    return LINES[item["word"]][language].format(name=name, time=item["time"], day=told)


def _effect(facts: Mapping[str, Any], verb: str, awaited: str) -> str:
    if facts["slip_days"] is None:
        if not facts["is_past_due"]:
            return "effect_upstream"
        return "effect_open" if facts["predecessor_due"] else "effect_undated"
    return f"effect_{verb}{awaited}" if awaited else f"effect_{verb}{'_pushed' if _is_pushed(facts) else ''}"


def _ask(facts: Mapping[str, Any]) -> str:
    if facts["slip_days"] is None:
        is_own = facts["side"] == "successor" or facts["is_past_due"]
        return f"ask_{facts['side']}_open" if is_own else "ask_predecessor_pushed_open"
    is_pushed = facts["side"] == "predecessor" and not facts["is_after_start"] and _is_pushed(facts)
    return f"ask_{facts['side']}{'_pushed' if is_pushed else ''}"


def _is_pushed(facts: Mapping[str, Any]) -> bool:
    """True when the predecessor is late because something pushes it, not by its own date."""
    return day_from_fact(facts["awaited"]) != day_from_fact(facts["predecessor_due"])


def _gap(language: Language) -> Inlines:
    return (Text(" "),) if language == "en" else ()


def _downstream_item(item: Mapping[str, Any], language: Language) -> ListItem:
    tail = ""
    if item["slip_days"] is not None:
        tail = WORDS["downstream_item"][language].format(days=days_text(item["slip_days"], language))
    return ListItem(
        (Paragraph((*_task_inlines(item, language), Text(tail)) if tail else _task_inlines(item, language)),)
    )


def _sentence(name: str, facts: Mapping[str, Any], language: Language) -> Inlines:
    """Fill a sentence; tasks become links, everything else text."""
    values: dict[str, Inlines] = {
        "before": _task_inlines(facts["predecessor"], language),
        "after": _task_inlines(facts["successor"], language),
        "after_title": _title_inlines(facts["successor"]),
        "owner": (_owner(facts),),
        "that": (Text(_capital(HERE[language]) if facts["side"] == "predecessor" else THAT[language]),),
    }
    days = {"planned": "planned", "expected": "expected", "predecessor_due": "due", "awaited": "awaited"}
    for fact, name_in_text in days.items():
        if day := day_from_fact(facts.get(fact)):
            values[name_in_text] = (Text(day_text(day, language)),)
    if facts.get("slip_days") is not None:
        values["days"] = (Text(days_text(facts["slip_days"], language)),)
    first, *rest = filled(WORDS[name][language], values)
    return (Text(_capital(first.text)) if first == Text(HERE[language]) else first, *rest)


def _owner(facts: Mapping[str, Any]) -> Inline:
    """Whom to talk to; named so that the chat notifies them, where it knows them."""
    if mention := facts.get("mention"):
        return PersonMention(mention["name"], mention["account"])
    return Text(facts.get("contact", ""))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _title_inlines(item: Mapping[str, Any]) -> Inlines:
    return (Anchor(item["title"], item["url"]),) if item["url"] else (Text(item["title"]),)


def _task_inlines(item: Mapping[str, Any], language: Language) -> Inlines:
    """ "产品部「支付流程测试」（李娜）" / "“支付流程测试” (产品部, 李娜)", the title as a link where it may be one; the item the
    comment stands on is "本任务" / "this task".
    """
    if item.get("is_here"):
        return (Text(HERE[language]),)
    who = item["owner"]
    if language == "en":
        note = ", ".join(text for text in (item["department"], who) if text)
        return (Text("“"), *_title_inlines(item), Text(f"” ({note})" if note else "”"))
    return (Text(f"{item['department']}「"), *_title_inlines(item), Text(f"」（{who}）" if who else "」"))
