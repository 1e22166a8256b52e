"""``python -m campaigns [NAME…] [--short] [--seed N] [--scale F]``: run campaigns; exit 1 when one found a broken promise."""

from __future__ import annotations

import argparse
import importlib
import sys

from campaigns.report import Report

NAMES = ("changes", "kills", "edits", "fuzz", "restricted", "schedules", "secrets", "escalations", "sabotage")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m campaigns", description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="all when none is named")
    parser.add_argument("--short", action="store_true", help="the form that CI runs, a few seconds each")
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--scale", type=float, default=1.0, help="a share of the long form")
    parser.add_argument("--workers", type=int, default=2, help="processes that share the work")
    chosen = parser.parse_args(arguments)
    is_whole = True
    for name in chosen.names or NAMES:
        module = importlib.import_module(f"campaigns.{name}")
        report: Report = module.run(
            seed=chosen.seed, scale=0.0 if chosen.short else chosen.scale, workers=chosen.workers
        )
        print("\n".join(report.lines()), flush=True)
        print(f"  written to {report.save()}", flush=True)
        is_whole = is_whole and not report.divergences
    return 0 if is_whole else 1


if __name__ == "__main__":
    sys.exit(main())
