"""A generic record as a task or document, by its connection's mapping; and for each value, why it is what it is. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from msgspec import Struct

from sync.core.errors import RecordError
from sync.core.values import Account, Assignment, Document, Evidence, Record, Ref, Role, Status, Task, TaskKind
from sync.core.vocabulary import folded
from sync.mapping.conversion import date_from, instant_from, is_empty, minutes_from, shown, text_from, texts_from
from sync.mapping.evidence import evidence_from_record
from sync.mapping.identity import Identity
from sync.mapping.paths import accessor, expression, field_accessor
from sync.mapping.problems import MappingProblem
from sync.mapping.rules import ConnectionMapping, FieldRule

_NOTHING = object()
_ROLE_SEPARATORS = str.maketrans(dict.fromkeys("/,、，;；|+&", " "))
# Usual places of a document's fields, for mappings that name none.
_DOCUMENT_PATHS = {"version": "version.number", "parent": "parentId", "labels": "labels"}


class Step(Struct, frozen=True, gc=False):
    """One link of the chain from a record to a value: which mapping line read what, and what came out of it."""

    field: str
    path: str
    file: str
    line: int
    raw_value: Any
    value: Any
    note: str = ""


class Mapped(Struct, frozen=True):
    """What mapping makes of one record: a task or a document, the evidence it holds, and what could not be read."""

    task: Task | None
    document: Document | None
    evidence: tuple[Evidence, ...]
    problems: tuple[MappingProblem, ...]


class _Found(Struct, frozen=True, gc=False):
    """What stands at the first place that holds something; ``raw`` is ``_NOTHING`` where only a default is left."""

    rule: FieldRule
    raw: Any
    error: str = ""


class _Reader:
    """Reads one record's fields, keeping each step and each problem."""

    def __init__(self, record: Record, mapping: ConnectionMapping, identity: Identity) -> None:
        self.record = record
        self.mapping = mapping
        self.identity = identity
        self.steps: list[Step] = []
        self.problems: list[MappingProblem] = []

    def field(self, name: str, rules: Iterable[FieldRule], convert: Callable[[Any, FieldRule], Any]) -> Any:
        """The field's value, None when nothing is said or it cannot be read (which is a problem, with the mapping's line)."""
        found = _first(self.record.values, rules)
        if found is None:
            return None
        rule = found.rule
        if found.raw is _NOTHING:
            value, note = self._default(name, rule, convert)
            self.steps.append(Step(name, rule.place, rule.file, rule.default_line, None, value, note))
            return value
        raw = found.raw
        try:
            if found.error:
                raise ValueError(found.error)  # noqa: TRY301  # one way out for everything that cannot be read
            word, raw = self._word(rule, raw)
            value = convert(raw, rule)
        except (ValueError, OverflowError) as error:
            self.problem("bad_value", str(error), name, found.raw, rule.file, rule.line)
            value, note = None, str(error)
        else:
            note = f"{word} (line {rule.words[folded(word)].line})" if word else ""
        self.steps.append(Step(name, rule.place, rule.file, rule.line, shown(found.raw), value, note))
        return value

    def _default(self, name: str, rule: FieldRule, convert: Callable[[Any, FieldRule], Any]) -> tuple[Any, str]:
        try:
            return convert(rule.default, rule), "default"
        except (ValueError, OverflowError) as error:
            self.problem("bad_value", str(error), name, rule.default, rule.file, rule.default_line)
            return None, str(error)

    def _word(self, rule: FieldRule, raw: Any) -> tuple[str, Any]:
        """The table's word for the raw value and what it means; a value that is not in the table is the default, or itself."""
        if not rule.words:
            return "", raw
        text = text_from(raw)
        word = rule.words.get(folded(text))
        if word is not None:
            return word.text, word.meaning
        return "", rule.default if rule.default is not None else raw

    def problem(self, kind: str, text: str, field: str, value: Any, file: str, line: int) -> None:
        self.problems.append(MappingProblem(self.record.ref, kind, text, field, _text_shown(value), file, line))

    def skip(self, field: str, text: str, rules: Iterable[FieldRule]) -> RecordError:
        line = next((rule.line for rule in rules), 0)
        return RecordError(f"{self.mapping.file}:{line} {field}: {text}", self.record.ref, field, line)

    def text(self, name: str, default: str = "", rules: Iterable[FieldRule] | None = None) -> str:
        found = self.field(
            name, self.mapping.task.get(name, ()) if rules is None else rules, lambda raw, _: text_from(raw)
        )
        return str(found) if found is not None else default

    def person(self, raw: Any, _: FieldRule) -> Ref:
        """The first person of a value."""
        return self.people(raw)[0]

    def people(self, raw: Any) -> tuple[Ref, ...]:
        """The people of an account, a list of accounts, or an id, login or e-mail address. Raises ValueError for another text."""
        connection = self.mapping.connection
        found: list[Ref] = []
        for item in raw if isinstance(raw, list | tuple) else [raw]:
            if isinstance(item, Account):
                ref: Ref | None = self.identity.person(connection, item) if item.id else None
            else:
                ref = self.identity.person_from_text(connection, text_from(item))
            if ref is None:
                raise ValueError("not an account, and people.yaml lists nobody under it")
            found.append(ref)
        return tuple(dict.fromkeys(found))

    def department(self, raw: Any, _: FieldRule) -> Ref:
        found = self.identity.department(text_from(raw))
        if found is None:
            raise ValueError("departments.yaml has no such department")
        return found


