"""What of a task may be shown where: the one place that decides how a restricted record appears to other readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from sync.core.plan import Change, Content, LinkContent
from sync.core.values import Finding, Language, Ref, Task
from sync.core.view import View

RESTRICTED = {"zh-CN": "受限任务，请联系 {contact}", "en": "Restricted item, please ask {contact}"}
NOBODY = {"zh-CN": "管理员", "en": "your administrator"}
# A task that was named once and is not in the view now: moved, archived, deleted or hidden from us.
NOT_VISIBLE: dict[Language, str] = {"zh-CN": "一个现在看不到的任务", "en": "an item that is not visible now"}
SOMEBODY: dict[Language, str] = {"zh-CN": "一位同事", "en": "a colleague"}


class Shown(Struct, frozen=True):
    """A task as the readers of one place may see it: all texts are safe to print there. Empty key and url: not to be named."""

    title: str
    key: str
    url: str
    owner: str
    department: str
    is_restricted: bool = False


def shown(view: View, task: Task, language: Language) -> Shown:
    """The task as it may appear anywhere: a restricted record is never quoted, as no place's readers are known to be a superset of its own.

    Texts that stand on the record itself say "this task" and need no title.
    """
    if task.visibility == "restricted":  # the sentence names the department already
        contact = contact_for(view, task.department, language)
        return Shown(RESTRICTED[language].format(contact=contact), "", "", "", "", is_restricted=True)
    department = department_name(view, task.department, language)
    return Shown(task.title, task.key, task.url, person_name(view, task.owner, language), department)


def names_no_task(text: str) -> bool:
    """Whether a text that was made earlier, such as the name of a group, calls its task no more than "restricted item"."""
    return any(words.partition("{")[0] in text for words in RESTRICTED.values())


def person_name(view: View, ref: Ref | None, language: Language) -> str:
    """How a person is called in this language; empty for nobody."""
    person = view.people.get(ref) if ref else None
    if person is None:
        return ""
    return person.english_name if language == "en" and person.english_name else person.name


def name_beside(view: View, tasks: Iterable[Ref], name: str, language: Language) -> str:
    """A person's name as it may stand in a text about these tasks: who has to do with one that may not be named is a colleague."""
    return name if not name or may_name(view, tasks) else SOMEBODY[language]


def department_name(view: View, ref: Ref | None, language: Language) -> str:
    """How a department is called in this language; empty for none."""
    department = view.departments.get(ref) if ref else None
    if department is None:
        return ""
    return department.english_name if language == "en" and department.english_name else department.name


def history_name(view: View, whose: str, language: Language) -> str:
    """How whoever's history an estimate rests on is called: a department, given by its ref, else a connection by its own name, which
    stands apart from Chinese words.
    """
    department = view.departments.get(Ref.trusted(whose))
    if department is None:
        return f" {whose} " if language == "zh-CN" else whose
    return department_name(view, department.ref, language)


def contact_for(view: View, department: Ref | None, language: Language) -> str:
    """Whom to ask: the department and its head, or the administrator when neither is known."""
    found = view.departments.get(department) if department else None
    if found is None:
        return NOBODY[language]
    head = person_name(view, found.head, language)
    return f"{department_name(view, department, language)} {head}".strip()


class Sayable:
    """Tells of texts that were made earlier whether they may be said, or said again, now: every task that they name by its address
    must be known and open now. What a text calls "restricted item" has no address.
    """

    def __init__(self, view: View) -> None:
        self._open = {ref for ref, task in view.tasks.items() if task.visibility == "open"}
        self._urls = {view.tasks[ref].url for ref in self._open}

    def is_open(self, ref: Ref) -> bool:
        """Whether this task may be named: anything that is no task may."""
        return ref.kind != "task" or ref in self._open

    def may_say(self, content: Content, facts: Mapping[str, Any]) -> bool:
        """Whether this content with the facts it was made of names nobody who may not be named."""
        if isinstance(content, LinkContent):
            return self.is_open(content.other.ref)
        return self.may_say_facts(facts)

    def may_say_facts(self, facts: object) -> bool:
        """Whether plain values, as a file may hold them, name nobody who may not be named, and are not for their readers alone."""
        if isinstance(facts, Mapping) and facts.get("is_private"):
            return False
        other = facts.get("other") if isinstance(facts, Mapping) else None
        if isinstance(other, str) and other.count(":") > 1 and not self.is_open(Ref.trusted(other)):
            return False
        return all(url in self._urls for url in _urls(facts))

    def may_repeat(self, change: Change) -> bool:
        """Whether the text of a stored change may be printed: it may call the record it stands on by name."""
        return self.is_open(change.target) and self.may_say(change.content, change.facts)

    def url_at(self, target: Ref, url: str) -> str:
        """Where something of ours stands, if it may be told: at a task only the address of one that is open, or of a place on it."""
        return url if target.kind != "task" or re.split(r"[?#]", url, maxsplit=1)[0] in self._urls else ""


def may_name(view: View, refs: Iterable[Ref]) -> bool:
    """Whether all of these may be named: every task among them is known and open."""
    tasks = [view.tasks.get(ref) for ref in refs if ref.kind == "task"]
    return all(task is not None and task.visibility == "open" for task in tasks)


def cleared(view: View, finding: Finding) -> Finding:
    """A finding without the address of what may not be named now, what a person said of it, and when it will likely be done."""
    if finding.kind == "incident" and not may_name(view, finding.subjects):
        return replace(finding, parameters={**finding.parameters, "note": "", "by": ""})
    if finding.kind == "forecast_conflict" and not may_name(view, finding.subjects[:1]):
        return replace(finding, message="forecast_conflict_masked", parameters={})
    detail = finding.parameters.get("detail")
    if not isinstance(detail, str) or not detail.startswith("http") or not finding.subjects:
        return finding
    told = Sayable(view).url_at(finding.subjects[0], detail)
    return replace(finding, parameters={**finding.parameters, "detail": told})


def _urls(value: object) -> Iterator[str]:
    """The addresses of the tasks that facts name."""
    if isinstance(value, Mapping):
        if isinstance(url := value.get("url"), str) and url:
            yield url
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            yield from _urls(item)
