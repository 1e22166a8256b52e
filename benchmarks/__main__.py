"""All benchmarks, one after the other; ``python -m benchmarks forecast`` runs those that are named."""

import sys

from benchmarks import collect, forecast, schedule, store

BENCHMARKS = {
    "collect": lambda: collect.main(20_000, 0.15, 1),
    "store": store.main,
    "schedule": schedule.main,
    "forecast": forecast.main,
}

if __name__ == "__main__":
    named = sys.argv[1:] or list(BENCHMARKS)
    if strangers := sorted(set(named) - set(BENCHMARKS)):
        raise SystemExit(f"no benchmark {', '.join(strangers)}: there are {', '.join(BENCHMARKS)}")
    del sys.argv[1:]  # the store's reads a count from there
    for name in named:
        BENCHMARKS[name]()