def normalise(record: Record, mapping: ConnectionMapping, identity: Identity) -> Mapped:
    """A task or document with its evidence. A value that cannot be read is None and a problem; without title or status word
    the record cannot be mapped at all: RecordError.
    """
    reader = _Reader(record, mapping, identity)
    if record.ref.kind == "document":
        return Mapped(None, _document(reader), (), tuple(reader.problems))
    task = _task(reader)
    evidence, problems = evidence_from_record(record, mapping)
    return Mapped(task, None, evidence, (*reader.problems, *problems))


def explain(record: Record, mapping: ConnectionMapping, identity: Identity, field: str = "") -> list[Step]:
    """How each value, or one field's, came to be. Raises RecordError like ``normalise``."""
    reader = _Reader(record, mapping, identity)
    if record.ref.kind == "document":
        _document(reader)
    else:
        _task(reader)
    return [step for step in reader.steps if not field or step.field == field]


def _first(values: Mapping[str, Any], rules: Iterable[FieldRule]) -> _Found | None:
    fallback: _Found | None = None
    for rule in rules:
        try:
            if rule.when and not _is_true(expression(rule.when)(values)):
                continue
            raw = _read(rule, values)
        except ValueError as error:
            return _Found(rule, None, str(error))
        if not is_empty(raw):
            return _Found(rule, raw)
        if rule.default is not None and fallback is None:
            fallback = _Found(rule, _NOTHING)
    return fallback


def _is_true(value: Any) -> bool:
    """JMESPath's truth: 0 is true, nothing and empty things are false."""
    return value is not None and value is not False and not (isinstance(value, str | list | dict) and not value)


def _read(rule: FieldRule, values: Mapping[str, Any]) -> Any:
    if rule.constant:
        return rule.constant
    if rule.jmespath:
        return expression(rule.jmespath)(values)
    if rule.field:
        return field_accessor(rule.field)(values)
    return accessor(rule.path)(values) if rule.path else None


DATES = ("start", "due", "not_before", "must_start", "must_finish")


def _task(reader: _Reader) -> Task:
    record, mapping = reader.record, reader.mapping
    rules, zone = mapping.task, mapping.zone
    title = reader.text("title", "" if rules.get("title") else record.title.strip())
    if not title:
        raise reader.skip("title", "it has no title", rules.get("title", ()))
    status, vendor_status = _status(reader)
    owner, department = _owner_and_department(reader)

    def day(name: str) -> Any:
        return reader.field(name, rules.get(name, ()), lambda raw, _: date_from(raw, zone))

    def instant(name: str) -> Any:
        return reader.field(name, rules.get(name, ()), lambda raw, _: instant_from(raw, zone))

    return Task(
        ref=record.ref,
        key=record.key,
        title=title,
        status=status,
        vendor_status=vendor_status,
        url=record.url,
        updated_at=record.updated_at,
        owner=owner,
        department=department,
        assignments=_assignments(reader),
        started=instant("started"),
        finished=instant("finished"),
        estimate_minutes=reader.field(
            "estimate_minutes", rules.get("estimate_minutes", ()), lambda raw, rule: minutes_from(raw, rule.unit)
        ),
        parent=reader.field("parent", rules.get("parent", ()), lambda raw, _: _parent(record, "task", raw)),
        project=reader.text("project", record.scope),
        labels=reader.field("labels", rules.get("labels", ()), lambda raw, _: texts_from(raw)) or (),
        priority=reader.text("priority"),
        kind=reader.field("kind", rules.get("kind", ()), _kind) or "work",
        visibility=record.visibility,
        **{name: day(name) for name in DATES},
    )


