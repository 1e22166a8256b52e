"""What of a task may be shown where: the one place that decides how a restricted record appears to other readers."""

from __future__ import annotations

from msgspec import Struct

from sync.core.values import Language, Ref, Task, View

RESTRICTED = {"zh-CN": "受限任务，请联系 {contact}", "en": "Restricted item, please ask {contact}"}
NOBODY = {"zh-CN": "管理员", "en": "your administrator"}


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


def person_name(view: View, ref: Ref | None, language: Language) -> str:
    """How a person is called in this language; empty for nobody."""
    person = view.people.get(ref) if ref else None
    if person is None:
        return ""
    return person.english_name if language == "en" and person.english_name else person.name


def department_name(view: View, ref: Ref | None, language: Language) -> str:
    """How a department is called in this language; empty for none."""
    department = view.departments.get(ref) if ref else None
    if department is None:
        return ""
    return department.english_name if language == "en" and department.english_name else department.name


def contact_for(view: View, department: Ref | None, language: Language) -> str:
    """Whom to ask: the department and its head, or the administrator when neither is known."""
    found = view.departments.get(department) if department else None
    if found is None:
        return NOBODY[language]
    head = person_name(view, found.head, language)
    return f"{department_name(view, department, language)} {head}".strip()
