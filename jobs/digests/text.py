"""What digests say, in Chinese and English side by side, as a colleague would write it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Button, Message
from sync.core.projection import projection_note
from sync.core.rich_text import (
    Anchor,
    Block,
    Inline,
    Inlines,
    ListItem,
    NumberedList,
    Paragraph,
    RichText,
    Text,
)
from sync.core.values import Language
from sync.core.wording import day_from_fact, day_text, days_text, filled

MOST_BUTTONS = 6
"""How many buttons that call back a message has at most; what a vendor shows fewer of it cuts from the end."""

MOST_BYTES = 3500
"""How long a digest of several things is at most; WeCom takes 4,096 bytes, and each chat spells marks and links its own way."""

HEADINGS: dict[str, dict[Language, str]] = {
    "asked": {"zh-CN": "有人在等你", "en": "Others are waiting for you"},
    "ready": {"zh-CN": "可以开始了", "en": "Ready to start"},
    "held": {"zh-CN": "先别开始", "en": "Not yet, after all"},
    "awaited": {"zh-CN": "你在等的任务", "en": "What you are waiting for"},
    "unowned": {"zh-CN": "还没有负责人", "en": "Nobody owns these"},
    "several": {"zh-CN": "{day}，有 {count} 件事和你有关", "en": "{day}: {count} things for you"},
}
WORDS: dict[str, dict[Language, str]] = {
    "asked_delay": {
        "zh-CN": "{other}在等{your}{mine}：对方原计划 {planned}{verb}，现在最早 {expected}，晚 {days} 个工作日{moved}。{standing}"
        "请在 {by}前确认这个日期靠不靠得住；会变的话直接改任务的到期日，对方会看到。",
        "en": "{other} is waiting for {your}{mine}: theirs was planned to {verb} on {planned} and can {verb} on {expected} at the "
        "earliest, {days} later{moved}. {standing}Please check by {by} that this date holds; "
        "if it moves, just change the due date in the task.",
    },
    "asked_delay_open": {
        "zh-CN": "{other}在等{your}{mine}，对方原计划 {planned}{verb}。{side}已过计划完成日 {mine_due}，还没有新的日期。{standing}"
        "请在 {by}前填上新的到期日，对方好安排。",
        "en": "{other} is waiting for {your}{mine} and was planned to {verb} on {planned}, but {side} is past its due date {mine_due} "
        "and has no new one. {standing}Please set a new due date by {by}, so that they can plan.",
    },
    "asked_delay_undated": {
        "zh-CN": "{other}在等{your}{mine}，对方原计划 {planned}{verb}，可是{side}还没有完成日期。{standing}"
        "请在 {by}前填上到期日，对方好安排。",
        "en": "{other} is waiting for {your}{mine} and was planned to {verb} on {planned}, but {side} has no due date. {standing}"
        "Please set one by {by}, so that they can plan.",
    },
    "asked_delay_pushed": {
        "zh-CN": "{other}在等{your}{mine}：对方原计划 {planned}{verb}，现在最早 {expected}，晚 {days} 个工作日{moved}。{standing}"
        "{side}也在等前面的任务；请在 {by}前和前面的同事对一下日期，有变化就改任务的到期日，对方会看到。",
        "en": "{other} is waiting for {your}{mine}: theirs was planned to {verb} on {planned} and can {verb} on {expected} at the "
        "earliest, {days} later{moved}. {standing}As {side} is held up itself, please check the date by {by} with whoever it waits for, "
        "and change the due date in the task if it moves.",
    },
    "asked_delay_pushed_open": {
        "zh-CN": "{other}在等{your}{mine}，对方原计划 {planned}{verb}。{side}也在等前面的任务，还没有新的完成日期；"
        "日期一定下来，请把到期日改过来，对方好安排。",
        "en": "{other} is waiting for {your}{mine} and was planned to {verb} on {planned}; {side} is itself waiting for something that has "
        "no new date yet; once there is one, please change the due date in the task, so that they can plan.",
    },
    "asked_due_soon": {
        "zh-CN": "{other}在等{your}{mine}，预计 {due}完成。赶得上就不用管；赶不上的话，请在 {due}前改好到期日，对方好早点安排。",
        "en": "{other} is waiting for {your}{mine}, expected to be done on {due}. If that holds there is nothing to do; if not, "
        "please change the due date before then, so that they can plan.",
    },
    "asked_forecast_conflict": {
        "zh-CN": "{other}在等{your}{mine}，计划 {planned}{verb}。{whose}以往这类任务通常要到 {likely}前后才做完{most}，"
        "对方可能要推到 {expected}{moved}。赶得上就不用管；赶不上的话，早点改一下到期日，对方好安排。",
        "en": "{other} is waiting for {your}{mine} and is planned to {verb} on {planned}. Going by the past, such tasks of {whose} are "
        "usually done around {likely}{most}; theirs may have to move to {expected}{moved}. If you will be in time there is nothing to do; "
        "if not, please change the due date early, so that they can plan.",
    },
    "asked_forecast_conflict_masked": {
        "zh-CN": "{other}在等{your}{mine}，计划 {planned}{verb}。赶得上就不用管；赶不上的话，早点改一下到期日，对方好安排。",
        "en": "{other} is waiting for {your}{mine} and is planned to {verb} on {planned}. If you will be in time there is nothing to do; "
        "if not, please change the due date early, so that they can plan.",
    },
    "asked_silent": {
        "zh-CN": "{other}在等{your}{mine}，{since}之后一直没有更新。请在 {by}前写一句进展，或者改一下到期日。",
        "en": "{other} is waiting for {your}{mine}, which has not been updated since {since}. "
        "Please say by {by} how it stands, or change the due date in the task.",
    },
    "asked_unreachable": {
        "zh-CN": "{other}定在 {due}完成，按现在的日期最早 {expected}，晚 {days} 个工作日；最先要看的是{your}{mine}。{standing}"
        "请在 {by}前看看能不能提前；不行的话，和{contact}商量新的日期。",
        "en": "{other} is fixed for {due}. With the present dates it is {expected} at the earliest, {days} later, and {your}{mine} is "
        "where to look first. {standing}Please see by {by} whether it can be done sooner; if not, agree on a new date with {contact}.",
    },
    "asked_unreachable_open": {
        "zh-CN": "{other}定在 {due}完成，可是前面还没有新的完成日期；最先要看的是{your}{mine}。{standing}"
        "请在 {by}前给个日期；赶不上的话，和{contact}商量。",
        "en": "{other} is fixed for {due}, and what comes before it has no new date; {your}{mine} is where to look first. {standing}"
        "Please give a date by {by}; if it cannot be kept, talk to {contact}.",
    },
    "asked_unreachable_own": {
        "zh-CN": "{your}{mine}定在 {due}完成，按现在的日期最早 {expected}，晚 {days} 个工作日。{standing}"
        "请在 {by}前看看怎么赶；赶不上的话，早点告诉大家新的日期。",
        "en": "{your}{mine} is fixed for {due}. With the present dates it is {expected} at the earliest, {days} later. {standing}"
        "Please see by {by} how it can be kept; if it cannot, tell the others the new date early.",
    },
    "asked_unreachable_own_open": {
        "zh-CN": "{your}{mine}定在 {due}完成，可是还没有新的完成日期。{standing}请在 {by}前给个日期；赶不上的话，早点告诉大家。",
        "en": "{your}{mine} is fixed for {due} and has no new date yet. {standing}Please give one by {by}; "
        "if it cannot be kept, tell the others early.",
    },
    "can_start": {
        "zh-CN": "可以开始了：{mine}。{other}已完成。{start}",
        "en": "You can start now: {mine}. {other} is done.{start}",
    },
    "can_start_several": {
        "zh-CN": "可以开始了：{mine}。要等的 {others} 个任务都结束了。{start}",
        "en": "You can start now: {mine}. All {others} tasks that it waited for are over.{start}",
    },
    "held": {
        "zh-CN": "{mine}先别开始：{other}又打开了，还没有完成。",
        "en": "{mine} cannot start yet after all: {other} was opened again.",
    },
    "awaited_delay": {
        "zh-CN": "你的{mine}在等{other}：原计划 {planned}{verb}，现在最早 {expected}，晚 {days} 个工作日{moved}。{taken}"
        "请按新的时间安排；等不了的话，直接找{contact}商量。",
        "en": "Your {mine} is waiting for {other}: it was planned to {verb} on {planned} and can {verb} on {expected} at the earliest, "
        "{days} later{moved}. {taken}Please plan with the new date; if it cannot wait, talk to {contact}.",
    },
    "awaited_delay_open": {
        "zh-CN": "你的{mine}原计划 {planned}{verb}，在等的{other}还没有新的完成日期。{taken}"
        "日期定下来会再告诉你；等不了的话，直接找{contact}商量。",
        "en": "Your {mine} was planned to {verb} on {planned}; {other}, which it waits for, has no new date yet. {taken}"
        "You will hear when there is one; if it cannot wait, talk to {contact}.",
    },
    "started_early": {
        "zh-CN": "你的{mine}已经开始了，可是要等的{other}还没有完成。和{contact}对一下，别白做；本来就不用等的话，点「不是依赖」。",
        "en": "Your {mine} has begun although {other}, which it waits for, is not finished. Please check with {contact}, so that no work "
        "is lost; if it need not wait at all, press “Not a dependency”.",
    },
    "unowned": {
        "zh-CN": "{mine}还没有负责人，{other}在等它。{standing}请在 {by}前指定一位。",
        "en": "{mine} has no owner, and {other} is waiting for it. {standing}Please name somebody by {by}.",
    },
    "instead": {"zh-CN": "{name}不在，请你代看：", "en": "{name} is away, so this comes to you: "},
    "your": {"zh-CN": "你的", "en": "your "},
    "theirs": {"zh-CN": "{name}的", "en": "{name}'s "},
    "side": {"zh-CN": "你这边", "en": "yours"},
    "their_side": {"zh-CN": "{name}那边", "en": "{name}'s"},
    "most": {"zh-CN": "，大多不晚于 {day}", "en": ", most by {day}"},
    "moved": {"zh-CN": "，后面还有 {count} 个任务跟着顺延", "en": ", and {count} more move with it"},
    "taken": {"zh-CN": "{name}在处理。", "en": "{name} is on it. "},
    "start": {"zh-CN": "计划 {day}开始。", "en": " It is planned to start on {day}."},
    "standing": {"zh-CN": "{day}起就是这样。", "en": "It has been so since {day}. "},
    "more": {"zh-CN": "还有 {count} 项放到下一条再说。", "en": "{count} more will follow in the next message."},
    "more_at": {
        "zh-CN": "还有 {count} 项放到下一条再说；想先看，{page}。",
        "en": "{count} more will follow in the next message; to see them now: {page}.",
    },
    "page": {"zh-CN": "都在这里", "en": "all of them"},
}
VERBS: dict[Language, tuple[str, str]] = {"zh-CN": ("开始", "完成"), "en": ("start", "finish")}
BUTTONS: dict[str, dict[Language, str]] = {
    "acknowledge": {"zh-CN": "我来处理", "en": "I'm on it"},
    "open": {"zh-CN": "打开任务", "en": "Open the task"},
    "deny": {"zh-CN": "不是依赖", "en": "Not a dependency"},
}


def digest_message(facts: Mapping[str, Any], language: Language) -> Message:
    """The message for a digest's facts; the same facts always give the same text."""
    items, is_several = facts["items"], len(facts["items"]) > 1 or facts["more"] > 0
    body = _several(items, language) if is_several else _one(items[0], language)
    body += _foot(facts, language)
    if is_several:
        title = HEADINGS["several"][language].format(
            day=_day_words(facts["day"], language), count=len(items) + facts["more"]
        )
    else:
        title = HEADINGS[items[0]["section"]][language]
    is_good = all(item["section"] == "ready" for item in items)
    buttons = tuple(_buttons(items, is_several, language))
    return Message(body, title, "green" if is_good else "blue", buttons, keeps_words=True)


