"""A company whose every credential is a canary, and all that leaves it: what is said, raised, stored, sent and measured."""

from __future__ import annotations

import base64
import io
import os
import random
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

from prometheus_client import generate_latest
from ruamel.yaml import YAML

from campaigns.secrets_canaries import KINDS, Canaries
from campaigns.secrets_door import Door, Elsewhere
from sandbox.world import CREDENTIALS, World
from sync.app import App, build
from sync.cli import log
from sync.cli.demo import write_config
from sync.cli.main import main
from sync.cli.serve import Service
from sync.core.errors import TielineError

SITES = {
    "jira-main": "jira-cloud", "jira-finance": "jira-dc", "trello-main": "trello",
    "confluence-main": "confluence-cloud", "confluence-ops": "confluence-dc",
}  # fmt: skip
FIT_FOR_HEADERS = tuple(kind for kind in KINDS if kind not in ("foreign", "two_lines"))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def oauth(key: str, token: str) -> str:
    return f'OAuth oauth_consumer_key="{key}", oauth_token="{token}"'


REAL = {
    "jira-main": basic(CREDENTIALS["JIRA_EMAIL"], CREDENTIALS["JIRA_TOKEN"]),
    "jira-finance": f"Bearer {CREDENTIALS['JIRA_DC_TOKEN']}",
    "trello-main": oauth(CREDENTIALS["TRELLO_KEY"], CREDENTIALS["TRELLO_TOKEN"]),
    "confluence-main": basic(CREDENTIALS["CONFLUENCE_EMAIL"], CREDENTIALS["CONFLUENCE_TOKEN"]),
    "confluence-ops": f"Bearer {CREDENTIALS['CONFLUENCE_DC_TOKEN']}",
}


