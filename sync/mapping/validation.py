"""A YAML tree against a pydantic model: every mistake at once, with file, line, path, text and a hint. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sync.core.errors import ConfigError, Problem
from sync.core.vocabulary import folded
from sync.mapping.yaml import Node, Step

Model = TypeVar("Model", bound=BaseModel)

# What people write for our words, in their own language or by habit from the tools.
SYNONYMS = {
    "标题": "title", "名称": "title", "主题": "title", "summary": "title", "name": "title", "subject": "title",
    "状态": "status", "负责人": "owner", "经办人": "owner", "所有者": "owner", "assignee": "owner", "asignee": "owner",
    "截止日期": "due", "到期日": "due", "截止": "due", "duedate": "due", "deadline": "due", "开始": "start",
    "开始日期": "start", "start_date": "start", "完成时间": "finished", "resolved": "finished", "部门": "department",
    "标签": "labels", "tags": "labels", "优先级": "priority", "估算": "estimate_minutes", "estimate": "estimate_minutes",
    "父任务": "parent", "类型": "kind", "type": "kind", "issuetype": "kind", "项目": "project", "任务": "task",
    "依赖": "dependencies", "范围": "scope", "projects": "scope", "boards": "scope", "语言": "language", "时区": "zone",
    "timezone": "zone", "姓名": "name", "邮箱": "email", "账号": "accounts", "经理": "manager", "上级": "manager",
    "代理人": "deputy", "负责": "responsible", "执行": "responsible", "批准": "accountable", "问责": "accountable",
    "咨询": "consulted", "知会": "informed", "待办": "todo", "未开始": "todo", "open": "todo", "backlog": "todo",
    "进行中": "in_progress", "doing": "in_progress", "阻塞": "blocked", "受阻": "blocked", "完成": "done",
    "已完成": "done", "finished": "done", "closed": "done", "complete": "done", "已取消": "cancelled", "取消": "cancelled",
    "canceled": "cancelled", "突发": "incident", "bug": "incident", "里程碑": "milestone", "前置": "predecessor",
    "前置任务": "predecessor", "后续": "successor", "后续任务": "successor", "blocks": "predecessor", "中文": "zh-CN",
    "zh": "zh-CN", "zh_cn": "zh-CN", "chinese": "zh-CN", "english": "en", "fs": "finish_to_start",
    "ss": "start_to_start", "ff": "finish_to_finish", "sf": "start_to_finish", "周六": "saturday", "周日": "sunday",
    "星期六": "saturday", "星期日": "sunday", "放假": "days_off", "holidays": "days_off", "调休": "extra_workdays",
    "workdays": "extra_workdays", "国家": "country", "主管": "head", "半天": "half_days", "半日": "half_days",
    "工作时间": "hours", "上班时间": "hours", "日历": "calendar",
    "最早开始": "not_before", "不早于": "not_before", "必须开始": "must_start", "必须完成": "must_finish",
    "请假": "absences", "休假": "absences", "缺席": "absences", "值班": "on_call", "until": "to", "协调组": "coordination_group",
}  # fmt: skip
# Words whose meaning depends on where they stand: the second one counts where the first is not to be had.
_SECOND = {"name": "name", "finished": "finished", "type": "type", "open": "open"}
_NOUNS = {
    "todo": "a status", "finish_to_start": "a dependency type", "work": "a kind of task", "responsible": "a RACI role",
    "predecessor": "a side", "zh-CN": "a language", "working": "a unit of lag", "minutes": "a unit", "monday": "a weekday",
}  # fmt: skip
TEXTS = {
    "missing": "missing",
    "extra_forbidden": "not a setting here",
    "bool_parsing": "neither true nor false",
    "bool_type": "neither true nor false",
    "float_parsing": "not a number",
    "float_type": "not a number",
    "int_parsing": "not a whole number",
    "int_type": "not a whole number",
    "int_from_float": "not a whole number",
    "string_type": "text is expected here",
    "dict_type": "a section is expected here (name: value)",
    "model_type": "a section is expected here (name: value)",
    "model_attributes_type": "a section is expected here (name: value)",
    "list_type": "a list is expected here",
    "too_short": "empty",
}


def nearest(word: str, known: Iterable[str]) -> str:
    """``did you mean 'title'?`` for the nearest known word, by spelling or meaning; empty when none is near."""
    words = [str(item) for item in known]
    by_fold = {folded(item): item for item in words}
    for candidate in (folded(word), SYNONYMS.get(folded(word), ""), _SECOND.get(folded(word), "")):
        if candidate and folded(candidate) in by_fold:
            return f"did you mean {by_fold[folded(candidate)]!r}?"
    close = get_close_matches(folded(word), list(by_fold), n=1, cutoff=0.6)
    return f"did you mean {by_fold[close[0]]!r}?" if close else ""


def validated(model: type[Model], node: Node, file: str) -> Model:
    """The tree as a model, scalars read by YAML's core schema. Raises ConfigError with every problem."""
    try:
        return model.model_validate(node.values())
    except ValidationError as error:
        found = [problem_from_error(model, node, file, item) for item in error.errors(include_url=False)]
        raise ConfigError(list(dict.fromkeys(found))) from error


def problem_from_error(model: type[BaseModel], node: Node, file: str, error: ErrorDetails) -> Problem:
    """One of pydantic's errors in our words, at its line."""
    steps = existing_steps(node, error["loc"])
    text, hint = _words(model, error)
    if error["type"] == "missing":
        steps.append(error["loc"][-1])
    return Problem(file, node.line(steps), ".".join(map(str, steps)) or "-", text, hint)


def existing_steps(node: Node, loc: Sequence[Step]) -> list[Step]:
    """The steps of a location that stand in the file; what validators added in between is left out."""
    steps: list[Step] = []
    for step in loc:
        found = node.child(step)
        if found is not None:
            steps.append(step)
            node = found
    return steps


def _words(model: type[BaseModel], error: ErrorDetails) -> tuple[str, str]:
    kind, value, context = error["type"], error["input"], error.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(error["loc"][-1])
        parent = _model_at(model, error["loc"][:-1])
        noun = getattr(parent, "noun", "")
        known = [field.alias or key for key, field in parent.model_fields.items()] if parent else []
        return f"not a {noun} field" if noun else TEXTS[kind], nearest(name, known)
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context.get("expected", "")))
        noun = next((_NOUNS[choice] for choice in choices if choice in _NOUNS), "one of them")
        return f"{value!r} is not {noun}: {', '.join(choices)}", nearest(str(value), choices)
    if kind in ("greater_than_equal", "less_than_equal"):
        limit = context.get("ge", context.get("le"))
        return f"{value} is {'below' if 'ge' in context else 'above'} {limit}", ""
    if kind in TEXTS:
        return TEXTS[kind], ""
    return error["msg"].removeprefix("Value error, "), str(context.get("hint", ""))


def _model_at(annotation: Any, loc: Sequence[Step]) -> type[BaseModel] | None:
    """The model that describes a location, if one does."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _model_at(arguments[0], loc)
    if origin in (Union, UnionType):
        return next((found for item in arguments if (found := _model_at(item, loc))), None)
    if origin in (dict, list, tuple):
        return _model_at(arguments[1 if origin is dict else 0], loc[1:]) if loc else None
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return None
    if not loc:
        return annotation
    named = {item.alias or key: item for key, item in annotation.model_fields.items()}
    inner = named.get(str(loc[0]))
    return _model_at(inner.annotation, loc[1:]) if inner else None
