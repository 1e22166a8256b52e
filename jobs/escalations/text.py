"""What the notices of incidents and delays say, in Chinese and English side by side. The same facts always give the same text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sync.core.answering import acknowledgement, promise, refusal, statement
from sync.core.escalation import Reason
from sync.core.messages import Button, Message
from sync.core.rich_text import Anchor, BulletList, Inlines, ListItem, Paragraph, PersonMention, RichText, Text
from sync.core.values import Language
from sync.core.wording import day_text, days_text, filled

WORDS: dict[str, dict[Language, str]] = {
    "title_incident": {"zh-CN": "突发：{title}", "en": "Incident: {title}"},
    "title_delay": {"zh-CN": "需要你看一下：{title}", "en": "Please have a look: {title}"},
    "title_room_delay": {"zh-CN": "协调：{title}", "en": "To be settled: {title}"},
    "title_over": {"zh-CN": "已关闭：{title}", "en": "Closed: {title}"},
    "title_reason": {"zh-CN": "想了解一下原因：{title}", "en": "What is behind it: {title}"},
    "title_talk": {"zh-CN": "建议聊一聊：{name}", "en": "A talk may help: {name}"},
    "title_talk_kept": {"zh-CN": "约谈：{name}", "en": "Talk: {name}"},
    "incident": {
        "zh-CN": "{before}出了突发，{since} 开始计时。",
        "en": "{before} has an incident, open since {since}.",
    },
    "note": {"zh-CN": "{opener}说：「{note}」。", "en": "{opener} says: “{note}”."},
    "waiting": {"zh-CN": "在等它的有：", "en": "Waiting for it:"},
    "also_waiting": {"zh-CN": "还有这些也在等它：", "en": "These are waiting for it too:"},
    "delay": {
        "zh-CN": "{after}在等{before}。原计划 {planned}，现在最早 {expected}，晚 {days} 个工作日。",
        "en": "{after} is waiting for {before}. Planned for {planned}, now {expected} at the earliest, {days} later.",
    },
    "delay_open": {
        "zh-CN": "{after}在等{before}。原计划 {planned}，前面还没有新的完成日期。",
        "en": "{after} is waiting for {before}. Planned for {planned}; what it waits for has no new date yet.",
    },
    "cost": {"zh-CN": "后面还连带 {tasks} 个任务。", "en": "Further down the line {tasks} more will move."},
    "silent": {
        "zh-CN": "{since} 开始问的，到现在还没有人回复。",
        "en": "Nobody has answered since {since}.",
    },
    "declined": {
        "zh-CN": "前面问到的同事眼下处理不了。",
        "en": "The colleague who was asked before cannot take it on right now.",
    },
    "unsolved": {"zh-CN": "{handler}在处理，到现在还没有解决。", "en": "{handler} is on it, and it is not solved yet."},
    "unanswered": {
        "zh-CN": "{since} 开始问的，到现在还没有人接，也没有解决。",
        "en": "Since {since} nobody has taken it on, and it is not solved yet.",
    },
    "ask_owner": {
        "zh-CN": "能处理就点「我来处理」；眼下处理不了也请点一下，我们好找别人。",
        "en": "If you can take it on, press “I'm on it”; if not, say so too, so that somebody else can be asked.",
    },
    "ask_on_call": {"zh-CN": "今天你值班，请先接一下。", "en": "You are on call today; please take it on."},
    "ask_deputy": {"zh-CN": "请你先接一下，或者说一声处理不了。", "en": "Please take it on, or say that you cannot."},
    "ask_head": {"zh-CN": "请安排一位同事处理。", "en": "Please name somebody who takes it on."},
    "ask_waiting_head": {
        "zh-CN": "你们在等它，请一起看看怎么办。",
        "en": "Your side is waiting for it; please help to settle what to do.",
    },
    "ask_coordination_group": {
        "zh-CN": "请协调一下：谁来处理，什么时候能好。",
        "en": "Please settle who takes it on and by when.",
    },
    "ask_solution": {
        "zh-CN": "现在到哪一步了？日期有变就直接改任务的到期日，解决了把任务关掉就行。",
        "en": "How far is it? If the date moves, change the task's due date; when it is solved, just close the task.",
    },
    "ask_together": {"zh-CN": "请一起看一下：{people}。", "en": "Please look at it together: {people}."},
    "by": {"zh-CN": "请在 {by} 前回复。", "en": "Please answer by {by}."},
    "solve_by": {"zh-CN": "{solve_by} 前要解决。", "en": "It has to be solved by {solve_by}."},
    "instead": {"zh-CN": "{absent}今天不在，所以找你。", "en": "{absent} is away today, so you are asked."},
    "others": {"zh-CN": "同时也问了：{people}。", "en": "Also asked: {people}."},
    "room": {
        "zh-CN": "相关同事都在群「{room}」里，你也在。",
        "en": "Everybody is in the group “{room}”, and so are you.",
    },
    "over_done": {
        "zh-CN": "{before}已完成，不用再跟进了，谢谢。",
        "en": "{before} is done. Nothing more to do here, thank you.",
    },
    "over_solved": {
        "zh-CN": "{before}的突发已经解决，不用再跟进了，谢谢。",
        "en": "The incident of {before} is solved. Nothing more to do here, thank you.",
    },
    "over": {"zh-CN": "{before}这件事不用再跟进了，谢谢。", "en": "Nothing more to do about {before}, thank you."},
    "reason": {
        "zh-CN": "{before}的延期，主要是哪方面的原因？点一下就好，方便找对的人来帮忙。",
        "en": "What is the main reason for the delay of {before}? One press is enough; it helps to ask the right people.",
    },
    "resources": {
        "zh-CN": "{before}延期，{name}说主要是资源不足（人手、时间或设备）。请看看能不能调一些过来，或者和{owner}商量怎么安排。",
        "en": "{before} is late, and {name} says that people or means are missing. Please see what can be moved there, or talk to {owner}.",
    },
    "goal": {
        "zh-CN": "{before}延期，{name}说主要是目标不清楚。请和{owner}对一下：要做到什么程度，怎样算完成。",
        "en": "{before} is late, and {name} says that the goal is not clear. Please settle with {owner} what counts as done.",
    },
    "conflict": {
        "zh-CN": "{before}延期，{name}说和别的事优先级冲突。请协调小组定一下先做哪个，并告诉{owner}。",
        "en": "{before} is late, and {name} says that priorities conflict. Please settle what comes first and tell {owner}.",
    },
    "talk": {
        "zh-CN": "{name}最近有 {count} 次没能接下，或者到了说好的时间还没完成。可能是手上的事太多，也可能目标或优先级不清楚，"
        "建议约{name}聊一聊，看看需要什么支持。",
        "en": "Lately it happened {count} times that {name} could not take something on, or that a promised time went by. It may be too "
        "much work, or unclear goals or priorities: a talk with {name} may show what support is needed.",
    },
    "talk_tasks": {"zh-CN": "涉及：", "en": "It was about:"},
    "talk_words": {
        "zh-CN": "定了时间请发给我：“约谈 {name} 12月3日”；谈完发“约谈 {name} 结论：……”。",
        "en": "Once a day is set, please write to me: “talk {name} 3 Dec”, and afterwards “talk {name} decided: …”.",
    },
    "talk_set": {
        "zh-CN": "和{name}的约谈定在 {day}（{recorder} 记的）。谈完请发给我：“约谈 {name} 结论：……”。",
        "en": "The talk with {name} is set for {day} (noted by {recorder}). Afterwards please write to me: “talk {name} decided: …”.",
    },
    "talk_asked": {
        "zh-CN": "和{name}的约谈定在 {day}，还没有记下结论。谈过了请发给我：“约谈 {name} 结论：……”；改期了就发“约谈 {name} 12月3日”。",
        "en": "The talk with {name} was set for {day}, and no decision is noted yet. If it took place, please write to me: “talk {name} "
        "decided: …”; if it was moved, the new day: “talk {name} 3 Dec”.",
    },
    "talk_decided": {
        "zh-CN": "和{name}的约谈有结论了（{recorder} 记的）：「{note}」。之后重新开始计数。",
        "en": "Something was decided in the talk with {name} (noted by {recorder}): “{note}”. Counting starts anew.",
    },
    "talk_private": {"zh-CN": "这条只发给协调小组。", "en": "Only the coordination group gets this."},
    "somebody": {"zh-CN": "有同事", "en": "a colleague"},
}
BUTTONS: dict[str, dict[Language, str]] = {
    "acknowledge": {"zh-CN": "我来处理", "en": "I'm on it"},
    "decline": {"zh-CN": "现在处理不了", "en": "I can't right now"},
    "promise": {"zh-CN": "给新日期", "en": "Give a new date"},
    "open": {"zh-CN": "打开任务", "en": "Open the task"},
    "reason_resources": {"zh-CN": "资源不足", "en": "Too few resources"},
    "reason_goal": {"zh-CN": "目标不清楚", "en": "The goal is not clear"},
    "reason_conflict": {"zh-CN": "优先级冲突", "en": "Priorities conflict"},
}
_COMMA: dict[Language, str] = {"zh-CN": "、", "en": ", "}


def message_of(message: str, facts: Mapping[str, Any], language: Language) -> Message:
    """What is said for a message id and its facts."""
    if message == "notice":
        return _notice(facts, language)
    if message == "notice_over":
        name = "over" if not facts["is_done"] else "over_solved" if facts["is_incident"] else "over_done"
        return Message((_line([name], facts, language),), _title("title_over", facts, language), "green")
    if message == "reason":
        reasons: tuple[Reason, ...] = ("resources", "goal", "conflict")
        buttons = tuple(
            Button(BUTTONS[f"reason_{name}"][language], statement(facts["finding"], name)) for name in reasons
        )
        return Message((_line(["reason"], facts, language),), _title("title_reason", facts, language), "blue", buttons)
    if message == "talk":
        return _talk(facts, language)
    if message.startswith("talk_"):
        title = WORDS["title_talk_kept"][language].format(name=facts["name"])
        return Message((_line([message], facts, language), _line(["talk_private"], facts, language)), title, "blue")
    buttons = _open(facts, language)
    return Message((_line([message], facts, language),), _title("title_delay", facts, language), "blue", buttons)


def room_title(facts: Mapping[str, Any], language: Language) -> str:
    """How the emergency group is called."""
    return _title("title_incident" if facts["is_incident"] else "title_room_delay", facts, language)


def time_text(instant: str, language: Language) -> str:
    """A plain date and time where its reader lives: "11月27日（周五）02:40"."""
    at = datetime.fromisoformat(instant)
    return f"{day_text(at.date(), language)}{' ' if language == 'en' else ''}{at:%H:%M}"


def _notice(facts: Mapping[str, Any], language: Language) -> Message:
    blocks: list[Any] = [_line(_what(facts), facts, language)]
    if facts["is_incident"] and facts["waiting"]:
        blocks += [_line(["waiting"], facts, language), _list(facts["waiting"], language)]
    elif len(facts["waiting"]) > 1:
        blocks += [_line(["also_waiting"], facts, language), _list(facts["waiting"][1:], language)]
    blocks.append(_line(_so_far(facts), facts, language))
    blocks.append(_line(_asked(facts), facts, language))
    body: RichText = tuple(block for block in blocks if not isinstance(block, Paragraph) or block.content)
    name = (
        "title_incident" if facts["is_incident"] else "title_room_delay" if facts["room"] == "here" else "title_delay"
    )
    is_taken = facts["phase"] == "solution" and facts["answered_by"] and not facts["is_incident"]
    word, action = ("promise", promise) if is_taken else ("acknowledge", acknowledgement)
    take = Button(BUTTONS[word][language], action(facts["finding"]), is_primary=True)
    decline = Button(BUTTONS["decline"][language], refusal(facts["finding"]))
    colour = "red" if facts["is_incident"] or facts["is_critical"] else "yellow"
    return Message(body, _title(name, facts, language), colour, (take, decline, *_open(facts, language)))  # type: ignore[arg-type]


def _what(facts: Mapping[str, Any]) -> list[str]:
    if facts["is_incident"]:
        return ["incident", "note"] if facts["note"] else ["incident"]
    name = "delay" if facts["slip_days"] is not None else "delay_open"
    return [name, "cost"] if facts["more_tasks"] else [name]


def _so_far(facts: Mapping[str, Any]) -> list[str]:
    if facts["phase"] == "solution":
        return ["unsolved"] if facts["answered_by"] else ["unanswered"]
    if facts["is_declined"]:
        return ["declined"]
    return ["silent"] if facts["number"] > 1 else []


def _asked(facts: Mapping[str, Any]) -> list[str]:
    """What is asked, of whom and by when."""
    names = []
    if facts["room"] == "here":
        names.append("ask_together")
    elif facts["instead_of"]:
        names.append("instead")
    is_plain = facts["phase"] == "solution" and facts["role"] in ("owner", "on_call", "deputy")
    names.append("ask_solution" if is_plain else f"ask_{facts['role']}")
    names += ["by"] if facts["by"] else []
    names += ["solve_by"] if facts["solve_by"] else []
    if facts["room"] != "here" and facts["others"]:
        names.append("others")
    return [*names, "room"] if facts["room"] not in ("", "here") else names


def _talk(facts: Mapping[str, Any], language: Language) -> Message:
    blocks = (
        _line(["talk"], facts, language),
        _line(["talk_tasks"], facts, language),
        _list(facts["tasks"], language),
        _line(["talk_words"], facts, language),
        _line(["talk_private"], facts, language),
    )
    return Message(blocks, WORDS["title_talk"][language].format(name=facts["name"]), "blue")


def _open(facts: Mapping[str, Any], language: Language) -> tuple[Button, ...]:
    url = facts["task"]["url"]
    return (Button(BUTTONS["open"][language], "open", url),) if url else ()


def _title(name: str, facts: Mapping[str, Any], language: Language) -> str:
    return WORDS[name][language].format(title=facts["task"]["title"])


def _list(tasks: Sequence[Mapping[str, Any]], language: Language) -> BulletList:
    return BulletList(tuple(ListItem((Paragraph(_task(item, language)),)) for item in tasks))


def _line(names: Sequence[str], facts: Mapping[str, Any], language: Language) -> Paragraph:
    """Sentences one after the other, filled with tasks as links and with names."""
    values = _values(facts, language)
    parts: list[Any] = []
    for number, name in enumerate(names):
        if number and language == "en":
            parts.append(Text(" "))
        parts += filled(WORDS[name][language], values)
    if parts and isinstance(parts[0], Text):
        parts[0] = Text(parts[0].text[:1].upper() + parts[0].text[1:])
    return Paragraph(tuple(parts))


def _values(facts: Mapping[str, Any], language: Language) -> dict[str, Inlines]:
    waiting = facts.get("waiting") or ()
    values: dict[str, Inlines] = {
        "before": _task(facts["task"], language) if "task" in facts else (),
        "after": _task(waiting[0], language) if waiting else (),
        "people": _people(facts.get("mentions") or facts.get("others") or (), language),
    }
    for name in ("since", "by", "solve_by"):
        if instant := facts.get(name):
            values[name] = (Text(time_text(instant, language)),)
    for name in ("planned", "expected", "day"):
        if day := facts.get(name):
            values[name] = (Text(day_text(date.fromisoformat(str(day)), language)),)
    if facts.get("slip_days") is not None:
        values["days"] = (Text(days_text(facts["slip_days"], language)),)
    owner = facts["task"]["owner"] or facts["contact"] if "contact" in facts else ""
    plain = {"owner": owner, "room": facts.get("room"), "tasks": facts.get("more_tasks")}
    plain |= {"count": facts.get("count"), "note": facts.get("note"), "recorder": facts.get("recorder")}
    for word, fact in (("name", "name"), ("handler", "answered_by"), ("absent", "instead_of"), ("opener", "opener")):
        plain[word] = facts.get(fact) or WORDS["somebody"][language]
    return values | {key: (Text(str(value)),) for key, value in plain.items() if value}


def _people(people: Sequence[Any], language: Language) -> Inlines:
    """Names; in a group they are named so that the chat notifies them."""
    parts: list[Any] = []
    for number, person in enumerate(people):
        parts += [Text(_COMMA[language])] if number else []
        is_known = isinstance(person, Mapping)
        parts.append(PersonMention(person["name"], person["account"]) if is_known else Text(person))
    return tuple(parts)


def _task(item: Mapping[str, Any], language: Language) -> Inlines:
    """ "产品部「支付流程测试」（李娜）" / "“支付流程测试” (Product, Li Na)", the title as a link where it may be one."""
    title: Inlines = (Anchor(item["title"], item["url"]),) if item["url"] else (Text(item["title"]),)
    if language == "en":
        note = ", ".join(text for text in (item["department"], item["owner"]) if text)
        return (Text("“"), *title, Text(f"” ({note})" if note else "”"))
    return (Text(f"{item['department']}「"), *title, Text(f"」（{item['owner']}）" if item["owner"] else "」"))
