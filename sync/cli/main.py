"""``tieline``: every command, its options, and how an error becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    name="tieline",
    help="Joins the tools departments already use, so that work crossing a department boundary stays visible, owned and on time.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
raw_app = typer.Typer(help="Raw records as JSON lines, for support or to try a mapping.", no_args_is_help=True)
app.add_typer(raw_app, name="raw")

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="TIELINE_CONFIG", help="tieline.yaml", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable; shapes in docs/cli.md")]
DEFAULT_CONFIG = Path("tieline.yaml")
StatusWord = Literal["todo", "in_progress", "blocked", "done", "cancelled", "unknown"]


def main() -> None:
    """Run the command line; every TielineError ends as its sentence on standard error and its exit code."""
    from sync.core.errors import TielineError

    try:
        app()
    except TielineError as error:
        from sync.cli.log import say_error

        say_error(error)
        sys.exit(error.exit_code)
    except Exception as error:  # noqa: BLE001 - the last door
        if isinstance(error, BrokenPipeError):
            _hush()
            return
        from sync.cli.log import say_internal_error

        say_internal_error(error)
        sys.exit(TielineError.exit_code)


def _hush() -> None:
    """The reader of our output left (`tieline tasks | head`): nothing is wrong, and nothing more can be said."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@app.callback()
def before_the_command(
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="tieline.yaml; may also stand after the command")
    ] = None,
) -> None:
    """Joins the tools departments already use, so that work crossing a department boundary stays visible, owned and on time."""
    if config is not None:
        os.environ["TIELINE_CONFIG"] = str(config)  # where every command's own --config looks


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="where to write")] = Path()) -> None:
    """Write a first tieline.yaml and mappings; never overwrites a file."""
    from sync.cli.setup import init_folder

    init_folder(folder)


@app.command()
def check(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Read configuration and mappings; name every mistake with file and line."""
    from sync.cli.setup import check_config

    check_config(config)


@app.command()
def doctor(config: ConfigOption = DEFAULT_CONFIG, as_json: JsonOption = False) -> None:
    """Ask the live systems: reachable, permitted, every mapped name exists, clock, token expiry."""
    from sync.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(config, as_json))


@app.command()
def collect(
    connections: Annotated[list[str] | None, typer.Argument(help="all when none is named")] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Fetch, keep raw records, map, certify."""
    from sync.cli.cycle import run_collect

    raise typer.Exit(run_collect(config, connections or [], as_json))


@app.command()
def plan(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option("--out", help="also into this file, for `tieline apply --plan`")] = None,
) -> None:
    """Judge what is stored and list the exact writes; writes nothing."""
    from sync.cli.cycle import run_plan

    raise typer.Exit(run_plan(config, as_json, out))


AcceptOption = Annotated[bool, typer.Option("--accept-first-run", help="release the brake on a first run's writes")]
AcceptPlanOption = Annotated[
    bool,
    typer.Option("--accept-plan", help="release the brakes on size and share once, after a look at `tieline plan`"),
]
FailOnOption = Annotated[
    Literal["info", "warning", "critical"] | None,
    typer.Option("--fail-on", help="exit 1 when a finding of this severity or worse is open"),
]


@app.command()
def apply(
    config: ConfigOption = DEFAULT_CONFIG,
    accept_first_run: AcceptOption = False,
    accept_plan: AcceptPlanOption = False,
    as_json: JsonOption = False,
    review: Annotated[
        Path | None,
        typer.Option("--plan", help="only the writes of this file of `tieline plan --out`, and only unchanged"),
    ] = None,
) -> None:
    """Plan, then carry the plan out within the limits."""
    from sync.cli.cycle import run_apply

    raise typer.Exit(run_apply(config, accept_first_run, accept_plan, as_json, review))


@app.command()
def run(
    config: ConfigOption = DEFAULT_CONFIG,
    accept_first_run: AcceptOption = False,
    accept_plan: AcceptPlanOption = False,
    fail_on: FailOnOption = None,
    as_json: JsonOption = False,
) -> None:
    """One cycle: collect, judge, plan, apply."""
    from sync.cli.cycle import run_cycle

    raise typer.Exit(run_cycle(config, accept_first_run, accept_plan, fail_on, as_json))


