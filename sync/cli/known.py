"""Commands that tell what is known, or say what only a person knows: none writes to a vendor but `overwritten --put-back`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sync.cli.options import DEFAULT_CONFIG, ConfigOption, FailOnOption, JsonOption

app = typer.Typer()
StatusWord = Literal["todo", "in_progress", "blocked", "done", "cancelled", "unknown"]


@app.command()
def explain(
    ref: Annotated[str, typer.Argument(help="a ref, a key (PAY-1) or a URL")],
    field: Annotated[str, typer.Argument(help="one mapped field of it: title, status, owner, start, due …")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Why a value is what it is: raw record, mapping line, value, finding, write. Calculated dates: `tieline dates`."""
    from sync.cli.explain import run_explain

    raise typer.Exit(run_explain(config, ref, field, as_json))


@app.command()
def dates(
    ref: Annotated[str, typer.Argument(help="a ref, a key (PAY-1) or a URL")],
    start: Annotated[
        str | None, typer.Option(metavar="DAY", help="what if it started on this day (2026-12-03, 12月3日, 3 Dec)")
    ] = None,
    due: Annotated[str | None, typer.Option(metavar="DAY", help="what if it were due on this day")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Why a task's dates are what they are, how far it may slip, what its delay costs; with a date, what that would move."""
    from sync.cli.dates import run_dates

    run_dates(config, ref, start, due, as_json)


@app.command()
def tasks(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    department: Annotated[str, typer.Option(help="only this department, by key or name")] = "",
    status: Annotated[StatusWord | None, typer.Option(help="only this status")] = None,
) -> None:
    """The tasks known now."""
    from sync.cli.listings import list_tasks

    list_tasks(config, as_json, department, status)


@app.command()
def dependencies(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    relations: Annotated[bool, typer.Option("--relations", help="relations instead")] = False,
    external: Annotated[bool, typer.Option("--external", help="references to what is not collected instead")] = False,
) -> None:
    """The dependencies known now, with their evidence."""
    from sync.cli.listings import list_dependencies

    list_dependencies(config, as_json, relations, external)


DependencyKey = Annotated[str, typer.Argument(help="the dependency's key, as `tieline dependencies --json` tells it")]
ByOption = Annotated[str, typer.Option("--by", help="who says so; without it, who you are on this machine")]


@app.command()
def reject(
    key: DependencyKey,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say that this is no dependency: nothing is said of it any more, and our links are taken back."""
    from sync.cli.dependency_answers import answer_dependency

    answer_dependency(config, key, "rejected", by, as_json)


@app.command()
def confirm(
    key: DependencyKey,
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say that this is a dependency, however unsure it looked, or that it was rejected by mistake."""
    from sync.cli.dependency_answers import answer_dependency

    answer_dependency(config, key, "confirmed", by, as_json)


@app.command()
def answer(
    key: Annotated[str, typer.Argument(help="the finding's key, as `tieline findings --json` tells it")],
    word: Annotated[Literal["ack", "decline", "promise", "reason"], typer.Argument(help="what is answered")],
    value: Annotated[
        str, typer.Argument(help="promise: the new date (2026-12-03, 12月3日); reason: resources, goal or conflict")
    ] = "",
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Take a finding on, decline it, promise a date, or say why it is so, as the buttons in chats do."""
    from sync.cli.finding_answers import answer_finding

    answer_finding(config, key, word, value, by, as_json)


NoteOption = Annotated[str, typer.Option("--note", help="what happened, in a few words")]
incident_app = typer.Typer(
    help="Incidents 突发: open one about a task, or say that it is solved.", no_args_is_help=True
)
app.add_typer(incident_app, name="incident")


@incident_app.command("open")
def open_incident(
    ref: Annotated[str, typer.Argument(help="a ref, a key (PAY-1) or a URL")],
    note: NoteOption = "",
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Open an incident about a task; it stands until somebody solves it."""
    from sync.cli.finding_answers import open_one

    open_one(config, ref, note, by, as_json)


@incident_app.command("solve")
def solve_incident(
    ref: Annotated[str, typer.Argument(help="a ref, a key (PAY-1) or a URL")],
    note: NoteOption = "",
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Say that the incident about a task is over."""
    from sync.cli.finding_answers import solve_one

    solve_one(config, ref, note, by, as_json)


@app.command()
def talk(
    person: Annotated[str, typer.Argument(help="whom it is with: the key, name or e-mail in people.yaml")],
    word: Annotated[Literal["date", "decided", "show"], typer.Argument(help="what is noted")] = "show",
    value: Annotated[str, typer.Argument(help="date: the day; decided: what was decided, in a few words")] = "",
    by: ByOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Note the day of a suggested talk 约谈 or what was decided in it, for the coordination group; or show what was noted."""
    from sync.cli.talk import list_talks, note_talk

    if word == "show":
        list_talks(config, person, as_json)
    else:
        note_talk(config, person, word, value, by, as_json)


@app.command()
def findings(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    state: Annotated[
        Literal["open", "acknowledged", "resolved", "all"], typer.Option(help="only those in this state")
    ] = "open",
    fail_on: FailOnOption = None,
) -> None:
    """What the jobs and the engine noticed."""
    from sync.cli.listings import list_findings

    raise typer.Exit(list_findings(config, as_json, state, fail_on))


@app.command()
def overwritten(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    put_back: Annotated[str, typer.Option("--put-back", help="the id of the words to say again")] = "",
) -> None:
    """People's words that an update of ours took away at the same moment; with --put-back, say them again."""
    from sync.cli.overwritten import list_overwritten, put_words_back

    raise typer.Exit(put_words_back(config, put_back) if put_back else list_overwritten(config, as_json))


@app.command()
def certify(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    now: Annotated[bool, typer.Option("--now", help="read and count first, whether a census is due or not")] = False,
) -> None:
    """The last completeness certificates, or with --now fresh ones."""
    from sync.cli.listings import list_certificates

    raise typer.Exit(list_certificates(config, as_json, now))


@app.command()
def runs(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """The runs, newest first, with what each wrote."""
    from sync.cli.listings import list_runs

    list_runs(config, as_json)


@app.command()
def definitions(
    connection: Annotated[str, typer.Argument(help="a connection that tells where numbers come from, such as Tableau")],
    source: Annotated[str, typer.Argument(help="whose numbers, as its connector names it: Workbook/View")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """What the numbers of a view mean: formula, data source, tables, owner, as their tool tells it now."""
    from sync.cli.definitions import show_definitions

    raise typer.Exit(show_definitions(config, connection, source, as_json))


@app.command()
def baseline(
    clear: Annotated[
        list[str] | None, typer.Option(metavar="KEY", help="let this pair speak; may be given again")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="let all pairs speak")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """What was late on the first day and is silent until there is news."""
    from sync.cli.baseline import clear_baseline, show_baseline

    if clear or is_all:
        clear_baseline(config, clear or [], is_all)
    else:
        show_baseline(config, as_json)
