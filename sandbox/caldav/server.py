"""Radicale in this process: its own code answers every request. Lists are folders, to-dos files; people write these."""

from __future__ import annotations

import io
import json
import os
import shutil
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import radicale.config
from radicale.app import Application

from sandbox.faults import Faults
from sandbox.http import Request, Response, text_response

USER, PASSWORD = "tieline", "pw-7c1e-of-the-caldav-account"
REALM = 'Basic realm="Radicale"'


class CalDavServer:
    """One server with one user, its files below ``folder``."""

    def __init__(
        self, folder: Path, name: str = "caldav", clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.name, self.clock, self.faults = name, clock, Faults()
        self.lock = threading.RLock()
        self.home = folder / "collection-root" / USER
        self.home.mkdir(parents=True)
        users = folder / "users"
        users.write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        configuration = radicale.config.load()
        settings: dict[str, Any] = {
            "storage": {"filesystem_folder": str(folder)},
            "auth": {"type": "htpasswd", "htpasswd_filename": str(users), "htpasswd_encryption": "plain", "delay": 0},
            "rights": {"type": "owner_only"},
            "logging": {"level": "critical"},
        }
        configuration.update(settings, "the sandbox", privileged=True)
        self._server = Application(configuration)
        self._serial = 0

    # -- the simulator's own protocol

    def handle(self, request: Request) -> Response:
        with self.lock:
            told: list[Any] = []
            answer = b"".join(self._server(_environ(request), lambda *said: told.extend(said)))
            headers = {name.lower(): value for name, value in told[1] if name.lower() != "content-length"}
            return Response(int(told[0].split()[0]), answer, headers)

    def rate_limited(self, request: Request, retry_after_s: int) -> Response:
        return Response(429, b"", {"retry-after": str(retry_after_s)})

    def unauthorized(self, request: Request) -> Response:
        return Response(401, b"", {"www-authenticate": REALM})

    def server_error(self, request: Request) -> Response:
        return text_response("Internal Server Error", 500)

    def load(self, payload: dict[str, Any]) -> str:
        raise ValueError("this simulator takes no payloads")

    def pages(self) -> list[tuple[str, str]]:
        return []

    # -- what people do

    def add_list(self, name: str, folder: str) -> str:
        """A task list; its path."""
        where = self.home / folder
        where.mkdir()
        about = {"tag": "VCALENDAR", "D:displayname": name, "C:supported-calendar-component-set": "VTODO"}
        (where / ".Radicale.props").write_text(json.dumps(about), encoding="utf-8")
        return f"/{USER}/{folder}/"

    def write(self, path: str, **lines: str) -> None:
        """Save a to-do; each keyword is a line of it, ``_`` for ``-``."""
        said = {
            "UID": path.rpartition("/")[2].removesuffix(".ics"),
            "DTSTAMP": f"{self.clock():%Y%m%dT%H%M%SZ}",
            **lines,
        }
        body = "\r\n".join(
            f"{name.replace('_', '-') if ';' not in name else name}:{value}" for name, value in said.items()
        )
        text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//people//EN\r\nBEGIN:VTODO\r\n{body}\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
        self.write_text(path, text)

    def write_text(self, path: str, text: str) -> None:
        """Save a file as it is, at the clock's time."""
        file = self.file(path)
        file.write_text(text, encoding="utf-8", newline="")
        at = self.clock().timestamp()
        os.utime(file, (at, at))

    def new(self, where: str, **lines: str) -> str:
        """A new to-do in a list; its path."""
        self._serial += 1
        path = f"{where}todo {self._serial}.ics"
        self.write(path, **lines)
        return path

    def file(self, path: str) -> Path:
        return self.home.parent / path.strip("/")

    def delete(self, path: str) -> None:
        self.file(path).unlink()

    def move(self, path: str, where: str) -> None:
        """Into another list, under the same name."""
        shutil.move(self.file(path), self.file(where))

    def hide(self, where: str) -> None:
        """Nobody shares this list with us any more."""
        shutil.move(self.file(where), self.home.parent.parent / "hidden")


def _environ(request: Request) -> Mapping[str, Any]:
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers.items()}
    return {
        **headers, "REQUEST_METHOD": request.method, "SCRIPT_NAME": "", "PATH_INFO": unquote(request.path), "QUERY_STRING": "",
        "CONTENT_TYPE": request.headers.get("content-type", ""), "CONTENT_LENGTH": str(len(request.body)), "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body), "wsgi.errors": io.StringIO(),
    }  # fmt: skip
