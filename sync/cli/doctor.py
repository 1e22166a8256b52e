"""`doctor`: ask the live systems whether what the configuration says is so."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sync.app import App
from sync.cli.cadence import cadence_notes
from sync.cli.cycle import opened
from sync.cli.show import say, say_json, say_table
from sync.core.errors import TielineError
from sync.core.ports import Probe, SiteIdentity
from sync.derive import vocabulary_problems
from sync.web.registrations import webhook_probe

MOST_SKEW = timedelta(minutes=2)
WARN_BEFORE = timedelta(days=30)


def run_doctor(config: Path, as_json: bool) -> int:
    """Probe every connection; exit 0 when nothing is missing, else the code of the worst trouble."""
    with opened(config) as app:
        results = {name: list(_examine(app, name)) for name in app.loaded.config.connections}
    probes = {name: [probe for probe, _ in items] for name, items in results.items()}
    if as_json:
        say_json(probes)
    else:
        for name, items in probes.items():
            rows = [(_word(probe), probe.operation, probe.detail, probe.cure) for probe in items]
            say_table(name, ("", "operation", "found", "what to change"), rows)
        bad = sum(1 for items in probes.values() for probe in items if probe.is_ok is False)
        say(f"{bad} things to mend." if bad else "Everything needed is there.")
    codes = [code for items in results.values() for probe, code in items if probe.is_ok is False]
    return max(codes, default=0)


def _word(probe: Probe) -> str:
    return {True: "ok", False: "MISSING", None: "cannot tell"}[probe.is_ok]


def _examine(app: App, name: str) -> Iterator[tuple[Probe, int]]:
    """Each probe with the exit code it deserves when it is bad."""
    for text, cure in cadence_notes(app.loaded, name):
        yield Probe("cadence", True, text, cure), 0  # as it was asked for
    try:
        connection = app.connections.get(name)
        yield from ((probe, 0) for probe in _identity(connection.identify()))
        for probe in connection.probes():
            yield probe, 5
        if name in app.collected:
            yield from _vocabulary(app, name)
        if webhooks := webhook_probe(app, name, datetime.now(UTC)):
            yield webhooks, 0  # nothing is lost without
    except TielineError as error:
        yield Probe("reach and sign in", False, str(error)), error.exit_code


def _vocabulary(app: App, name: str) -> Iterator[tuple[Probe, int]]:
    problems = vocabulary_problems(app.mappings.connections[name], app.connections.source(name).vocabulary())
    for problem in problems:
        place = f"{problem.file} line {problem.line} {problem.path}"
        yield Probe("mapping", False, f"{place}: {problem.text}", problem.hint), 2
    if not problems:
        yield Probe("mapping", True, "every name in the mapping exists"), 0


def _identity(identity: SiteIdentity) -> Iterator[Probe]:
    who = f"{identity.account.name or identity.account.id} on {identity.fingerprint}, zone {identity.zone}"
    yield Probe("sign in", True, who)
    now = datetime.now(UTC)
    if identity.now and abs(identity.now - now) > MOST_SKEW:
        skew = round(abs(identity.now - now).total_seconds())
        yield Probe("clock", False, f"{skew} s apart from the vendor's", "set this machine's clock by NTP")
    if identity.expires_at and identity.expires_at - now < WARN_BEFORE:
        days = (identity.expires_at - now).days
        yield Probe(
            "token", False, f"expires in {days} days ({identity.expires_at:%Y-%m-%d})", "make a new token in time"
        )
