"""Answers heard over the long connection: acknowledged when taken, in pieces, after a kick, and refused credentials."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.feishu import CONNECTOR
from connectors.feishu.frames import Frame, decoded, encoded
from sandbox.feishu import APP_ID, FeishuSimulator
from sync.core.errors import AccessDenied, Nonsense
from sync.core.messages import Answer, Listener, Message
from sync.core.ports import ConnectionSettings
from sync.core.rich_text import Paragraph, Text
from tests.conformance.subjects import hurry, served
from tests.connectors.test_feishu import PRESSED
from tests.connectors.test_feishu_live import stage


class Hearing:
    """A listener in a thread of its own, and what it heard."""

    def __init__(self) -> None:
        self.subject, _ = stage("app")
        self.long = self.subject.simulator.long
        self.heard: list[Answer] = []
        self.fails = self.is_over = False
        self.thread = threading.Thread(target=self.subject.connection.listen, args=(self.take, lambda: self.is_over))

    def take(self, answer: Answer) -> Message | None:
        if self.fails:
            raise ValueError
        self.heard.append(answer)
        return Message((Paragraph((Text("已由张伟处理"),)),)) if answer.action else None

    def wait(self) -> None:
        until = time.monotonic() + 10
        while not self.long.channels and time.monotonic() < until:
            time.sleep(0.02)
        assert self.long.channels


@pytest.fixture
def hearing() -> Iterator[Hearing]:
    made = Hearing()
    made.long.ping_interval = 1
    made.thread.start()
    made.wait()
    yield made
    made.is_over = True
    made.thread.join(5)
    assert not made.thread.is_alive()
    made.subject.connection.close()


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_pressed_button_is_heard_and_answered_with_a_card(hearing: Hearing, pieces: int) -> None:
    assert isinstance(hearing.subject.connection, Listener)
    reply: Any = hearing.long.deliver(PRESSED, pieces)
    assert [one.mark for one in hearing.heard] == ["m"]
    assert reply["code"] == 200
    assert reply["data"]["toast"]["type"] == "success"
    assert "已由张伟处理" in str(reply["data"]["card"]["data"])


def test_what_was_not_taken_is_not_acknowledged_and_the_next_one_is(hearing: Hearing) -> None:
    hearing.fails = True
    assert hearing.long.deliver(PRESSED, within_s=0.5) is None
    hearing.fails = False
    assert hearing.long.deliver(PRESSED)


def test_it_pings_and_comes_back_after_a_kick(hearing: Hearing) -> None:
    until = time.monotonic() + 5
    while not hearing.long.pings and time.monotonic() < until:
        time.sleep(0.05)
    assert hearing.long.pings
    hearing.long.kick()
    time.sleep(0.3)
    hearing.wait()
    assert hearing.long.deliver(PRESSED)


def test_refused_credentials_end_it() -> None:
    wire = served(FeishuSimulator("feishu-refused"))
    settings = ConnectionSettings(
        "f", "feishu", wire.url, "app", credentials={"app_id": APP_ID, "app_secret": "wrong-one"}
    )
    connection = hurry(CONNECTOR.connect(settings))
    with pytest.raises(AccessDenied):
        connection.listen(lambda _: None, lambda: False)
    connection.close()


def test_frames_are_read_as_they_were_written() -> None:
    frame = Frame(2**40, 300, 7, 1, {"type": "event", "名": "值"}, "gzip", "json", b"\x00\xff" * 200, "x")
    assert decoded(encoded(frame)) == frame
    for broken in (b"\x08", b"\x42\x7f\x00", b"\xff" * 20):
        with pytest.raises(Nonsense):
            decoded(broken)