def is_too_long(facts: Mapping[str, Any]) -> bool:
    """Whether some chat might cut the message for these facts, so that its end would not be read."""
    return len(markdown_from_rich_text(digest_message(facts, facts["language"]).body).encode()) > MOST_BYTES


def _one(item: Mapping[str, Any], language: Language) -> RichText:
    return (Paragraph(_sentence(item, language)),)


def _several(items: Sequence[Mapping[str, Any]], language: Language) -> RichText:
    """Section by section; numbered through, as the buttons name the numbers."""
    blocks: list[Block] = []
    number = 1
    for section, group in groupby(items, key=lambda item: item["section"]):
        entries = [ListItem((Paragraph(_sentence(item, language)),)) for item in group]
        blocks.append(Paragraph((Text(HEADINGS[section][language], is_bold=True),)))
        blocks.append(NumberedList(tuple(entries), start=number))
        number += len(entries)
    return tuple(blocks)


def _foot(facts: Mapping[str, Any], language: Language) -> RichText:
    blocks: list[Block] = []
    if facts["more"]:
        url = facts["page_url"]
        values: dict[str, Inlines] = {"count": (Text(str(facts["more"])),)}
        if url:
            values["page"] = (Anchor(WORDS["page"][language], url),)
        blocks.append(Paragraph(filled(WORDS["more_at" if url else "more"][language], values)))
    if note := projection_note(facts["items"], language):
        blocks.append(Paragraph((Text(note),)))
    return tuple(blocks)