def _owner_and_department(reader: _Reader) -> tuple[Ref | None, Ref | None]:
    """The owner, and the department: the mapping's, else the owner's."""
    rules = reader.mapping.task
    owner = reader.field("owner", rules.get("owner", ()), reader.person)
    department = reader.field("department", rules.get("department", ()), reader.department)
    if department is None and (department := reader.identity.department_of(owner)):
        reader.steps.append(
            Step("department", "owner", reader.mapping.file, 0, str(owner), department, "the owner's department")
        )
    return owner, department


def _status(reader: _Reader) -> tuple[Status, str]:
    """Our status and the vendor's word. A word that is not mapped is ``unknown``: nothing is done because of it."""
    mapping, rules = reader.mapping, reader.mapping.task.get("vendor_status", ())
    word = reader.text("vendor_status")
    if not word:
        raise reader.skip("vendor_status", "it has no status", rules)
    place, line = next(((rule.place, rule.line) for rule in rules), ("", 0))
    found = mapping.status.get(folded(word))
    if found is None:
        reader.problem("unmapped_status", "the status is not mapped", "status", word, mapping.file, line)
        reader.steps.append(Step("status", place, mapping.file, line, word, "unknown", "not under status:"))
        return "unknown", word
    status: Status = found.meaning  # type: ignore[assignment]  # the schema lets no other words in
    reader.steps.append(Step("status", place, mapping.file, found.line, word, status, f"status.{found.text}"))
    return status, word


def _kind(raw: Any, rule: FieldRule) -> TaskKind:
    text = text_from(raw)
    if text in get_args(TaskKind):
        return text  # type: ignore[return-value]  # just checked
    if rule.words:  # a kind the table leaves out is ordinary work
        return "work"
    raise ValueError(f"not a kind of task: {', '.join(get_args(TaskKind))}")


def _parent(record: Record, kind: str, raw: Any) -> Ref | None:
    key = text_from(raw)
    ref = Ref.of(record.ref.connection, kind, key)
    return None if ref == record.ref else ref


def _assignments(reader: _Reader) -> tuple[Assignment, ...]:
    raci = reader.mapping.raci
    found: dict[Assignment, None] = {}
    for role, rules in raci.roles.items():
        for holder in reader.field(f"raci.{role}", rules, lambda raw, _: reader.people(raw)) or ():
            found.setdefault(Assignment(holder, role))
    for ref, rule in raci.departments:
        for role in reader.field(f"raci.departments.{ref.key}", (rule,), lambda raw, _: _roles(reader, raw)) or ():
            found.setdefault(Assignment(ref, role))
    return tuple(sorted(found, key=lambda item: (get_args(Role).index(item.role), item.holder)))


def _roles(reader: _Reader, raw: Any) -> tuple[Role, ...]:
    """The roles of a cell like ``R`` or ``A/R``. Raises ValueError naming a word that stands for none."""
    words = reader.mapping.raci.words
    roles: list[Role] = []
    for text in texts_from(raw):
        whole = words.get(folded(text))
        for part in [text] if whole else text.translate(_ROLE_SEPARATORS).split():
            word = words.get(folded(part))
            if word is None:
                raise ValueError(f"{part!r} is no RACI word")
            roles.append(word.meaning)  # type: ignore[arg-type]  # the schema lets no other words in
    return tuple(dict.fromkeys(roles))


def _document(reader: _Reader) -> Document:
    record, rules, file = reader.record, reader.mapping.document, reader.mapping.file

    def places(name: str) -> tuple[FieldRule, ...]:
        usual = _DOCUMENT_PATHS.get(name)
        return rules.get(name) or ((FieldRule(file, 0, path=usual),) if usual else ())

    title = reader.text("title", "" if rules.get("title") else record.title.strip(), places("title"))
    if not title:
        raise reader.skip("title", "it has no title", rules.get("title", ()))
    return Document(
        ref=record.ref,
        title=title,
        space=reader.text("space", record.scope, places("space")),
        url=record.url,
        version=reader.text("version", record.updated_at.isoformat(), places("version")),
        updated_at=record.updated_at,
        parent=reader.field("parent", places("parent"), lambda raw, _: _parent(record, "document", raw)),
        labels=reader.field("labels", places("labels"), lambda raw, _: texts_from(raw)) or (),
        visibility=record.visibility,
    )


def _text_shown(value: Any) -> str:
    text = value if isinstance(value, str) else str(shown(value))
    return text if len(text) <= 200 else f"{text[:200]}…"
