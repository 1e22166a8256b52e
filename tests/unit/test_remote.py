"""The guarded way out, over real HTTP: what is retried, what never is, and what must not leave."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest
import requests

from sandbox.faults import Fault
from sandbox.server import Sandbox
from sync.core.errors import AccessDenied, LostAnswer, Nonsense, Refused, TryLater, Unreachable
from sync.remote import Pace, Remote, keep_secret, redact, retry_after_from
from sync.remote_session import mount
from tests.unit.echo import EchoSimulator


def decipher(status: int, headers: Mapping[str, str], body: bytes) -> None:
    if status == 429:
        raise TryLater("slow down", retry_after_from(headers), reason="rate_limited")
    if status >= 500:
        raise TryLater("server error", reason="server")
    if status == 401:
        raise AccessDenied("bad token")
    if not body.startswith((b"{", b"[")):
        raise Nonsense(expected="JSON", sample=body.decode())


@pytest.fixture
def echo() -> Iterator[tuple[EchoSimulator, Remote, list[float]]]:
    simulator = EchoSimulator()
    pauses: list[float] = []
    with Sandbox([simulator]) as sandbox:
        remote = Remote(
            "echo", sandbox.url("echo"), {"authorization": "Bearer s3cret"}, decipher, Pace(500, 4), pauses.append
        )
        yield simulator, remote, pauses
        remote.close()


Echo = tuple[EchoSimulator, Remote, list[float]]


@pytest.mark.parametrize("kind", ["server_error", "reset", "html", "truncated", "lost_answer"])
def test_a_safe_request_survives_a_passing_fault(echo: Echo, kind: str) -> None:
    simulator, remote, _ = echo
    simulator.faults.plan(Fault(kind, times=2))  # type: ignore[arg-type]
    assert remote.send("GET", "/x").read()["path"] == "/x"
    assert remote.request_count == 3


def test_retry_after_is_honoured_and_all_threads_wait(echo: Echo) -> None:
    simulator, remote, pauses = echo
    simulator.faults.plan(Fault("rate_limited", value=7))
    remote.send("POST", "/x", json={})
    assert max(pauses) >= 7
    assert simulator.handled == ["POST /x"]


def test_a_windows_worth_of_requests_goes_at_once_and_the_next_one_waits_for_the_window() -> None:
    with Sandbox([EchoSimulator()]) as sandbox:
        remote = Remote("echo", sandbox.url("echo"), {}, decipher, Pace(5, 4, window_s=1.4))
        remote.send("GET", "/x")
        started = time.monotonic()
        for _ in range(6):
            remote.send("GET", "/x")
        assert time.monotonic() - started < 1.0
        remote.send("GET", "/x")
        assert time.monotonic() - started >= 1.2
        remote.close()


def test_where_a_window_is_not_worth_one_request_the_window_grows() -> None:
    with Sandbox([EchoSimulator()]) as sandbox:
        remote = Remote("echo", sandbox.url("echo"), {}, decipher, Pace(4, 4, window_s=0.1))
        remote.send("GET", "/x")
        started = time.monotonic()
        remote.send("GET", "/x")
        assert time.monotonic() - started >= 0.15
        remote.close()


def test_a_long_retry_after_is_for_the_next_run(echo: Echo) -> None:
    simulator, remote, _pauses = echo
    simulator.faults.plan(Fault("rate_limited", value=3600))
    with pytest.raises(TryLater) as caught:
        remote.send("GET", "/x")
    assert caught.value.retry_after == timedelta(hours=1)
    assert remote.request_count == 1
    with pytest.raises(TryLater, match="asked for a pause"):
        remote.send("GET", "/y")
    assert simulator.handled == []


@pytest.mark.parametrize("kind", ["lost_answer", "server_error", "reset", "truncated", "html"])
def test_a_write_of_unknown_fate_is_never_sent_twice(echo: Echo, kind: str) -> None:
    simulator, remote, _ = echo
    simulator.faults.plan(Fault(kind))  # type: ignore[arg-type]
    with pytest.raises(LostAnswer):
        remote.send("POST", "/x", json={})
    assert remote.request_count == 1


def test_a_write_by_a_library_follows_the_same_rule(echo: Echo) -> None:
    simulator, remote, _ = echo
    session = requests.Session()
    mount(session, remote)
    simulator.faults.plan(Fault("lost_answer"))
    with pytest.raises(LostAnswer):
        session.post(f"{remote.base_url}/x", json={"a": 1})
    assert remote.request_count == 1


def test_a_library_gets_our_credentials_not_its_own(echo: Echo) -> None:
    simulator, remote, _ = echo
    session = requests.Session()
    mount(session, remote)
    answer = session.get(f"{remote.base_url}/y", auth=("library", "password"), params={"q": "中"})
    assert answer.json()["path"] == "/y"
    assert simulator.headers[0]["authorization"] == "Bearer s3cret"


def test_nothing_is_sent_to_another_host(echo: Echo) -> None:
    simulator, remote, _ = echo
    session = requests.Session()
    mount(session, remote)
    for url in ("http://127.0.0.1:9/x", f"{remote.base_url}@evil.example/", "http://localhost:1/"):
        with pytest.raises(Refused):
            session.get(url)
    assert simulator.handled == []


def test_no_connection_is_unreachable_for_any_method() -> None:
    remote = Remote("down", "http://127.0.0.1:9", {}, decipher, sleep=lambda _: None)
    with pytest.raises(Unreachable):
        remote.send("POST", "/x", json={})
    remote.close()


def test_a_refused_token_is_not_retried(echo: Echo) -> None:
    simulator, remote, _ = echo
    simulator.faults.plan(Fault("unauthorized", times=9))
    with pytest.raises(AccessDenied):
        remote.send("GET", "/x")
    assert remote.request_count == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", timedelta(seconds=5)),
        ("0.5", timedelta(seconds=0.5)),
        ("-3", timedelta(0)),
        ("Mon, 23 Nov 2026 09:00:30 GMT", timedelta(seconds=30)),
        ("Mon, 23 Nov 2026 08:00:00 GMT", timedelta(0)),
        ("soon", None),
        ("", None),
    ],
)
def test_retry_after_forms(text: str, expected: timedelta | None) -> None:
    now = datetime(2026, 11, 23, 9, tzinfo=UTC)
    assert retry_after_from({"retry-after": text}, now) == expected


def test_secrets_are_masked() -> None:
    keep_secret("hunter2-token", "hunter2")
    assert redact("token=hunter2-token and hunter2!") == "token=*** and ***!"


@pytest.mark.parametrize(
    ("sample", "shown"),
    [
        ('{"id": "7", "title": "核心商户名单", "n": [1, "赔付"', "JSON with id, title, n"),
        ('\ufeff[{"name":"a \\" b","x":null}', "JSON with name, x"),
        ('{"title": "半句 \\', "JSON with title"),
        ('半句，后面没有了"}', "10 characters that are no JSON"),
        ("<!DOCTYPE html><title>Sign in</title>", "an HTML page, such as a login page in front of the site"),
        ("<p>核心商户名单", "markup"),
        ({"title": "核心商户名单", "核心商户": 1}, "an object with title"),
        (b"", "an empty body"),
    ],
)
def test_an_answer_that_is_nonsense_is_told_by_its_kind_and_never_quoted(sample: object, shown: str) -> None:
    """It may be a restricted record, and errors are read by everybody who reads logs and findings."""
    assert Nonsense(expected="a page", sample=sample).found == shown