def _sentence(item: Mapping[str, Any], language: Language) -> Inlines:
    side = _part("their_side", language, name=item["instead_of"]) or (Text(WORDS["side"][language]),)
    values: dict[str, Inlines] = {
        "mine": _title_inlines(item["mine"], language),
        "other": _other_inlines(item["other"], language),
        "contact": (Text(item["contact"]),),
        "your": _part("theirs", language, name=item["instead_of"]) or (Text(WORDS["your"][language]),),
        "side": side,
        "others": (Text(str(item["others"])),),
        "verb": (Text(VERBS[language][0 if item["is_about_start"] else 1]),),
        "moved": _part("moved", language, count=item["moved_tasks"] or ""),
        "taken": _capitalised(_part("taken", language, name=item["taken_by"])),
        "standing": _part("standing", language, day=_day_words(item["standing_since"], language)),
        "start": _part("start", language, day=_day_words(item["start"], language)),
    }
    for name in ("planned", "expected", "due", "since", "by", "mine_due", "likely"):
        values[name] = (Text(_day_words(item.get(name), language)),)
    if "likely" in item:
        most = item["likely_by"] if item["likely_by"] != item["likely"] else None
        values["most"] = _part("most", language, day=_day_words(most, language))
        values["whose"] = (Text(item["whose"]),)
    if item["slip_days"] is not None:
        values["days"] = (Text(days_text(item["slip_days"], language)),)
    instead = _part("instead", language, name=item["instead_of"])
    return (*_capitalised(instead), *_capitalised(filled(WORDS[_word_of(item)][language], values)))


