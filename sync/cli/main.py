"""``tieline``: every command, its options, and how an error becomes a sentence and an exit code."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from sync.cli.known import app as known
from sync.cli.options import DEFAULT_CONFIG, ConfigOption, FailOnOption, JsonOption

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
app.add_typer(known)


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
    """Ask the live systems: reachable, permitted, every mapped name exists, clock, token expiry; writes nothing."""
    from sync.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(config, as_json))


@app.command()
def collect(
    connections: Annotated[
        list[str] | None, typer.Argument(help="these, due or not; when none is named, all that are due")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    as_json: JsonOption = False,
) -> None:
    """Read the vendors: fetch, keep raw records, map, certify; writes nothing to them."""
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
    is_all: Annotated[
        bool, typer.Option("--all", help="read also connections whose every_minutes are not over")
    ] = False,
) -> None:
    """One cycle: collect, judge, plan, apply."""
    from sync.cli.cycle import run_cycle

    raise typer.Exit(run_cycle(config, accept_first_run, accept_plan, fail_on, as_json, is_all))


@app.command()
def serve(
    config: ConfigOption = DEFAULT_CONFIG,
    host: Annotated[str, typer.Option(envvar="TIELINE_HOST", help="listen here instead of serve.host")] = "",
) -> None:
    """Run a cycle every few minutes (serve.every_minutes), answer /health and /metrics, hear chats and webhooks, until Ctrl-C."""
    from sync.cli.serve import run_serve

    raise typer.Exit(run_serve(config, host))


@app.command()
def health(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """Exit 0 when `tieline serve` answers here."""
    from sync.cli.serve import run_health

    raise typer.Exit(run_health(config))


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
def schema(
    name: Annotated[
        Literal["mapping", "people", "departments", "calendar", "config"],
        typer.Argument(help="config is tieline.yaml, mapping one connection's file"),
    ] = "mapping",
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
        Path, typer.Option(envvar="TIELINE_DEMO_FOLDER", help="where database and pages are written; emptied first")
    ] = Path("var/demo"),
    keep: Annotated[bool, typer.Option("--keep", help="leave the sandbox running until Ctrl-C")] = False,
) -> None:
    """The main job, end to end, against the sandbox."""
    from sync.cli.demo import run_demo

    raise typer.Exit(run_demo(folder, keep))


@raw_app.command("export")
def raw_export(
    file: Annotated[Path, typer.Argument(help="where to write; what it held is lost")],
    config: ConfigOption = DEFAULT_CONFIG,
    connection: Annotated[str, typer.Option(help="only this connection's")] = "",
) -> None:
    """Write the raw records that anybody may read to a file, one JSON object a line."""
    from sync.cli.raw import export_raw

    export_raw(config, file, connection)


@raw_app.command("import")
def raw_import(
    file: Annotated[Path, typer.Argument(help="a file of `tieline raw export`")], config: ConfigOption = DEFAULT_CONFIG
) -> None:
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
