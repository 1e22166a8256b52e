"""people.yaml and departments.yaml: who there is, and what does not fit together."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from sync.core.duty import Leave, OnCall
from sync.core.errors import ConfigError, Problem
from sync.core.values import Department, Person, Ref
from sync.core.vocabulary import folded
from sync.mapping.models import DepartmentModel, DepartmentsModel, LeaveModel, PeopleModel, PersonModel, RotaModel
from sync.mapping.reading import ParsedFile, parsed_file
from sync.mapping.rules import OURS, Directory
from sync.mapping.validation import nearest
from sync.mapping.yaml import Step

WEEK = 7  # how many days a turn on call lasts where nothing else is written


def person_ref(key: str) -> Ref:
    """The ref of a colleague of people.yaml."""
    return Ref.of(OURS, "person", key)


def department_ref(key: str) -> Ref:
    """The ref of a department of departments.yaml."""
    return Ref.of(OURS, "department", key)


def parse_departments(
    text: bytes, file: str, people: Collection[str] | None = None, calendars: Collection[str] | None = None
) -> dict[Ref, Department]:
    """departments.yaml. ``people`` and ``calendars`` are the names that may be used; None: any. Raises ConfigError."""
    parsed = parsed_file(DepartmentsModel, text, file)
    problems = parsed.problems + department_problems(parsed, people, calendars)
    if problems or parsed.model is None:
        raise ConfigError(problems)
    return departments_from(parsed)


def parse_people(
    text: bytes,
    file: str,
    departments: Mapping[Ref, Department] | None = None,
    connections: Collection[str] | None = None,
) -> dict[Ref, Person]:
    """people.yaml. ``departments`` and ``connections`` are what may be named; None: any department is refused, any connection
    goes. Raises ConfigError.
    """
    directory = Directory(departments=departments or {})
    parsed = parsed_file(PeopleModel, text, file)
    problems = parsed.problems + people_problems(parsed, directory, connections)
    if problems or parsed.model is None:
        raise ConfigError(problems)
    return people_from(parsed, directory)


def departments_from(parsed: ParsedFile[DepartmentsModel]) -> dict[Ref, Department]:
    """What is valid of departments.yaml."""
    made: dict[Ref, Department] = {}
    for key, item in parsed.model.departments.items() if parsed.model else ():
        ref, head = department_ref(key), person_ref(item.head) if item.head else None
        contact = person_ref(item.resource_contact) if item.resource_contact else None
        group = tuple(map(person_ref, item.coordination_group or ()))
        made[ref] = Department(
            ref,
            item.name or key,
            item.english_name,
            head,
            item.calendar,
            item.zone,
            _on_call(item.on_call),
            group,
            contact,
        )
    return made


def people_from(parsed: ParsedFile[PeopleModel], directory: Directory) -> dict[Ref, Person]:
    """What is valid of people.yaml."""
    made: dict[Ref, Person] = {}
    for key, item in parsed.model.people.items() if parsed.model else ():
        made[person_ref(key)] = Person(
            person_ref(key),
            item.name,
            directory.department(item.department) if item.department else None,
            {name: tuple(ids) for name, ids in item.accounts.items()},
            item.email,
            person_ref(item.manager) if item.manager else None,
            person_ref(item.deputy) if item.deputy else None,
            item.english_name,
            item.calendar or "",
            item.zone or "",
            tuple(map(_leave, item.absences)),
        )
    return made


def _leave(item: LeaveModel) -> Leave:
    return Leave(item.first, item.last, person_ref(item.deputy) if item.deputy else None)


def _on_call(item: RotaModel | None) -> OnCall | None:
    if item is None:
        return None
    return OnCall(tuple(map(person_ref, item.people)), item.first, item.every_days or WEEK)


def department_problems(
    parsed: ParsedFile[DepartmentsModel], people: Collection[str] | None, calendars: Collection[str] | None
) -> list[Problem]:
    """People and calendars that are not known, rotas without a beginning, and names that two departments share."""
    problems: list[Problem] = []
    owner_of: dict[str, str] = {}
    for key, item in parsed.model.departments.items() if parsed.model else ():
        problems += _duty_problems(parsed, key, item, people)
        if calendars is not None and item.calendar not in calendars:
            text, hint = f"{item.calendar!r} is neither a calendar nor a country", nearest(item.calendar, calendars)
            problems.append(parsed.problem(("departments", key, "calendar"), text, hint))
        for step, name in (("", key), ("name", item.name), ("english_name", item.english_name)):
            other = owner_of.setdefault(folded(name), key) if name else key
            if other != key:
                line = parsed.node.line(("departments", other))
                text = f"{name!r} is also a name of {other!r} (line {line})"
                problems.append(parsed.problem(("departments", key, step), text))
    return problems


def _duty_problems(
    parsed: ParsedFile[DepartmentsModel], key: str, item: DepartmentModel, people: Collection[str] | None
) -> list[Problem]:
    problems = [
        parsed.problem(("departments", key, *steps), f"people.yaml has no {person!r}", nearest(person, people))
        for steps, person in _named(item)
        if people is not None and person not in people
    ]
    begins = ("departments", key, "on_call", "from")
    if item.on_call and item.on_call.every_days and parsed.steps(begins)[-1:] != ["from"]:
        problems.append(parsed.missing(begins, "the day on which the first turn begins"))
    return problems


def _named(item: DepartmentModel) -> Iterator[tuple[tuple[Step, ...], str]]:
    """The people whom a department names, each with the steps to where."""
    if item.head:
        yield ("head",), item.head
    for number, person in enumerate(item.on_call.people if item.on_call else ()):
        yield ("on_call", "people", number), person
    for number, person in enumerate(item.coordination_group or ()):
        yield ("coordination_group", number), person
    if item.resource_contact:
        yield ("resource_contact",), item.resource_contact


def people_problems(
    parsed: ParsedFile[PeopleModel], directory: Directory, connections: Collection[str] | None
) -> list[Problem]:
    """Departments, colleagues and connections that are not known, and accounts that two people claim."""
    problems = _claim_problems(parsed) + _absence_problems(parsed)
    people = parsed.model.people if parsed.model else {}
    for key, item in people.items():
        if item.department and directory.department(item.department) is None:
            names = [department.name for department in directory.departments.values()]
            text = f"departments.yaml has no {item.department!r}"
            problems.append(parsed.problem(("people", key, "department"), text, nearest(item.department, names)))
        for steps, other in _colleagues(item):
            names_in_file = parsed.node.child("people")
            known = names_in_file.texts() if names_in_file else {}
            if other and other not in known:
                text, hint = f"nobody here is {other!r}", nearest(other, known)
                problems.append(parsed.problem(("people", key, *steps), text, hint))
            elif other == key:
                problems.append(parsed.problem(("people", key, *steps), "names the same person"))
        for connection in item.accounts:
            if connections is not None and connection not in connections:
                text, hint = f"{connection!r} is not a connection", nearest(connection, connections)
                problems.append(parsed.problem(("people", key, "accounts", connection), text, hint))
    return problems


def _colleagues(item: PersonModel) -> Iterator[tuple[tuple[Step, ...], str | None]]:
    """The colleagues whom a person's entry names, each with the steps to where."""
    yield ("manager",), item.manager
    yield ("deputy",), item.deputy
    for number, leave in enumerate(item.absences):
        yield ("absences", number, "deputy"), leave.deputy


