"""What each finding says, in Chinese and English side by side: the engine's own, the mapping's and the jobs'."""

from __future__ import annotations

from collections.abc import Mapping

from sync.core.disclosure import cleared, contact_for, history_name, shown
from sync.core.projection import projection_note
from sync.core.values import Finding, Language, Ref, Severity
from sync.core.view import View

SEVERITIES: tuple[Severity, ...] = ("critical", "warning", "info")

WORDS: dict[str, dict[Language, str]] = {
    "delay": {
        "zh-CN": "跨部门延期：{subjects}，原计划 {planned}，最早 {expected}，晚 {slip_days} 个工作日",
        "en": "late across departments: {subjects}, planned {planned}, {expected} at the earliest, {slip_days} working days later",
    },
    "delay_open": {
        "zh-CN": "跨部门延期：{subjects}，原计划 {planned}，前面还没有新的完成日期",
        "en": "late across departments: {subjects}, planned {planned}; what it waits for has no new date yet",
    },
    "due_soon": {
        "zh-CN": "快到期了，后面有人在等：{subjects}，预计 {due} 完成（{who}）",
        "en": "due soon, and awaited: {subjects}, expected on {due} ({who})",
    },
    "forecast_conflict": {
        "zh-CN": "按以往的进度可能赶不上：{subjects}，{whose}这类任务通常要到 {likely} 前后才做完，大多不晚于 {likely_by}；"
        "后面计划 {planned} {verb}，可能要推到 {expected}，晚 {slip_days} 个工作日（{who}）",
        "en": "may not be in time, going by the past: {subjects}; such tasks of {whose} are usually done around {likely}, most by "
        "{likely_by}. What follows is planned to {verb} on {planned} and may have to move to {expected}, {slip_days} working days "
        "later ({who})",
    },
    "forecast_conflict_one_day": {
        "zh-CN": "按以往的进度可能赶不上：{subjects}，{whose}这类任务通常要到 {likely} 前后才做完；"
        "后面计划 {planned} {verb}，可能要推到 {expected}，晚 {slip_days} 个工作日（{who}）",
        "en": "may not be in time, going by the past: {subjects}; such tasks of {whose} are usually done around {likely}. "
        "What follows is planned to {verb} on {planned} and may have to move to {expected}, {slip_days} working days later ({who})",
    },
    "forecast_conflict_masked": {
        "zh-CN": "按以往的进度可能赶不上：{subjects}（{who}）",
        "en": "may not be in time, going by the past: {subjects} ({who})",
    },
    "can_start": {
        "zh-CN": "可以开始了：{subjects}，前置任务都已完成（{who}）",
        "en": "can start now: {subjects}; all that it waited for is done ({who})",
    },
    "started_early": {
        "zh-CN": "前置任务还没完成，后面已经开始了：{subjects}（{who}）",
        "en": "started before what it waits for was finished: {subjects} ({who})",
    },
    "silent": {
        "zh-CN": "有人在等，{since} 之后一直没有动静：{subjects}（{who}）",
        "en": "awaited, and nothing has moved since {since}: {subjects} ({who})",
    },
    "unowned": {
        "zh-CN": "有人在等，却没有负责人：{subjects}，请 {who} 指定一位",
        "en": "awaited, and nobody owns it: {subjects}; {who}, please name somebody",
    },
    "one_sided": {
        "zh-CN": "这个依赖只有一边看得到，{connection} 里没有：{subjects}",
        "en": "this dependency shows in one tool only, not in {connection}: {subjects}",
    },
    "unreachable": {
        "zh-CN": "按现在的日期赶不上了：{subjects}，定在 {due}，最早 {expected}，晚 {slip_days} 个工作日（{who}）",
        "en": "cannot be kept with the present dates: {subjects}, fixed for {due}, {expected} at the earliest, {slip_days} working days "
        "later ({who})",
    },
    "unreachable_open": {
        "zh-CN": "按现在的日期赶不上了：{subjects}，定在 {due}，前面还没有新的完成日期（{who}）",
        "en": "cannot be kept: {subjects}, fixed for {due}; what it waits for has no new date yet ({who})",
    },
    "cycle": {"zh-CN": "依赖成环：{subjects}", "en": "dependencies form a circle: {subjects}"},
    "proposed_dependency": {
        "zh-CN": "待确认的依赖（可信度 {confidence}）：{subjects}",
        "en": "dependency to be confirmed (confidence {confidence}): {subjects}",
    },
    "gone_predecessor": {
        "zh-CN": "前置任务不在了（{reason}），后面的任务还在等：{subjects}",
        "en": "the predecessor is not there any more ({reason}), and what follows still waits: {subjects}",
    },
    "gone_successor": {
        "zh-CN": "后续任务不在了（{reason}），前置任务不必再为它赶：{subjects}",
        "en": "the successor is not there any more ({reason}), nothing of it waits: {subjects}",
    },
    "contradiction": {
        "zh-CN": "依赖方向互相矛盾：{subjects}",
        "en": "the evidence contradicts itself about which comes first: {subjects}",
    },
    "incident": {"zh-CN": "突发：{subjects} {note}", "en": "incident: {subjects} {note}"},
    "incident_found": {"zh-CN": "突发：{subjects}（{who}）", "en": "incident: {subjects} ({who})"},
    "no_account": {
        "zh-CN": "要找 {name}，但不知道在 {connection} 里是哪个账号；请在 people.yaml 的 accounts 里补上",
        "en": "{name} should be asked, and nobody knows their account in {connection}; add it to accounts in people.yaml",
    },
    "nobody_asked": {
        "zh-CN": "没有人可以通知：{subjects}；请在任务里指定负责人，或让它归一个部门，并在 departments.yaml 里给这个部门写上 head",
        "en": "nobody can be asked about {subjects}: name its owner, or give it a department that has a head in departments.yaml",
    },
    "no_room": {
        "zh-CN": "{connection} 没能建群，改为逐个通知：{subjects} {detail}",
        "en": "{connection} made no group, people are told one by one: {subjects} {detail}",
    },
    "not_in_room": {
        "zh-CN": "有人没能拉进群：{subjects} {detail}",
        "en": "somebody could not be brought into the group: {subjects} {detail}",
    },
    "talk_suggested": {
        "zh-CN": "建议和 {name} 聊一聊：最近 {count} 次没能接下，或者到了说好的时间还没完成",
        "en": "a talk with {name} may help: {count} times lately something could not be taken on, or a promised time went by",
    },
    "sop_problem": {"zh-CN": "{place}：{text}", "en": "{place}: {text}"},
    "edited": {
        "zh-CN": "我们写的内容被人改过，已保留人的改动：{key} {detail}",
        "en": "edited by hand, left alone: {key} {detail}",
    },
    "gone": {
        "zh-CN": "我们写的内容被人删掉了，没有重建：{key} {detail}",
        "en": "deleted by somebody, not made again: {key} {detail}",
    },
    "unsure": {
        "zh-CN": "不确定是否写成功，没有重发：{key} {detail}",
        "en": "it is not known whether this was written; not sent again: {key} {detail}",
    },
    "baseline_waits": {
        "zh-CN": "还没有盘点：要等所有来源都读取完整（还缺：{missing}），并且至少有一条跨部门依赖。在那之前不会在任务里写任何内容",
        "en": "no stock was taken yet: every source must be complete first (missing: {missing}) and there must be a dependency between "
        "departments; until then nothing is written on tasks",
    },
    "retracted": {
        "zh-CN": "{day} 已全部撤回（连接 {connection}，任务 {job}），之后不再写任何内容；运行 tieline resume 恢复",
        "en": "everything was retracted on {day} (connection {connection}, job {job}); nothing is written there until `tieline resume`",
    },
    "second_installation": {
        "zh-CN": "这里已经有另一套 Tieline（{detail}）在写，为免重复，我们没有写：{key}",
        "en": "another Tieline ({detail}) writes here already; nothing was written, so that nothing is said twice: {key}",
    },
    "oscillating": {
        "zh-CN": "我们写的内容一再被别的程序改回去，已停止改写，请查一下是谁在写：{key} {detail}",
        "en": "another program keeps putting back what we write; we stopped writing here, please find out which: {key} {detail}",
    },
    "unremembered": {
        "zh-CN": "外面有 {count} 处是我们写的，但账本里没有记录：数据库可能是从备份恢复的，或者还有一份数据库在写。"
        "已按现状核对，没有重复写。",
        "en": "{count} things out there are ours and this ledger does not know them: it was restored from a backup, or a second database "
        "writes too. They were reconciled by looking; nothing was written twice.",
    },
    "not_ours": {
        "zh-CN": "那里的内容不是我们写的，没有动：{key} {detail}",
        "en": "not ours, left alone: {key} {detail}",
    },
    "not_written": {
        "zh-CN": "对方系统拒绝了写入：{key} {detail}",
        "en": "the tool refused the write: {key} {detail}",
    },
    "blocked": {
        "zh-CN": "读不到那里的内容，没有写：{key} {detail}",
        "en": "the target cannot be read, nothing was written there: {key} {detail}",
    },
    "broken_job": {
        "zh-CN": "任务 {job} 判断出错，它的内容这次没有动：{detail}",
        "en": "the job {job} could not judge, nothing of it was touched: {detail}",
    },
    "orphaned": {
        "zh-CN": "来源已经没有了，我们写的内容还在：{key} {detail}",
        "en": "its source is gone, what we wrote still stands: {key} {detail}",
    },
    "incomplete": {
        "zh-CN": "{connection} 的数据不完整，相关内容不会写出：{reason}",
        "en": "the data of {connection} is not proven complete, nothing that rests on it is written: {reason}",
    },
    "webhook_inactive": {
        "zh-CN": "{connection} 的 Webhook 没有正常推送，变动要等到下一轮轮询才看得到，数据不会丢：{detail}",
        "en": "the webhooks of {connection} do not reach us; changes are seen at the next poll, nothing is lost: {detail}",
    },
    "directory_not_read": {
        "zh-CN": "{connection} 的通讯录读不到，提醒里没法点名到人：{detail}",
        "en": "the directory of {connection} cannot be read, so nobody can be named there: {detail}",
    },
    "overwritten": {
        "zh-CN": "{subjects} 上有人在 Tieline 的提醒里写了话，正好被同一时刻的更新盖掉了；`tieline overwritten` 看原话，可以放回去",
        "en": "on {subjects} somebody's words in Tieline's comment were overwritten by an update of the same moment; "
        "`tieline overwritten` shows them and puts them back",
    },
    "unmapped_status": {
        "zh-CN": "{connection} 的状态“{value}”没有映射（{count} 条），按“未知”处理：{place}",
        "en": "{connection}: the status '{value}' is not mapped ({count} records), treated as unknown: {place}",
    },
    "bad_value": {
        "zh-CN": "{connection} 有 {count} 条记录的 {field} 读不懂（例如“{value}”），这一项按没填处理：{text}（{place}）",
        "en": "{connection}: {field} of {count} records cannot be read (such as '{value}') and counts as empty: {text} ({place})",
    },
    "unreadable": {
        "zh-CN": "{connection} 有 {count} 条记录整条读不出来（{field}），先跳过了：{text}",
        "en": "{connection}: {count} records cannot be read at all ({field}) and are skipped: {text}",
    },
    "unmapped_link": {
        "zh-CN": "{connection} 的链接类型“{value}”没写进映射（{count} 条），只当作普通关联，不当依赖：{place}",
        "en": "{connection}: the link type '{value}' is not mapped ({count} records), kept as a relation and not a dependency: {place}",
    },
}


