"""A door before each simulated site: it takes the canaries as credentials, lets good callers through with the real ones, and answers
as hostile or broken vendors and proxies do: repeating what it was sent, in every place where an answer has room for it.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

HOSTILE = (
    "echo_400", "echo_401", "echo_403", "echo_404", "echo_409", "echo_500", "echo_429", "echo_text", "echo_html", "echo_url",
    "echo_url_of_every_part", "echo_headers", "echo_cut", "echo_cut_at_the_end", "echo_shape", "echo_list", "echo_broken_utf8",
    "echo_broken_json", "redirect", "redirect_with_query", "echo_redirect", "echo_record", "echo_word",
)  # fmt: skip
HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding"})
Answer = tuple[int, dict[str, str], bytes]
JSON, TEXT = {"content-type": "application/json"}, {"content-type": "text/plain"}
STORY = ("支付接口开发", "支付流程测试", "Payment", "发票", "退款")


@dataclass
class Arrived:
    """What came in, without the header that carries the credentials."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Door:
    """One site's door. ``accepts`` is the one Authorization that is let in; ``real`` is what the site itself wants."""

    site: str
    upstream: str
    real: str
    accepts: str
    secrets: tuple[str, ...]
    chance: random.Random
    elsewhere: str = ""
    plan: list[str] = field(default_factory=list)  # hostile answers, one a request
    skip: int = 0
    arrived: list[Arrived] = field(default_factory=list)
    played: list[str] = field(default_factory=list)
    server: ThreadingHTTPServer | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> str:
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def close(self) -> None:
        if self.server:
            self.server.shutdown()
            self.server.server_close()

    def next_play(self) -> str:
        with self.lock:
            if self.skip > 0:
                self.skip -= 1
                return ""
            play = self.plan.pop(0) if self.plan else ""
            if play:
                self.played.append(play)
            return play


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """A caller that hangs up is part of the game."""


class Elsewhere:
    """Another host, where nobody may bring our credentials."""

    def __init__(self) -> None:
        self.heads: list[str] = []
        heads = self.heads

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heads.append(f"{self.requestline}\n{self.headers}")
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_: Any) -> None: ...

        self.server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.url = f"http://localhost:{self.server.server_address[1]}"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def _handler(door: Door) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            sent = {name.lower(): value for name, value in self.headers.items()}
            authorization = sent.pop("authorization", "")
            sent.pop("cookie", None)  # the site's own words, and only this site gets them back
            door.arrived.append(Arrived(self.command, self.path, sent, body))
            play = door.next_play()
            if play and play not in ("echo_record", "echo_word"):
                self.answer(*hostile(play, door, authorization, self.path))
                return
            if authorization == door.accepts:
                sent["authorization"] = door.real
            self.relay(sent, body, _told(door, play) if play else None)

        do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_GET  # noqa: N815

        def relay(self, sent: Mapping[str, str], body: bytes, change: Callable[[bytes], bytes] | None) -> None:
            upstream = http.client.HTTPConnection(urlsplit(door.upstream).netloc, timeout=20)
            try:
                headers = {name: value for name, value in sent.items() if name not in HOP}
                upstream.request(self.command, self.path, body or None, headers)
                response = upstream.getresponse()
                try:
                    data = response.read()
                except http.client.IncompleteRead as cut:
                    self.answer(response.status, dict(response.getheaders()), cut.partial, is_cut=True)
                    return
                data = change(data) if change else data
                self.answer(response.status, dict(response.getheaders()), data)
            except (OSError, http.client.HTTPException):
                self.close_connection = True
                with suppress(OSError):
                    self.connection.shutdown(2)
            finally:
                upstream.close()

        def answer(self, status: int, headers: Mapping[str, str], body: bytes, is_cut: bool = False) -> None:
            lines = [f"HTTP/1.1 {status} Said"]
            lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() not in HOP]
            lines.append(f"content-length: {len(body) + (100 if is_cut else 0)}")
            head = "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")
            self.wfile.write(head + (b"" if self.command == "HEAD" else body))
            self.close_connection = is_cut or self.close_connection

        def log_message(self, *_: Any) -> None: ...

    return Handler


def _told(door: Door, play: str) -> Callable[[bytes], bytes]:
    """The site's own answer, with our secret written by somebody into an item (a vendor's history or a careless colleague)."""
    secret = door.chance.choice(door.secrets)
    said = json.dumps(secret, ensure_ascii=door.chance.random() < 0.5)[1:-1]

    def change(data: bytes) -> bytes:
        for word in STORY if play == "echo_word" else STORY[:2]:
            for form in (json.dumps(word)[1:-1], word):
                data = data.replace(form.encode(), f"{form} {said}".encode())
        return data

    return change


