"""A process with everything loaded that forks one child per command line: `tieline` without the second that Python needs to start.

The child runs the real command line and nothing else; it is killed from outside with SIGKILL, or kills itself with SIGKILL at a
place of its database's work that nobody outside can see.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LOADED = (
    "sync.cli.main", "sync.cli.cycle", "sync.app", "connectors.jira.client", "connectors.jira.site", "connectors.trello.client",
    "connectors.confluence.client", "connectors.confluence.cloud", "connectors.confluence.data_center", "jira", "atlassian",
    "sync.remote_session", "sync.store.schema", "psycopg", "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite", "campaigns.kills_points",
)  # fmt: skip


class Zygote:
    """The process as the campaign sees it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "campaigns.kills_zygote"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        place: str = "",
        passings: int = 1,
        out: str = "",
    ) -> int:
        """Start a command; its process id. It kills itself at the n-th passing of ``place``, if one is named."""
        order = {
            "arguments": arguments,
            "environment": dict(environment),
            "place": place,
            "passings": passings,
            "out": out,
        }
        return int(self._ask({"start": order}))

    def wait(self, pid: int) -> int:
        """How the child ended: its exit code, or minus the number of the signal that killed it. It is reaped by this."""
        return int(self._ask({"wait": pid}))

    def close(self) -> None:
        if self._process.stdin and self._process.stdout:
            self._process.stdin.close()
            self._process.stdout.close()
        self._process.wait()

    def _ask(self, question: Mapping[str, Any]) -> Any:
        if not self._process.stdin or not self._process.stdout:
            raise RuntimeError("the zygote has no pipes")
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


def _kill_at(place: str, passings: int) -> None:
    """Let the process kill itself at a place of its store's work."""
    from sync.store.store import Store

    when, _, name = place.partition(" ")
    name = "_add_intent" if name == "add_intent" else name
    plain, left = getattr(Store, name), [passings]

    def operation(store: Store, /, *args: Any, **kwargs: Any) -> Any:
        result = None if when == "before" else plain(store, *args, **kwargs)
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return plain(store, *args, **kwargs) if when == "before" else result

    setattr(Store, name, operation)


def _child(order: Mapping[str, Any]) -> int:
    from sync.cli.main import main

    os.environ.update(order["environment"])
    sys.argv = ["tieline", *order["arguments"]]
    out = os.open(order["out"] or os.devnull, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(out, stream)
    if order["place"]:
        _kill_at(order["place"], order["passings"])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _serve() -> None:
    for name in LOADED:
        importlib.import_module(name)
    from sync.registry import connectors_by_name, jobs_by_name

    connectors_by_name(), jobs_by_name()
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            print(os.waitstatus_to_exitcode(os.waitpid(asked["wait"], 0)[1]), file=answers)
            continue
        pid = os.fork()
        if pid == 0:
            code = 70
            try:
                code = _child(asked["start"])
            finally:
                sys.stdout.flush()
                os._exit(code)
        print(pid, file=answers)


if __name__ == "__main__":
    _serve()