VERBS: dict[Language, tuple[str, str]] = {"zh-CN": ("开始", "完成"), "en": ("start", "finish")}
MOST_NAMED = 8
MORE: dict[Language, str] = {"zh-CN": "……（共 {count} 个）", "en": " … ({count} in all)"}
COST: dict[Language, str] = {
    "zh-CN": "；连带 {tasks} 个任务，一共晚 {days} 个工作日",
    "en": "; {tasks} tasks move with it, {days} working days in all",
}
GONE: dict[str, dict[Language, str]] = {
    "deleted": {"zh-CN": "已删除", "en": "deleted"},
    "moved": {"zh-CN": "移到了没有采集的地方", "en": "moved to where nothing is collected"},
    "archived": {"zh-CN": "已归档", "en": "archived"},
    "hidden": {"zh-CN": "已删除或没有权限看", "en": "deleted, or not visible to us any more"},
}


def finding_text(finding: Finding, language: Language, view: View) -> str:
    """The finding as a sentence, tasks by the names they may be called by. A message without a sentence of its own is shown with
    its parameters.
    """
    finding = cleared(view, finding)
    subjects = " → ".join(subject_text(view, subject, language) for subject in finding.subjects[:MOST_NAMED])
    if len(finding.subjects) > MOST_NAMED:
        subjects += MORE[language].format(count=len(finding.subjects))
    values = _Values({"subjects": subjects, "who": _who(finding, language, view), **finding.parameters})
    if "whose" in values:
        values["whose"] = history_name(view, str(values["whose"]), language)
        values["verb"] = VERBS[language][0 if values["is_about_start"] else 1]
    if finding.kind.startswith("gone_"):
        values["reason"] = GONE.get(str(values["reason"]), {}).get(language, values["reason"])
    has_no_date = "expected" in finding.parameters and finding.parameters["expected"] is None
    name = f"{finding.message}_open" if has_no_date else finding.message
    template = WORDS.get(name, {}).get(language)
    if template is None:
        return f"{finding.message}: {subjects} {dict(finding.parameters)}"
    text = template.format_map(values).strip() + _cost(finding, language)
    note = projection_note([finding.parameters], language)
    return f"{text} {note}" if note and language == "en" else text + note


