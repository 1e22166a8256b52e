"""`sandbox`: simulated vendors in this process, to try a mapping without touching production."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.world import CREDENTIALS, SITES, World, load_file
from sync.cli.show import say, say_table
from sync.core.errors import COMMAND_LINE, ConfigError, Problem

HIGHEST = 65_536 - len(SITES)  # the last site's is the last port there is


def run_sandbox(port: int, loads: Sequence[str], is_empty: bool) -> None:
    """Serve until Ctrl-C; says where everything is and what to put into the environment."""
    wanted = [_site_and_file(text) for text in loads]
    _check_port(port)
    try:
        world = World(first_port=port, is_empty=is_empty)
    except OSError as error:
        hint = "another sandbox may be running; choose --port"
        raise ConfigError(
            [Problem(COMMAND_LINE, 0, f"--port {port}", f"cannot listen: {error.strerror}", hint)]
        ) from error
    with world:
        for site, file in wanted:
            counts = _loaded(world, site, file)
            say(f"{site}: loaded {', '.join(f'{count} {word}' for word, count in counts.items())}")
        say_table("Sites", ("site", "base_url"), list(world.urls().items()))
        say_table("Pages worth opening", ("site", "page", "address"), list(world.pages()))
        say("Credentials for tieline.yaml (env:NAME):")
        for name, value in CREDENTIALS.items():
            say(f"  export {name}={value}")
        say('Faults: POST a JSON list to <base_url>/_sandbox/faults, e.g. [{"kind": "rate_limited", "value": 3}].')
        say("Ctrl-C ends it; nothing is kept.")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            say("Ended.")


def _check_port(port: int) -> None:
    if not 0 <= port <= HIGHEST:
        hint = f"0 (any that are free) to {HIGHEST}: each of {len(SITES)} sites takes one from there on"
        raise ConfigError([Problem(COMMAND_LINE, 0, f"--port {port}", "is no port to begin with", hint)])


def _loaded(world: World, site: str, file: Path) -> Mapping[str, int]:
    try:
        return load_file(world.simulators[site], file)
    except (OSError, ValueError) as error:
        text = f"cannot be read: {error.strerror if isinstance(error, OSError) else error}"
        hint = "JSON lines in UTF-8, one object each"
        raise ConfigError([Problem(COMMAND_LINE, 0, f"--load {site}={file}", text, hint)]) from error


def _site_and_file(text: str) -> tuple[str, Path]:
    site, _, file = text.partition("=")
    if site not in SITES or not file:
        hint = f"SITE=FILE, with SITE one of {', '.join(SITES)}"
        raise ConfigError([Problem(COMMAND_LINE, 0, f"--load {text}", "not understood", hint)])
    return site, Path(file)
