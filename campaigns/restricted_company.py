"""The configuration of a company to be kept quiet about, and its command line in this process, over simulators without sockets."""

from __future__ import annotations

import gc
import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import typer

from campaigns.kills_points import is_write
from campaigns.restricted_items import BOARDS, HOST, LISTS, PROJECT, SPACE
from sandbox.http import Request, Response, query_from_string
from sandbox.world import CREDENTIALS
from sync import app, gate
from sync.cli import main as command_line
from sync.cli import show
from sync.config import load_config
from sync.store.store import Store

CONNECTIONS = {
    "jira-main": "{type: jira, variant: cloud, email: env:JIRA_EMAIL, token: env:JIRA_TOKEN",
    "jira-dc": "{type: jira, variant: dc, token: env:JIRA_DC_TOKEN",
    "trello-main": "{type: trello, key: env:TRELLO_KEY, token: env:TRELLO_TOKEN",
    "wiki-cloud": "{type: confluence, variant: cloud, email: env:CONFLUENCE_EMAIL, token: env:CONFLUENCE_TOKEN",
    "wiki-dc": "{type: confluence, variant: dc, token: env:CONFLUENCE_DC_TOKEN",
    "chat-main": "{type: feishu, variant: app, app_id: env:FEISHU_APP_ID, app_secret: env:FEISHU_APP_SECRET",
}
SITE = {"jira-main": "jc", "jira-dc": "jd", "trello-main": "tr", "wiki-cloud": "kc", "wiki-dc": "kd", "chat-main": "fs"}
DEPARTMENTS = {"PAY": "技术部", "FIN": "财务部", "看板甲": "产品部", "看板乙": "市场部", "看板丙": "销售部"}
_WORDS = ", ".join(f"{name}: {department}" for name, department in DEPARTMENTS.items())
_JIRA = f"""
status: {{待办: todo, 进行中: in_progress, 已完成: done, To Do: todo, In Progress: in_progress, Done: done}}
task:
  title: summary
  vendor_status: status.name
  owner: assignee
  start: {{field: customfield_10015, name: Start date}}
  due: duedate
  finished: resolutiondate
  parent: parent.id
  project: project.key
  labels: labels
  priority: priority.name
  department: {{path: project.key, words: {{{_WORDS}}}}}
dependencies:
  - {{link: Blocks, outward: predecessor}}
  - {{link: Relates, relation: relates}}
  - {{text: description, pattern: '依赖：(?P<key>\\S+)', other: predecessor, confidence: 0.9}}
confidence_threshold: 0.8
"""
_TRELLO = f"""
status: {{{", ".join(f"{word}: {status}" for word, status in zip(LISTS, ("todo", "in_progress", "done"), strict=True))}}}
task:
  title: name
  vendor_status: list.name
  owner: members[0]
  start: start
  due: due
  finished: dateCompleted
  project: board.name
  labels: {{jmespath: "labels[].name"}}
  department: {{path: board.name, words: {{{_WORDS}}}}}
dependencies:
  - {{checklist: [依赖], other: predecessor, confidence: 0.9}}
  - {{attachment: true, other: successor, confidence: 0.85}}
confidence_threshold: 0.8
"""
_CONFIG = """\
installation: quiet
database: sqlite:///quiet.sqlite
language: {language}
zone: Asia/Shanghai
limits: {{max_changes: 10000, max_share: 1, max_first_run_changes: 10000}}
jobs:
  delays: {{}}
  status_view: {{pages: [{{connection: {connection}, space: {space}, title: 跨部门状态}}]}}
  retrospectives: {{connection: {connection}, space: {space}, severity: info, min_slip_days: 1}}
{digests}{adoption}connections:
"""
# The calls of a world come at any hour, so its people are told at any hour.
_DIGESTS = "  digests: {chats: [{connection: chat-main}], is_at_any_time: true, most_items: 50}\n"


@dataclass(frozen=True)
class Form:
    """One configuration: which tools it joins, in which language, and whether the first day is taken stock of."""

    sites: tuple[str, ...]
    language: str
    has_first_day: bool = False


FORMS = (
    Form(("fs", "jc", "tr", "kc"), "zh-CN"),
    Form(("jc", "jd", "tr", "kc"), "zh-CN", has_first_day=True),
    Form(("fs", "jc", "jd", "tr", "kd"), "en"),
    Form(("jd", "tr", "kd"), "en", has_first_day=True),
)


def prepare(folder: Path) -> None:
    """What all worlds of one worker share: a configuration in each form, and an empty database to copy."""
    os.environ.update(CREDENTIALS)
    for number, form in enumerate(FORMS):
        _write(folder / str(number), form)
    with Store.open(f"sqlite:///{folder / 'template.sqlite'}") as store:
        store.migrate()


