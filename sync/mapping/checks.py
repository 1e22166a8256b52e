"""What a mapping says that its own words forbid: contradictions, unknown departments, rules that lack a part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sync.core.errors import Problem
from sync.core.vocabulary import folded
from sync.mapping.models import MEANINGS, MappingModel, PlaceModel, RuleModel
from sync.mapping.reading import ParsedFile, twice_problems
from sync.mapping.rules import Directory, Selector
from sync.mapping.validation import nearest
from sync.mapping.yaml import Step

SELECTORS: tuple[Selector, ...] = ("link", "field", "checklist", "attachment", "remote_link", "text")
SOURCES = ("path", "field", "jmespath", "value")
REQUIRED = {"version": "write 1", "scope": "the projects, boards or spaces to collect"}
Parsed = ParsedFile[MappingModel]


def mapping_problems(parsed: Parsed, directory: Directory) -> list[Problem]:
    """Everything wrong that the shape alone does not show."""
    model = parsed.model
    if model is None:
        return []
    top = parsed.node.value if isinstance(parsed.node.value, dict) else {}
    problems = [parsed.missing((name,), hint) for name, hint in REQUIRED.items() if name not in top]
    problems += _scope_problems(parsed, model)
    problems += twice_problems(parsed, ("status",), model.status)
    problems += twice_problems(parsed, ("raci", "words"), model.raci.words)
    if model.task.model_fields_set and "vendor_status" not in _written(parsed, "task"):
        problems.append(parsed.missing(("task", "vendor_status"), "where the tool's status word stands"))
    elif parsed.node.child("task") is not None and not model.status and parsed.node.child("status") is None:
        problems.append(parsed.missing(("status",), "say what each status word of the tool means"))
    for steps, name, place in places(model):
        problems += _place_problems(parsed, steps, name, place, directory)
    for name in model.raci.departments:
        if directory.department(name) is None:
            problems.append(_no_department(parsed, ("raci", "departments", name), name, directory))
    for number, rule in enumerate(model.dependencies):
        problems += _rule_problems(parsed, ("dependencies", number), rule)
    return problems + _twin_rules(parsed, model.dependencies)


def places(model: MappingModel) -> Iterator[tuple[tuple[Step, ...], str, PlaceModel]]:
    """Every place with its steps and our field's name."""
    for section in ("task", "document", "raci"):
        part = getattr(model, section)
        for name in type(part).model_fields:
            found = getattr(part, name)
            if isinstance(found, list):
                for number, place in enumerate(found):
                    yield (section, name, number), name, place
    for name, place in model.raci.departments.items():
        yield ("raci", "departments", name), "", place


def _written(parsed: Parsed, section: str) -> Sequence[str]:
    node = parsed.node.child(section)
    return list(node.value) if node and isinstance(node.value, dict) else []


def _scope_problems(parsed: Parsed, model: MappingModel) -> list[Problem]:
    twins = {name for name in model.scope if model.scope.count(name) > 1}
    return [parsed.problem(("scope",), f"{name!r} is written twice") for name in sorted(twins)]


def _no_department(parsed: Parsed, steps: Sequence[Step], name: str, directory: Directory) -> Problem:
    names = [
        item for ref, each in directory.departments.items() for item in (ref.key, each.name, each.english_name) if item
    ]
    return parsed.problem(steps, f"departments.yaml has no {name!r}", nearest(name, names))


def _place_problems(
    parsed: Parsed, steps: tuple[Step, ...], name: str, place: PlaceModel, directory: Directory
) -> list[Problem]:
    problems: list[Problem] = []
    sources = [word for word in SOURCES if word in place.model_fields_set and getattr(place, word) is not None]
    # A source that is written but wrong is named already.
    is_broken = any(parsed.steps((*steps, word))[-1:] == [word] for word in SOURCES if word not in sources)
    if len(sources) != 1 and not (not sources and (place.default is not None or is_broken)):
        found = " and ".join(sources) if sources else "nothing"
        problems.append(parsed.problem(steps, f"says {found}", f"say one of {', '.join(SOURCES)}"))
    if place.name and place.field is None:
        problems.append(parsed.problem((*steps, "name"), "is only checked beside 'field'"))
    if "unit" in place.model_fields_set and name != "estimate_minutes":
        problems.append(parsed.problem((*steps, "unit"), "only estimate_minutes has a unit"))
    problems += twice_problems(parsed, parsed.steps((*steps, "words")), place.words)
    meanings = [((*steps, "words", word), meaning) for word, meaning in place.words.items()]
    meanings += [((*steps, "default"), place.default)] if place.default is not None else []
    for where, meaning in meanings:
        if name == "department" and directory.department(meaning) is None:
            problems.append(_no_department(parsed, where, meaning, directory))
        elif name in MEANINGS and meaning not in MEANINGS[name]:
            choices = ", ".join(MEANINGS[name])
            text = f"{meaning!r} is not a {name} of task: {choices}"
            problems.append(parsed.problem(where, text, nearest(meaning, MEANINGS[name])))
    return problems


