"""A simulated company with a Tieline of its own, driven through the real command line, for the end-to-end stories."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from ruamel.yaml import YAML

from sandbox.server import LoggedRequest
from sandbox.world import CREDENTIALS, SITES, World
from sync import remote
from sync.cli.demo import write_config
from sync.cli.main import main

ROOT = Path(__file__).parents[2]
# Jira Cloud reads by POST too; everything else that is not GET changes something.
READ_BY_POST = re.compile(
    r"/(search|search/jql|search/approximate-count|issue/bulkfetch|changelog/bulkfetch|comment/list|oauth2/v2.0/token|executeQueries"
    r"|tenant_access_token/internal|batch_get_id|metadata/graphql)$"
)
FAST = {"requests_per_second": 500}


@dataclass(frozen=True)
class Said:
    """What a command ended with and said."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as one JSON document."""
        return json.loads(self.out)

    @property
    def problem(self) -> str:
        """What it said to people on standard error: everything but the JSON log lines."""
        return "\n".join(line for line in self.err.splitlines() if not line.startswith("{"))

    def expect(self, code: int) -> Said:
        """Itself, when it ended with this code and without a traceback."""
        assert self.code == code, f"exit {self.code}, expected {code}\n{self.out}\n{self.err}"
        assert "Traceback" not in self.out + self.err, self.err
        return self


def tieline(*arguments: str | Path) -> Said:
    """Run a command in this process, as the console script would."""
    out, err = io.StringIO(), io.StringIO()
    argv = ["tieline", *map(str, arguments)]
    code = 0
    with mock.patch.dict(os.environ), mock.patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def spawn(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start a command as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "sync.cli.main", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **CREDENTIALS, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def process(*arguments: str | Path, **environment: str) -> Said:
    """Run a command as a process of its own."""
    started = spawn(*arguments, **environment)
    out, err = started.communicate(timeout=60)
    return Said(started.returncode, out, err)


@dataclass(frozen=True)
class Company:
    """The running simulators, and the folder with tieline.yaml, mappings, SOPs and database."""

    world: World
    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "tieline.yaml"

    def say(self, *arguments: str | Path) -> Said:
        """A command in this process with this company's configuration."""
        return tieline(*arguments, "--config", self.config)

    def process(self, *arguments: str | Path, **environment: str) -> Said:
        """The same as a process of its own."""
        return process(*arguments, "--config", self.config, **environment)

    def run(self, code: int = 0, *arguments: str) -> Any:
        """`tieline run --json`, which must end with this code."""
        return self.say("run", "--json", *arguments).expect(code).json()

    def first_run(self) -> Any:
        return self.run(0, "--accept-first-run")

    def written(self, *arguments: str) -> dict[str, str]:
        """What a run that ends well wrote: key to operation."""
        return {change["key"]: change["operation"] for change in self.run(0, *arguments)["apply"]["written"]}

    def text(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")

    def rewrite(self, name: str, old: str, new: str) -> None:
        """Replace a text that stands in a file of the folder."""
        text = self.text(name)
        assert old in text, f"{old!r} is not in {name}"
        (self.folder / name).write_text(text.replace(old, new), encoding="utf-8")

    def configure(self, **changes: Any) -> None:
        """Set values of tieline.yaml; names with __ lead into it (``limits__max_changes=3``)."""
        yaml = YAML()
        tree = yaml.load(self.config)
        for path, value in changes.items():
            *way, last = path.split("__")
            here = tree
            for name in way:
                here = here.setdefault(name.replace("_", "-") if name in _dashed(here) else name, {})
            here[last] = value
        with self.config.open("w", encoding="utf-8") as file:
            yaml.dump(tree, file)

    def writes(self) -> list[LoggedRequest]:
        """The requests that reached any simulator and were meant to change something."""
        return [request for site in SITES for request in self.world.requests(site) if is_write(request)]

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Nothing inside may send a writing request to any simulator."""
        self.world.forget_requests()
        yield
        assert [f"{request.method} {request.path}" for request in self.writes()] == []


def _dashed(tree: Mapping[str, Any]) -> set[str]:
    """Names that a keyword must spell with underscores."""
    return {name.replace("-", "_") for name in tree if "-" in name}


def is_write(request: LoggedRequest) -> bool:
    return request.method not in ("GET", "HEAD") and not READ_BY_POST.search(request.path)


@contextmanager
def founded(folder: Path, language: str = "zh-CN", empty_world: bool = False) -> Iterator[Company]:
    """A company whose texts are in this language. Nothing waits: paces are wide, and a retry comes at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch, World(is_empty=empty_world) as world:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        patch.delenv("TIELINE_CONFIG", raising=False)
        patch.delenv("TIELINE_DATABASE", raising=False)
        patch.setattr(remote, "_wait_s", lambda _: 0.01)
        world.trello.limits.enforce = world.feishu.enforce_limits = False
        write_config(folder, world.urls())
        company = Company(world, folder)
        _prepare(company, language)
        yield company


def _prepare(company: Company, language: str) -> None:
    yaml = YAML()
    tree = yaml.load(company.config)
    tree["language"] = language
    # What is said in chats is neither taken back nor looked up by a ledger that forgot it: tests/hooks/test_answering.py has a company with one.
    tree["jobs"]["delays"] = {}
    for connection in tree["connections"].values():
        connection.update(FAST)
    with company.config.open("w", encoding="utf-8") as file:
        yaml.dump(tree, file)
    for path in (company.folder / "mappings").glob("*.yaml"):
        text = re.sub(r"^language: .*$", f"language: {language}", path.read_text(encoding="utf-8"), flags=re.M)
        # The story is dated around today: public holidays may not decide whether somebody is late.
        path.write_text(text.replace("    country: CN\n", ""), encoding="utf-8")