def _write(folder: Path, form: Form) -> None:
    mappings = folder / "mappings"
    mappings.mkdir(parents=True)
    site = form.sites[-1]
    wiki = {"connection": "wiki-cloud" if site == "kc" else "wiki-dc", "space": SPACE[site]}
    page = f"adoption: {{page: {{connection: {wiki['connection']}, space: {wiki['space']}, title: 盘点}}}}\n"
    adoption, digests = page if form.has_first_day else "", _DIGESTS if "fs" in form.sites else ""
    lines = [_CONFIG.format(language=form.language, adoption=adoption, digests=digests, **wiki)]
    scopes: Mapping[str, Any] = {**PROJECT, **SPACE, "tr": ", ".join(BOARDS)}
    for name, settings in CONNECTIONS.items():
        if SITE[name] not in form.sites:
            continue
        host = HOST[SITE[name]]
        lines.append(
            f"  {name}: {settings}, base_url: http://{host}, browse_base: http://{host}, requests_per_second: 100000}}\n"
        )
        if SITE[name] == "fs":
            continue
        kind = {"jc": _JIRA, "jd": _JIRA, "tr": _TRELLO}.get(SITE[name], "")
        text = f"version: 1\nscope: [{scopes[SITE[name]]}]\nlanguage: {form.language}\nzone: Asia/Shanghai\n{kind}"
        (mappings / f"{name}.yaml").write_text(text, encoding="utf-8")
    heads = "".join(
        f"  {name}: {{english_name: Dept{n}, head: head-{n}}}\n" for n, name in enumerate(DEPARTMENTS.values())
    )
    people = "".join(
        f"  head-{n}: {{name: 部长{n}, department: {name}, email: head-{n}@example.com, accounts: {{trello-main: [head-{n}]}}}}\n"
        for n, name in enumerate(DEPARTMENTS.values())
    )
    (mappings / "departments.yaml").write_text(f"departments:\n{heads}", encoding="utf-8")
    (mappings / "people.yaml").write_text(f"people:\n{people}", encoding="utf-8")
    (folder / "tieline.yaml").write_text("".join(lines), encoding="utf-8")


@dataclass
class Wire:
    """Carries what the product sends to the simulators of the present world, and keeps what it wrote."""

    sites: dict[str, Any] = field(default_factory=dict)
    written: list[tuple[str, str, str, bytes]] = field(default_factory=list)  # site, method, path with query, body
    broken: dict[str, str] = field(default_factory=dict)  # site: what its next answers look like

    def carry(self, request: httpx.Request) -> httpx.Response:
        name = request.url.host.removesuffix(".test")
        raw = request.url.raw_path.decode("latin-1")
        path, _, query = raw.partition("?")
        headers = {key.lower(): value for key, value in request.headers.items()}
        base = f"{request.url.scheme}://{request.url.netloc.decode()}"
        body = request.read()
        if is_write(request.method, path):
            self.written.append((name, request.method, raw, body))
        answer: Response = self.sites[name].handle(
            Request(request.method, path, query_from_string(query), headers, body, base)
        )
        content = self._bent(name, answer.body)
        return httpx.Response(
            answer.status,
            headers=[("date", formatdate(usegmt=True)), *answer.headers.items()],
            content=content,
            request=request,
        )

    def _bent(self, name: str, body: bytes) -> bytes:
        """A body as something between us and the vendor left it."""
        how = self.broken.get(name)
        if how is None or len(body) < 200:
            return body
        return {"half": body[: len(body) // 2], "tail": body[60:], "twice": body + body}[how]


@contextmanager
def in_this_process(wire: Wire) -> Iterator[None]:
    """Inside, the product's command line runs here, reaches the simulators only, and reads an unchanged configuration once."""

    @cache
    def once(path: Path) -> Any:
        return load_config(path)

    @cache
    def mappings_of(path: str) -> Any:
        return plain(once(Path(path)))

    plain = app.load_mappings
    with ExitStack() as stack:
        stack.enter_context(patch.object(httpx.HTTPTransport, "handle_request", lambda _, request: wire.carry(request)))
        stack.enter_context(patch.object(app, "load_config", once))
        stack.enter_context(patch.object(app, "load_mappings", lambda loaded: mappings_of(loaded.file)))
        stack.enter_context(
            patch.object(gc, "freeze", lambda: None)
        )  # thousands of processes in one would fill the memory
        stack.enter_context(patch.object(show.console, "_width", 4000))  # nothing is folded: a word stays a word
        stack.enter_context(patch("sync.remote.time.sleep", lambda _: None))
        # Built once, as a real process does, and not for every command of this one.
        stack.enter_context(patch.object(command_line, "app", typer.main.get_command(command_line.app)))
        stack.enter_context(patch.object(Store, "open", _opened_with_shared_statements(Store.open)))
        yield


def _opened_with_shared_statements(plain: Callable[..., Store]) -> Callable[..., Store]:
    """SQLAlchemy compiles each statement once per engine; all these processes share what a real one would compile anew."""
    statements: dict[str, Any] = {}

    def open_store(url: str) -> Store:
        store = plain(url)
        store._engine._compiled_cache = statements.setdefault("", store._engine._compiled_cache)
        return store

    return open_store


def tieline(config: Path, database: Path, *arguments: str) -> tuple[int, str]:
    """Run a command as `tieline` does; its exit code and everything it printed or logged."""
    said = io.StringIO()
    os.environ["TIELINE_DATABASE"] = f"sqlite:///{database}"
    os.environ["TIELINE_CONFIG"] = str(config)
    gate._gates.clear()
    with redirect_stdout(said), redirect_stderr(said), patch.object(sys, "argv", ["tieline", *arguments]):
        try:
            command_line.main()
            code: object = 0
        except SystemExit as ended:
            code = ended.code
    return int(code or 0) if isinstance(code, int | None) else 1, said.getvalue()


def new_database(folder: Path, name: str) -> Path:
    path = folder / name
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copyfile(folder / "template.sqlite", path)
    return path
