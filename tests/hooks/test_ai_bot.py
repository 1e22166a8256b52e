"""Delays told by a WeCom AI bot whose only connection `serve` holds: who may send, what waits, and a press that takes a delay on."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.wecom.line import Line
from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.wecom import BOT_ID, BOT_SECRET, WeComSimulator
from sync.app import App, alone, build
from sync.core.errors import TryLater
from sync.web import answers
from sync.web.answers import Listeners, hearing_of
from tests.end_to_end.company import Company, founded, spawn
from tests.hooks.desk import eventually

ROOM = "wrGroup1"


@dataclass
class Chat:
    """A company that tells its delays by an AI bot in one group."""

    company: Company
    wecom: WeComSimulator
    url: str

    def cards(self) -> list[dict[str, Any]]:
        return [said.content for said in self.wecom.said_in(ROOM)]

    def acknowledged(self) -> list[Any]:
        said = self.company.say("findings", "--json", "--state", "acknowledged").expect(0)
        return [item for item in said.json() if item["kind"] == "delay"]


@pytest.fixture
def chat(tmp_path: Path) -> Iterator[Chat]:
    with pytest.MonkeyPatch.context() as patch, founded(tmp_path / "company") as company:
        wecom = WeComSimulator("bots", enforce_limits=False)
        wecom.add_person("ZhangWei", "张伟")
        wecom.bot.talked.add(ROOM)
        patch.setenv("WECOM_BOT", BOT_SECRET)
        with Sandbox([wecom]) as sandbox:
            connection = {
                "type": "wecom", "variant": "ai-bot", "base_url": sandbox.url("bots"), "bot_id": BOT_ID,
                "bot_secret": "env:WECOM_BOT", "requests_per_second": 5000,
            }  # fmt: skip
            company.configure(
                connections__bot_main=connection,
                jobs__delays={"rooms": [{"connection": "bot_main", "room": ROOM}]},
            )
            yield Chat(company, wecom, sandbox.url("bots").replace("http", "ws", 1))


@contextlib.contextmanager
def listening(chat: Chat) -> Iterator[App]:
    """What `serve` does beside its cycles."""
    app = build(chat.company.config)
    listeners = Listeners(lambda: app)
    listeners.start()
    try:
        eventually(lambda: chat.wecom.bot.live)
        yield app
    finally:
        listeners.stop()
        app.close()


def test_a_run_without_serve_connects_says_everything_once_and_hangs_up(chat: Chat) -> None:
    chat.company.first_run()
    cards = chat.cards()
    assert len({json.dumps(card) for card in cards}) == len(cards) > 1
    assert (chat.wecom.bot.subscribed, chat.wecom.bot.kicks) == (1, 0)
    eventually(lambda: chat.wecom.bot.live is None)
    chat.company.run(0)
    assert chat.cards() == cards
    assert chat.wecom.bot.subscribed == 1


def test_a_run_beside_another_process_leaves_its_messages_and_the_next_says_them_once(chat: Chat) -> None:
    app = build(chat.company.config)
    with alone(app.store, "bot_main"):  # as `serve` on another machine has it
        first = chat.company.run(3, "--accept-first-run")
        assert "only connection" in json.dumps(first)
        assert (chat.cards(), chat.wecom.bot.subscribed) == ([], 0)
        said = chat.company.say("doctor", "--json")
        [probe] = [one for one in json.loads(said.out)["bot_main"] if one["operation"] == "long connection"]
        assert probe["is_ok"] is None
    app.close()
    deferred = len(first["apply"]["deferred"])
    chat.company.run(0)
    assert len(chat.cards()) == deferred > 1
    chat.company.run(0)
    assert len(chat.cards()) == deferred


def test_a_run_in_a_process_of_its_own_does_not_end_the_listeners_connection(chat: Chat) -> None:
    with listening(chat):
        chat.company.process("run", "--accept-first-run").expect(3)
        assert (chat.cards(), chat.wecom.bot.subscribed, chat.wecom.bot.kicks) == ([], 1, 0)
        chat.company.run(0)  # in the listener's own process, as the cycles of `serve` are
        assert chat.cards()
        assert (chat.wecom.bot.subscribed, chat.wecom.bot.kicks) == (1, 0)


def test_serve_hears_and_sends_over_one_connection_and_a_run_beside_it_sends_nothing(chat: Chat) -> None:
    chat.company.first_run()
    said = len(chat.cards())
    eventually(lambda: chat.wecom.bot.live is None)
    connected, port = chat.wecom.bot.subscribed, _free_port()
    chat.company.configure(serve__port=port, serve__host="127.0.0.1")
    serving = spawn("serve", "--config", chat.company.config)
    try:
        eventually(lambda: chat.wecom.bot.live, 30)
        eventually(lambda: _has_cycled(port), 30)
        chat.company.process("run").expect(0)  # nothing to say
        assert (chat.wecom.bot.subscribed, chat.wecom.bot.kicks) == (connected + 1, 0)
        assert chat.wecom.bot.press(chat.wecom.said_in(ROOM)[0], "ZhangWei")
        assert len(chat.acknowledged()) == 1
        assert len(chat.cards()) == said
    finally:
        serving.terminate()
        _, log = serving.communicate(timeout=30)
    assert BOT_SECRET not in log
    eventually(lambda: chat.wecom.bot.live is None)


def _has_cycled(port: int) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return bool(httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).json()["last_cycle_at"])
    return False


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_a_press_takes_the_delay_on_and_changes_the_card_at_once(chat: Chat) -> None:
    with listening(chat) as app:
        assert hearing_of(app, "bot_main") == "exclusive"
        chat.company.first_run()
        said = chat.wecom.said_in(ROOM)[0]
        assert chat.wecom.bot.press(said, "ZhangWei", msgid="m1")
        assert "在处理" in json.dumps(said.content, ensure_ascii=False)
        assert "我来处理" not in json.dumps(said.content, ensure_ascii=False)
        assert len(chat.acknowledged()) == 1
        assert len(app.store.chat_answers()) == 1
        chat.company.run(0)
        chat.wecom.bot.talk("ZhangWei", "在吗")
        chat.wecom.bot.talk("ZhangWei", "突发 PAY-1 接口全部超时", ROOM)
        eventually(
            lambda: (
                "已记为突发"
                in json.dumps([said.content for said in chat.wecom.said_in("ZhangWei")], ensure_ascii=False)
            )
        )
        assert len(chat.wecom.said_in("ZhangWei")) == 1
        assert (chat.wecom.bot.subscribed, chat.wecom.bot.kicks) == (1, 0), "heard and answered over one line"


def test_what_was_cut_off_is_unsure_and_never_said_again(chat: Chat) -> None:
    chat.wecom.faults.plan(Fault("lost_answer", r"^POST /aibot_send_msg$"))
    first = chat.company.run(5, "--accept-first-run")
    assert len(first["apply"]["unsure"]) == 1
    chat.company.say("run")  # says what was put off when the line broke, if anything was
    count = len(chat.cards())
    chat.company.say("run")
    assert len(chat.cards()) == count
    assert len({json.dumps(card) for card in chat.cards()}) == count


def test_whoever_was_turned_out_by_another_program_stays_out(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "AGAIN_AFTER_S", 0.05)
    monkeypatch.setattr(answers, "LONGEST_AGAIN_S", 0.05)
    bot = chat.wecom.bot
    with listening(chat) as app:
        stranger = Line(chat.url)
        stranger.sign_in(BOT_ID, BOT_SECRET)
        eventually(lambda: bot.kicks)
        time.sleep(0.5)
        assert (bot.subscribed, bot.kicks, stranger.is_over) == (2, 1, False)
        first = chat.company.run(3, "--accept-first-run")  # nor does a cycle of the same process
        assert "another program" in json.dumps(first)
        assert (bot.subscribed, bot.kicks, chat.cards()) == (2, 1, [])
        stranger.close()
        eventually(lambda: _is_busy(app))  # a process of ours had it in between: that one may be followed
        eventually(lambda: bot.subscribed == 3)


def _is_busy(app: App) -> bool:
    """Hold the lease for a moment, as another process of ours would; false while it was not free."""
    try:
        with alone(app.store, "bot_main"):
            time.sleep(0.3)
    except TryLater:
        return False
    return True