def _who(finding: Finding, language: Language, view: View) -> str:
    """Who has to do something about it: an owner, or whoever stands for a task without one."""
    refs = finding.subjects[-1:] if finding.kind == "started_early" else finding.subjects[:1]
    task = view.tasks.get(refs[0]) if refs else None
    if task is None:
        return ""
    return shown(view, task, language).owner or contact_for(view, task.department, language)


def _cost(finding: Finding, language: Language) -> str:
    """What a delay costs besides its own days, where anything moves with it."""
    tasks, days = finding.parameters.get("moved_tasks"), finding.parameters.get("moved_days")
    if not isinstance(tasks, int) or tasks < 2:
        return ""
    return COST[language].format(tasks=tasks, days=days)


def subject_text(view: View, ref: Ref, language: Language) -> str:
    """ "技术部「支付接口开发」" / "“Budget approval” (Finance)"; what is no task, by its ref."""
    task = view.tasks.get(ref)
    if task is None:
        return str(ref)
    item = shown(view, task, language)
    return f"{item.department}「{item.title}」" if language == "zh-CN" else f"“{item.title}” ({item.department})"


def severity_rank(severity: str) -> int:
    """0 for the most severe."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


class _Values(dict[str, object]):
    """Parameters for a sentence: what is not known reads as such."""

    def __init__(self, values: Mapping[str, object]) -> None:
        super().__init__({key: "?" if value is None else value for key, value in values.items()})

    def __missing__(self, key: str) -> str:
        return "?"