@app.command()
def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    host: Annotated[str, typer.Option(envvar="TIELINE_HOST", help="listen here instead of serve.host")] = "",
) -> None:
    """Run a cycle every few minutes, answer /health and /metrics."""
    from sync.cli.serve import run_serve

    raise typer.Exit(run_serve(config, host))


@app.command()
def health(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Exit 0 when `tieline serve` answers here."""
    from sync.cli.serve import run_health

    raise typer.Exit(run_health(config))


@app.command()
def explain(
    ref: Annotated[str, typer.Argument(help="a ref, a key (PAY-1) or a URL")],
    field: Annotated[str, typer.Argument(help="one field of it")] = "",
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Why a value is what it is: raw record, mapping line, value, finding, write."""
    from sync.cli.explain import run_explain

    raise typer.Exit(run_explain(config, ref, field, as_json))


@app.command()
def dates(
    ref: Annotated[str, typer.Argument(help="a ref, a key (PAY-1) or a URL")],
    start: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="what if it started on this day")] = None,
    due: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="what if it were due on this day")] = None,
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
    department: Annotated[str, typer.Option(help="only this department")] = "",
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


@app.command()
def findings(
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
    state: Annotated[Literal["open", "acknowledged", "resolved", "all"], typer.Option()] = "open",
    fail_on: FailOnOption = None,
) -> None:
    """What the jobs and the engine noticed."""
    from sync.cli.listings import list_findings

    raise typer.Exit(list_findings(config, as_json, state, fail_on))


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
def remap(
    config: ConfigOption = DEFAULT_CONFIG,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
    as_json: JsonOption = False,
) -> None:
    """Replay the raw records through the present mappings; shows what changes."""
    from sync.cli.remap import run_remap

    raise typer.Exit(run_remap(config, dry_run, as_json))


@app.command()
def undo(
    run: Annotated[str, typer.Argument(help="the run's id, as `tieline runs` shows it")],
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Take back a run's writes where nobody edited them since; says what stays and why."""
    from sync.cli.taking_back import run_undo

    raise typer.Exit(run_undo(config, run, as_json))


@app.command()
def retract(
    connection: Annotated[list[str] | None, typer.Option(help="only there; may be given again")] = None,
    job: Annotated[list[str] | None, typer.Option(help="only what this job wrote; may be given again")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list what would be removed and what stays")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask")] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Remove everything that Tieline ever wrote and nobody edited, and write nothing there until `tieline resume`."""
    from sync.cli.taking_back import run_retract

    raise typer.Exit(run_retract(config, connection or [], job or [], dry_run, yes, as_json))


@app.command()
def resume(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Write again where everything was retracted."""
    from sync.cli.taking_back import run_resume

    run_resume(config)


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


@app.command()
def schema(
    name: Annotated[Literal["mapping", "people", "departments", "calendar", "config"], typer.Argument()] = "mapping",
) -> None:
    """The JSON Schema of a file, for editors."""
    from sync.cli.setup import print_schema

    print_schema(name)


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="first port; each simulated site takes one")] = 9101,
    load: Annotated[list[str] | None, typer.Option(help="SITE=FILE of JSON lines (.gz too) of real payloads")] = None,
    is_empty: Annotated[bool, typer.Option("--empty", help="without the seeded story")] = False,
) -> None:
    """Simulated vendors to try a mapping on, without touching production."""
    from sync.cli.sandbox import run_sandbox

    run_sandbox(port, load or [], is_empty)


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option(envvar="TIELINE_DEMO_FOLDER", help="where database and pages are written")
    ] = Path("var/demo"),
    keep: Annotated[bool, typer.Option("--keep", help="leave the sandbox running until Ctrl-C")] = False,
) -> None:
    """The main job, end to end, against the sandbox."""
    from sync.cli.demo import run_demo

    raise typer.Exit(run_demo(folder, keep))


@raw_app.command("export")
def raw_export(file: Path, config: ConfigOption = DEFAULT_CONFIG, connection: str = "") -> None:
    """Write the raw records to a file, one JSON object a line."""
    from sync.cli.raw import export_raw

    export_raw(config, file, connection)


@raw_app.command("import")
def raw_import(file: Path, config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Read raw records from a file, map them, and say what they became."""
    from sync.cli.raw import import_raw

    raise typer.Exit(import_raw(config, file))


@app.command()
def version() -> None:
    """The version."""
    from importlib.metadata import version as installed

    typer.echo(installed("tieline"))


if __name__ == "__main__":
    main()