class Company:
    """One folder, one set of canaries, one door before each site."""

    def __init__(self, chance: random.Random, world: World, folder: Path, elsewhere: Elsewhere, number: int) -> None:
        self.chance, self.world, self.folder, self.elsewhere = chance, world, folder, elsewhere
        self.canaries = Canaries(chance)
        self.environment: dict[str, str] = {}
        self.raised: list[BaseException] = []
        self.forms: list[str] = []
        self.turn = number * 5
        self.doors = {name: self._door(name) for name in SITES}
        urls = {**self.world.urls(), **{SITES[name]: door.open() for name, door in self.doors.items()}}
        self.config = write_config(folder, urls)
        self._configure(number)

    # -- credentials

    def _door(self, name: str) -> Door:
        accepts, secrets = self._sign_in(name)
        chance = random.Random(self.chance.random())
        return Door(SITES[name], self.world.url(SITES[name]), REAL[name], accepts, secrets, chance, self.elsewhere.url)

    def _sign_in(self, name: str) -> tuple[str, tuple[str, ...]]:
        """Choose how this connection signs in: what its door accepts, and the secrets."""
        self.auth = getattr(self, "auth", {})
        way = self.chance.choice(["token", "password"]) if name == "jira-finance" else ""
        if name == "trello-main":
            key, token = self._secret(name, "key"), self._secret(name, "token")
            return oauth(key, token), (key, token)
        if way == "password" or name in ("jira-main", "confluence-main"):
            user, secret = ("user", "password") if way else ("email", "token")
            who = f"u{self.chance.randrange(1000)}@example.org"
            self.auth.setdefault(name, {})[user] = who
            text = self._secret(name, secret, who)
            return basic(who, text), (text,)
        text = self._secret(name, "token")
        return f"Bearer {text}", (text,)

    def _secret(self, name: str, what: str, before: str = "") -> str:
        odd = self.chance.random() < 0.02
        kind = self.chance.choice(("foreign", "two_lines") if odd else (*FIT_FOR_HEADERS, "within"))
        canary = self.canaries.new(f"{name}.{what}", kind, before)
        self.forms.append(f"{kind} in {name}.{what}")
        self.auth.setdefault(name, {})[what] = self._kept(canary.name, canary.text)
        return canary.text

    def _kept(self, name: str, text: str) -> str:
        """The reference that tieline.yaml holds."""
        if self.chance.random() < 0.5:
            variable = "S_" + name.replace("-", "_").replace(".", "_").upper()
            self.environment[variable] = text
            return f"env:{variable}"
        path = self.folder / "secrets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() + self.chance.choice([b"", b"\n", b"\r\n"]))
        return f"file:secrets/{name}"

    def _configure(self, number: int) -> None:
        tree = self._tree()
        tree["installation"] = f"s{number}"
        tree["connections"] = {name: tree["connections"][name] for name in SITES}  # these have a door
        tree["jobs"]["delays"] = {}
        del tree["jobs"]["status_view"]["tables"]
        tree["limits"] = {"max_changes": 500, "max_share": 1.0, "max_first_run_changes": 500}
        for name, connection in tree["connections"].items():
            for old in ("email", "token", "key"):
                connection.pop(old, None)
            beside = self.auth[name]
            connection.update({"auth": beside} if self.chance.random() < 0.5 else beside)
            connection["requests_per_second"] = 1000
            if name in ("jira-main", "jira-finance", "trello-main", "confluence-ops") and self.chance.random() < 0.6:
                canary = self.canaries.new(f"{name}.webhook_secret", self.chance.choice(FIT_FOR_HEADERS))
                connection["webhook_secret"] = self._kept(canary.name, canary.text)
        self.save(tree)

    def _tree(self) -> Any:
        return YAML().load(self.config)

    def save(self, tree: Any) -> None:
        with self.config.open("w", encoding="utf-8") as file:
            YAML().dump(tree, file)

    def change(self, change: Any) -> None:
        tree = self._tree()
        change(tree)
        self.save(tree)

    def hide_database(self, scheme: str) -> None:
        """A database that cannot be reached, whose URL holds a password."""
        canary = self.canaries.new("database", self.chance.choice(("plain", "special", "foreign", "within")))
        word = quote(canary.text, safe="")
        url = f"{scheme}://tieline:{word}@127.0.0.1:1/tieline"
        if self.chance.random() < 0.3:
            url = f"{scheme}://127.0.0.1:1/tieline?user=tieline&password={word}"
        self.change(lambda tree: tree.update(database=self._kept("database", url)))

    # -- what it does

    @contextmanager
    def inside(self) -> Iterator[None]:
        with patch.dict(os.environ, self.environment):
            os.environ.pop("TIELINE_CONFIG", None)
            os.environ.pop("TIELINE_DATABASE", None)
            yield

    def say(self, *arguments: str) -> tuple[int, str]:
        """A command: its exit code, and all it said."""
        out, code = io.StringIO(), 0
        argv = ["tieline", *arguments, "--config", str(self.config)]
        listening = (patch.object(log, "say_error", self._heard(log.say_error)),
                     patch.object(log, "say_internal_error", self._heard(log.say_internal_error)))  # fmt: skip
        with listening[0], listening[1], patch.object(sys, "argv", argv), redirect_stdout(out), redirect_stderr(out):
            try:
                main()
            except SystemExit as end:
                code = int(end.code or 0)
        return code, out.getvalue()

    def _heard(self, original: Any) -> Any:
        def heard(error: BaseException) -> None:
            self.raised.append(error)
            original(error)

        return heard

    def ask_directly(self) -> str:
        """Every port without the command line, so that errors are seen as they are raised; and the service's own state."""
        out = io.StringIO()
        with redirect_stdout(out), redirect_stderr(out):
            log.set_up_logging(is_quiet=False)
            try:
                app = build(self.config)
            except TielineError as error:
                self.raised.append(error)
                return out.getvalue()
            try:
                self._ask(app)
                said = self._serve(app)
            finally:
                app.close()
        return out.getvalue() + said

    def _ask(self, app: App) -> None:
        for name in SITES:
            asks: list[Any] = [lambda it: it.identify(), lambda it: it.vocabulary(), lambda it: list(it.probes())]
            for ask in asks:
                try:
                    ask(app.connections.source(name))
                except Exception as error:  # noqa: BLE001 - the oracle reads whatever comes
                    self.raised.append(error)
                    with suppress(Exception):
                        log.say_internal_error(error)

    def _serve(self, app: App) -> str:
        service = Service(self.config, app)
        service._guarded(service._cycle)
        return service.health().model_dump_json() + service.detail

    def close(self) -> None:
        for door in self.doors.values():
            door.close()

    # -- what leaves it

    def leaves(self) -> Iterator[tuple[str, bytes]]:
        """(where, bytes) of all that is kept or sent."""
        for path in sorted(self.folder.glob("*.sqlite*")):
            yield f"database {path.suffix}", path.read_bytes()
        yield "metrics", generate_latest()
        for error in self.raised:
            yield from told(error)

    def sent(self) -> Iterator[tuple[str, str, bytes]]:
        """(site, target, bytes) of what reached a site, but for the header that carries credentials."""
        for name, door in self.doors.items():
            for item in door.arrived:
                data = f"{item.method} {item.target}\n{item.headers}\n".encode() + item.body
                yield name, item.target, data


def told(error: BaseException) -> Iterator[tuple[str, bytes]]:
    """All that an error and what caused it can tell: its sentence, its repr, its attributes, an uncaught traceback."""
    yield "traceback", "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each in seen:
            continue
        seen.append(each)
        kept = {name: value for name, value in vars(each).items() if isinstance(value, str | bytes | dict | tuple)}
        text = f"{each}\n{each!r}\n{kept}"
        yield f"error {type(each).__name__}", text.encode("utf-8", "backslashreplace")
        waiting += [link for link in (each.__cause__, each.__context__) if link]
        waiting += list(getattr(each, "exceptions", ()))
