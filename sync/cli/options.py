"""Options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

ConfigOption = Annotated[
    Path, typer.Option("--config", "-c", envvar="TIELINE_CONFIG", help="tieline.yaml", show_default=True)
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable; shapes in docs/cli.md")]
DEFAULT_CONFIG = Path("tieline.yaml")
FailOnOption = Annotated[
    Literal["info", "warning", "critical"] | None,
    typer.Option("--fail-on", help="exit 1 when a finding of this severity or worse is open"),
]
