"""WeCom's own client for AI bots (wecom-aibot-python-sdk) against our simulator: what it sends is taken, what it is sent it understands."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, date, datetime

from sandbox.story import story
from sandbox.wecom import BOT_ID, BOT_SECRET, WeComSimulator, seed
from sandbox.wecom.seed import BOT_GROUP
from tests.conformance.subjects import served

# In a process of its own: it brings an event loop with it.
CLIENT = """
import asyncio, json, sys
from aibot import WSClient, WSClientOptions, ws

given = json.loads(sys.argv[1])
ws._SSL_CONTEXT = None  # the simulator speaks no TLS
told = {"events": []}

def client(secret):
    return WSClient(WSClientOptions(
        bot_id=given["id"], secret=secret, ws_url=given["url"], heartbeat_interval=200, reconnect_interval=100, max_reconnect_attempts=1,
    ))

async def signed_in(one):
    ready = asyncio.Event()
    one.on("authenticated", lambda: ready.set())
    await one.connect()
    await asyncio.wait_for(ready.wait(), 5)

async def keep(name, asked):
    try:
        told[name] = (await asked)["errcode"]
    except Exception as error:
        told[name] = str(error)

async def main():
    refused, wrong = asyncio.Event(), client("not-the-secret")
    wrong.on("error", lambda error: (told.__setitem__("refused", str(error)), refused.set()))
    await wrong.connect()
    await asyncio.wait_for(refused.wait(), 5)
    wrong.disconnect()
    bot, pressed, heard, kicked = client(given["secret"]), asyncio.Event(), asyncio.Event(), asyncio.Event()
    card = {
        "card_type": "button_interaction", "main_title": {"title": "延期"}, "task_id": "t1",
        "button_list": [{"text": "我来处理", "style": 1, "key": "ack:1"}],
    }

    @bot.on("event.template_card_event")
    async def press(frame):
        event = frame["body"]["event"]["template_card_event"]
        told["pressed"] = [event["event_key"], event["task_id"], frame["body"]["from"]["userid"], frame["body"]["chatid"]]
        done = {"card_type": "text_notice", "main_title": {"title": "已处理"}, "task_id": event["task_id"],
                "card_action": {"type": 1, "url": "https://work.weixin.qq.com"}}
        await keep("changed", bot.update_template_card(frame, done))
        await keep("changed_twice", bot.update_template_card(frame, done))
        pressed.set()

    @bot.on("message.text")
    async def talk(frame):
        told["heard"] = [frame["body"]["text"]["content"], frame["body"]["chatid"]]
        heard.set()

    @bot.on("event.disconnected_event")
    async def end(frame):
        bot.disconnect()
        kicked.set()

    await signed_in(bot)
    markdown = {"msgtype": "markdown", "markdown": {"content": "支付接口**晚了**"}}
    await keep("said", bot.send_message(given["group"], markdown))
    await keep("to_a_person", bot.send_message(given["person"], markdown))
    await keep("text", bot.send_message(given["group"], {"msgtype": "text", "text": {"content": "在吗"}}))
    await keep("unknown", bot.send_message("wrSilent", markdown))
    await keep("card", bot.send_message(given["group"], {"msgtype": "template_card", "template_card": card}))
    await asyncio.wait_for(pressed.wait(), 10)
    await asyncio.wait_for(heard.wait(), 10)
    await asyncio.sleep(0.5)  # some pings
    told["is_connected"] = bot.is_connected
    other = client(given["secret"])
    await signed_in(other)
    await asyncio.wait_for(kicked.wait(), 5)
    await keep("other_says", other.send_message(given["group"], markdown))
    other.disconnect()

asyncio.run(main())
print("TOLD " + json.dumps(told))
"""


def test_wecoms_own_client_speaks_with_the_simulator() -> None:
    simulator = WeComSimulator("wecom-judge", lambda: datetime.now(UTC), enforce_limits=False)
    seed(simulator, story(date(2026, 11, 24)))
    wire = served(simulator)
    person = next(iter(simulator.state.people))
    url = wire.url.replace("http", "ws", 1)
    given = {"url": url, "id": BOT_ID, "secret": BOT_SECRET, "group": BOT_GROUP, "person": person}
    running = subprocess.Popen(
        [sys.executable, "-c", CLIENT, json.dumps(given)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 30
    while running.poll() is None and time.monotonic() < until:
        if said := [one for one in simulator.said_in(BOT_GROUP) if one.task_id == "t1"]:
            assert simulator.bot.press(said[0], person)
            simulator.bot.talk(person, "@提醒 在吗", BOT_GROUP)
            break
        time.sleep(0.02)
    out, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    told = json.loads(out.rpartition("TOLD ")[2])
    assert "853000" in told.pop("refused")
    assert "40008" in told.pop("text")
    assert "has not talked" in told.pop("unknown")
    assert "846605" in told.pop("changed_twice")
    assert told == {
        "events": [], "said": 0, "to_a_person": 0, "card": 0, "changed": 0, "is_connected": True, "other_says": 0,
        "pressed": ["ack:1", "t1", person, BOT_GROUP], "heard": ["@Tieline @提醒 在吗", BOT_GROUP],
    }  # fmt: skip
    assert said[0].content["main_title"]["title"] == "已处理"
    assert (simulator.bot.pings > 0, simulator.bot.kicks) == (True, 1)