def selectors_of(rule: RuleModel) -> list[Selector]:
    """What kind of evidence a rule names; a valid rule has exactly one."""
    return [word for word in SELECTORS if getattr(rule, word) is not None]


def _rule_problems(parsed: Parsed, steps: tuple[Step, ...], rule: RuleModel) -> list[Problem]:
    found = selectors_of(rule)
    if len(found) != 1:
        text = f"says {' and '.join(found)}" if found else "says nothing to look at"
        return [parsed.problem(steps, text, f"say one of {', '.join(SELECTORS)}")]
    problems: list[Problem] = []

    def refuse(name: str, text: str, hint: str = "") -> None:
        problems.append(parsed.problem((*steps, name), text, hint))

    if (found[0] == "text") != (rule.pattern is not None):
        lacking = "pattern" if found[0] == "text" else "text"
        if lacking not in _rule_names(parsed, steps):
            problems.append(parsed.missing((*steps, lacking), "text and pattern belong together"))
    if rule.name and found[0] != "field":
        refuse("name", "is only checked beside 'field'")
    _check_direction(parsed, steps, rule, found[0], refuse)
    _check_lag(rule, refuse)
    return problems


def _rule_names(parsed: Parsed, steps: tuple[Step, ...]) -> Sequence[str]:
    node = parsed.node.child(steps[0])
    rule = node.child(steps[1]) if node else None
    return list(rule.value) if rule and isinstance(rule.value, dict) else []


def _check_direction(
    parsed: Parsed, steps: tuple[Step, ...], rule: RuleModel, selector: Selector, refuse: Callable[..., None]
) -> None:
    wanted, foreign = ("outward", "other") if selector == "link" else ("other", "outward")
    written = _rule_names(parsed, steps)
    if rule.ignore and selector != "link":
        refuse("ignore", "only a link can be ignored", "leave the rule out")
    if getattr(rule, foreign) is not None:
        refuse(foreign, f"does not go with {selector}", f"say {wanted!r}")
    if getattr(rule, wanted) is not None and (rule.relation or rule.ignore):
        refuse(wanted, "a relation has no predecessor", "say either 'relation' or which end comes first")
    elif not (wanted in written or foreign in written or "relation" in written or rule.ignore):
        hint = f"{wanted}: predecessor or successor; or relation: relates"
        refuse(selector, "does not say which end comes first", hint)


def _check_lag(rule: RuleModel, refuse: Callable[..., None]) -> None:
    if rule.relation or rule.ignore:
        for name in ("type", "lag_days", "lag_minutes", "lag_unit"):
            if getattr(rule, name) is not None:
                refuse(name, "a relation has none")
    elif rule.lag_days is not None and rule.lag_minutes is not None:
        refuse("lag_minutes", "the lag is given twice", "say lag_days or lag_minutes")
    elif rule.lag_days is not None and rule.lag_unit == "elapsed":
        refuse("lag_unit", "lag_days are working days", "say lag_minutes for elapsed time")


def _twin_rules(parsed: Parsed, rules: Sequence[RuleModel]) -> list[Problem]:
    """Two rules that would read the same thing: the second is a contradiction, or waste."""
    problems: list[Problem] = []
    first: dict[tuple[str, ...], int] = {}
    for number, rule in enumerate(rules):
        for selector in selectors_of(rule):
            value = getattr(rule, selector)
            for name in value if isinstance(value, list) else [value]:
                key = (selector, folded(name), rule.pattern or "")
                other = first.setdefault(key, number)
                if other != number:
                    line = parsed.node.line(("dependencies", other, selector))
                    is_same = rules[other] == rule
                    text = f"{name!r} is already read by the rule on line {line}" + (
                        "" if is_same else ", which says otherwise"
                    )
                    problems.append(parsed.problem(("dependencies", number, selector), text))
    return problems