def hostile(play: str, door: Door, authorization: str, target: str) -> Answer:
    """(status, headers, body) of an answer that repeats what was sent."""
    chance = door.chance
    said = _encoded(chance, chance.choice([authorization, *door.secrets, "&".join(door.secrets)]))
    key, token = quote(door.secrets[0], safe=""), _quoted(chance, door.secrets[-1])
    url = f"{door.upstream}{target.partition('?')[0]}?key={key}&token={token}"
    if play in ("redirect", "redirect_with_query", "echo_redirect"):
        way = {"redirect": f"{door.elsewhere}/login", "echo_redirect": url}.get(
            play, f"{door.elsewhere}/login?key={key}&token={quote(token, safe='')}"
        )
        return chance.choice([301, 302, 303, 307, 308]), {"location": way.replace("\n", "%0A")}, b""
    if play[5:].isdigit():
        status = int(play[5:])
        extra = {"retry-after": "120"} if status == 429 else {}
        return status, {**JSON, **extra}, json.dumps(_shape(chance, said)).encode()
    return SAYS[play](chance, said, url)


def _in_text(chance: random.Random, said: str, _: str) -> Answer:
    return chance.choice([400, 401, 403, 500, 502]), TEXT, f"rejected: {said}".encode()


def _in_html(chance: random.Random, said: str, _: str) -> Answer:
    return chance.choice([200, 401, 403, 502]), {"content-type": "text/html"}, f"<p>{said}</p>".encode()


def _in_url(chance: random.Random, _: str, url: str) -> Answer:
    return chance.choice([400, 404, 410, 500]), TEXT, f"GET {url} failed".encode()


def _in_every_part(chance: random.Random, said: str, url: str) -> Answer:
    parts = {"url": url, "auth": said, "message": url, "error": said, "code": said, "reason": said}
    return chance.choice([400, 403, 409, 422, 500]), JSON, json.dumps(parts).encode()


def _in_headers(chance: random.Random, said: str, _: str) -> Answer:
    names = ("www-authenticate", "x-authentication-denied-reason", "x-seraph-loginreason", "ratelimit-reason", "location",
             "x-trello-said", "server", "x-request-id", "set-cookie")  # fmt: skip
    line = said.replace("\n", " ").replace("\r", " ")
    return chance.choice([200, 400, 401, 403, 429, 503]), {**JSON, **dict.fromkeys(names, line)}, b"{}"


def _cut(chance: random.Random, said: str, _: str) -> Answer:
    """Where readers of errors keep a sample of 200, 300, 500 or 2,000 characters, the secret lies across the end of it."""
    limit = chance.choice([200, 300, 500, 2000])
    return chance.choice([200, 400, 500]), TEXT, ("x" * (limit - 20 - chance.randrange(8)) + said).encode()


def _cut_at_the_end(chance: random.Random, said: str, _: str) -> Answer:
    return 200, JSON, ('{"a": "' + said + "y" * (180 - chance.randrange(8))).encode()


def _in_shape(_: random.Random, said: str, __: str) -> Answer:
    return 200, JSON, json.dumps({said: said, "id": said, "values": said, "total": said}).encode()


def _in_list(_: random.Random, said: str, __: str) -> Answer:
    return 200, JSON, json.dumps([said, {"id": said, "name": said, "key": said}]).encode()


def _in_broken_utf8(chance: random.Random, said: str, _: str) -> Answer:
    return chance.choice([200, 400]), JSON, b'{"a": "\xff' + said.encode() + b'"}'


def _in_broken_json(_: random.Random, said: str, __: str) -> Answer:
    return 200, JSON, ('{"a": ' + said + "}").encode()


SAYS: dict[str, Callable[[random.Random, str, str], Answer]] = {
    "echo_text": _in_text, "echo_html": _in_html, "echo_url": _in_url, "echo_url_of_every_part": _in_every_part,
    "echo_headers": _in_headers, "echo_cut": _cut, "echo_cut_at_the_end": _cut_at_the_end, "echo_shape": _in_shape,
    "echo_list": _in_list, "echo_broken_utf8": _in_broken_utf8, "echo_broken_json": _in_broken_json,
}  # fmt: skip


def _shape(chance: random.Random, said: str) -> Any:
    return chance.choice(
        [
            {"errorMessages": [said], "errors": {"field": said}},
            {"message": said, "error": "E"},
            {"errors": [{"status": 400, "code": said, "title": said, "detail": said}]},
            {"statusCode": 400, "message": f"com.atlassian: {said}", "reason": said},
            {"code": 400, "message": said},
            said,
        ]
    )


def _encoded(chance: random.Random, text: str) -> str:
    ways: list[Callable[[str], str]] = [str, str, quote, quote_plus, repr, json.dumps, _base64]
    return chance.choice(ways)(text)


def _quoted(chance: random.Random, text: str) -> str:
    ways: list[Callable[[str], str]] = [quote, quote_plus, str]
    return chance.choice(ways)(text)


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