def _word_of(item: Mapping[str, Any]) -> str:
    """Which sentence says it: without a date that is known now, the one that asks for it."""
    name: str = item["message"]
    is_dated = item["expected"] is not None
    if name == "asked_forecast_conflict":
        return name if is_dated else f"{name}_masked"
    if name == "asked_delay" and not is_dated:
        word = "open" if item["is_past_due"] else "pushed_open" if item["mine_due"] else "undated"
        return f"{name}_{word}"
    if name == "asked_delay":
        return f"{name}_pushed" if item["is_pushed"] else name
    if name == "asked_unreachable":
        name += "" if item["other"] else "_own"
    if name == "can_start":
        return name if item["other"] else "can_start_several"
    return (
        name
        if is_dated or name not in ("awaited_delay", "asked_unreachable", "asked_unreachable_own")
        else f"{name}_open"
    )


def _part(word: str, language: Language, **values: object) -> Inlines:
    """A part of a sentence that is left out where there is nothing to put into it."""
    return (Text(WORDS[word][language].format(**values)),) if all(values.values()) else ()


def _day_words(value: object, language: Language) -> str:
    day = day_from_fact(value)
    return day_text(day, language) if day else ""


def _title_inlines(task: Mapping[str, Any], language: Language) -> Inlines:
    """「支付接口开发」, the title as a link where it may be one."""
    title: Inline = Anchor(task["title"], task["url"]) if task["url"] else Text(task["title"])
    return (Text("“"), title, Text("”")) if language == "en" else (Text("「"), title, Text("」"))


def _other_inlines(task: Mapping[str, Any] | None, language: Language) -> Inlines:
    """ "产品部「支付流程测试」（李娜）" / "“支付流程测试” (Product, Li Na)"."""
    if task is None:
        return ()
    title = _title_inlines(task, language)
    if language == "en":
        note = ", ".join(text for text in (task["department"], task["owner"]) if text)
        return (*title, Text(f" ({note})")) if note else title
    who = (Text(f"（{task['owner']}）"),) if task["owner"] else ()
    return (*((Text(task["department"]),) if task["department"] else ()), *title, *who)


def _capitalised(words: Inlines) -> Inlines:
    if not words or not isinstance(words[0], Text):
        return words
    return (Text(words[0].text[:1].upper() + words[0].text[1:]), *words[1:])


def _buttons(items: Sequence[Mapping[str, Any]], is_several: bool, language: Language) -> Iterator[Button]:
    """To take an item on, to open its task (of several each title leads there), to say that it is no dependency."""
    left = MOST_BUTTONS
    for number, item in enumerate(items, start=1):
        prefix = f"{number}. " if is_several else ""
        if item["acknowledge"] and left:
            yield Button(prefix + BUTTONS["acknowledge"][language], item["acknowledge"], is_primary=not is_several)
            left -= 1
        if item["mine"]["url"] and not is_several:
            yield Button(BUTTONS["open"][language], "open", item["mine"]["url"])
        if item["deny"] and left:
            yield Button(prefix + BUTTONS["deny"][language], item["deny"])
            left -= 1