def _absence_problems(parsed: ParsedFile[PeopleModel]) -> list[Problem]:
    """Absences that end before they begin, and two of one person that share a day."""
    problems: list[Problem] = []
    for key, item in parsed.model.people.items() if parsed.model else ():
        for number, leave in enumerate(item.absences):
            steps: tuple[Step, ...] = ("people", key, "absences", number)
            if leave.last < leave.first:
                problems.append(
                    parsed.problem((*steps, "to"), f"{leave.last} is before {leave.first}", "it is the last day away")
                )
            for before, other in enumerate(item.absences[:number]):
                if max(leave.first, other.first) <= min(leave.last, other.last):
                    line = parsed.node.line(("people", key, "absences", before))
                    text = f"shares days with {other.first} to {other.last} (line {line})"
                    problems.append(
                        parsed.problem(steps, text, "make one of the two, or end one before the other begins")
                    )
    return problems


def _claim_problems(parsed: ParsedFile[PeopleModel]) -> list[Problem]:
    """One account or e-mail address belongs to one person; the problem names both."""
    problems: list[Problem] = []
    claims: dict[tuple[str, str], str] = {}
    for key, item in parsed.model.people.items() if parsed.model else ():
        places: list[tuple[tuple[Step, ...], str, str]] = [
            (("people", key, "accounts", name), name, text) for name, ids in item.accounts.items() for text in ids
        ]
        places += [(("people", key, "email"), "", item.email)] if item.email else []
        for steps, connection, text in places:
            other = claims.setdefault((connection, text.strip().casefold()), key)
            if other != key:
                where = f"on {connection} " if connection else ""
                line = parsed.node.line(("people", other, *steps[2:]))
                text_ = f"{text!r} {where}is claimed by {other!r} (line {line}) and {key!r}"
                problems.append(parsed.problem(steps, text_, "an account belongs to one person"))
    return problems
