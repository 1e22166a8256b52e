"""`explain`: the chain from a value back to its raw record, and on to what was noticed and written because of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sync.app import App
from sync.cli.cycle import opened
from sync.cli.likely_text import conflict_sentence
from sync.cli.listings import dependency_shape, events_by_finding, finding_shape
from sync.cli.show import say, say_json, say_table
from sync.core.disclosure import Sayable, cleared, shown
from sync.core.errors import COMMAND_LINE, ConfigError, Problem, RecordError
from sync.core.plan import Published
from sync.core.values import Language, RawRecord, Ref, TrackedFinding
from sync.core.view import View
from sync.mapping.dependencies import AliasIndex
from sync.mapping.normalise import Step

CALCULATED = ("finish", "planned_start", "planned_finish", "slack", "slip_days", "likely")
DATES = "calculated from dates and dependencies: `tieline dates REF` says why"


def run_explain(config: Path, text: str, field: str, as_json: bool) -> int:
    """Print the chain; a restricted record is explained without its values."""
    with opened(config) as app:
        view = app.engine.view()
        ref = ref_named(app, view, text)
        raw = app.store.raw(ref)
        if raw is None:
            raise ConfigError([Problem(COMMAND_LINE, 0, text, "is not stored", "`tieline tasks` lists what is")])
        steps, error = _steps(app, ref, field)
        if raw.visibility == "restricted":
            steps = [_masked(step) for step in steps]
        shape = _shape(app, view, ref, raw, steps, error)
    if as_json:
        say_json(shape)
    else:
        _show(view, ref, raw, steps, shape)
    return 0


def ref_named(app: App, view: View, text: str) -> Ref:
    """The ref that a ref, a key or a URL names. Raises ConfigError when it names nothing or several things."""
    if text in view.tasks or text in view.documents:
        return Ref(text)
    if text in _skipped(app):
        return Ref(text)
    index = AliasIndex(app.store.load_aliases())
    found = {hit for name in app.loaded.config.connections if isinstance(hit := index.find(text, name), Ref)}
    if len(found) == 1:
        return found.pop()
    words = f"names {', '.join(sorted(found))}" if found else "names nothing that is stored"
    raise ConfigError([Problem(COMMAND_LINE, 0, text, words, "give a ref, as `tieline tasks` lists them")])


def _skipped(app: App) -> set[Ref]:
    """Records that stand there and that no mapping could read: why is what is asked. What is gone is told of no more."""
    refs = {problem.record for problem in app.store.load_problems() if problem.is_skipped}
    return set(app.store.raw_versions(refs))


def _steps(app: App, ref: Ref, field: str) -> tuple[list[Step], str]:
    try:
        steps = app.deriver.explain(ref, field)
    except RecordError as error:
        return [], str(error)
    if field and not steps:
        known = sorted({step.field for step in app.deriver.explain(ref)})
        hint = DATES if field in CALCULATED else f"mapped: {', '.join(known)}"
        raise ConfigError([Problem(COMMAND_LINE, 0, field, "is not mapped for this record", hint)])
    return steps, ""


def _masked(step: Step) -> Step:
    return Step(step.field, step.path, step.file, step.line, "***", "***", step.note)


def _shape(app: App, view: View, ref: Ref, raw: RawRecord, steps: list[Step], error: str) -> dict[str, Any]:
    language = app.loaded.config.language
    dependencies = [item for item in view.dependencies if ref in (item.predecessor, item.successor)]
    tracked = [item for item in app.store.findings("open", "acknowledged") if ref in item.finding.subjects]
    events = events_by_finding(app, tracked)
    published = [entry for entry in app.store.published().values() if _concerns(entry, ref)]
    sayable = Sayable(view)
    return {
        "ref": ref,
        "raw": {"version": raw.version, "updated_at": raw.updated_at, "fetched_at": raw.fetched_at, "scope": raw.scope},
        "error": error or None,
        "steps": steps,
        "dependencies": [dependency_shape(view, item) for item in dependencies],
        "findings": [
            {**finding_shape(view, item, language, events[item.finding.key]), "basis": _basis(view, item, language)}
            for item in tracked
        ],
        "published": [
            {
                "key": entry.key,
                "kind": entry.kind,
                "url": sayable.url_at(entry.target, entry.written.url),
                "run": entry.run,
                "at": entry.at,
            }
            for entry in published
        ],
    }


def _basis(view: View, item: TrackedFinding, language: Language) -> str:
    """What the likely day rests on that a finding tells; empty where it tells none."""
    finding = cleared(view, item.finding)
    return conflict_sentence(view, finding, language) if "likely" in finding.parameters else ""


def _concerns(entry: Published, ref: Ref) -> bool:
    return entry.target == ref or str(ref) in entry.key


def _show(view: View, ref: Ref, raw: RawRecord, steps: list[Step], shape: dict[str, Any]) -> None:
    task = view.tasks.get(ref)
    title = shown(view, task, "zh-CN").title if task else ""
    say(f"{ref} {title}")
    say(f"raw record: version {raw.version}, fetched {raw.fetched_at:%Y-%m-%d %H:%M:%S} UTC, scope {raw.scope}")
    if shape["error"]:
        say(f"not mapped: {shape['error']}")
    rows = [
        (
            step.field,
            step.value,
            step.raw_value,
            step.path,
            f"{step.file} line {step.line}" if step.line else step.file,
            step.note,
        )
        for step in steps
    ]
    say_table("Values", ("field", "value", "raw value", "read from", "mapping", "how"), rows)
    for item in shape["dependencies"]:
        rules = ", ".join(sorted({evidence["rule"] for evidence in item["evidence"]}))
        say(f"dependency ({item['state']}): {item['predecessor']} → {item['successor']}, by {rules}")
    for item in shape["findings"]:
        say(f"finding ({item['severity']}): {item['text']}")
        if item["basis"]:
            say(f"  {item['basis']}")
    for item in shape["published"]:
        say(f"written: {item['kind']} {item['url']} in run {item['run']} ({item['key']})")
