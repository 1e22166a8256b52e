"""The Trello simulator's writes over real HTTP, its webhooks, faults and plain pages."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.story import GROWTH_PLAN
from sandbox.trello import APP_SECRET, KEY, TOKEN
from tests.sandbox.trello_site import Site, served_site


@pytest.fixture
def site() -> Iterator[Site]:
    with served_site() as served:
        yield served


def test_writing_a_card_and_unsetting_its_dates(site: Site) -> None:
    id_list = site.card("支付流程测试")["idList"]
    member = site.get("/members/li-na")["id"]
    made = site.ask(
        "POST",
        "/cards",
        json={"idList": id_list, "name": "联调", "due": "2026-12-01T17:00:00.000Z", "idMembers": [member]},
    )
    assert (made["due"], made["idMembers"], made["closed"]) == ("2026-12-01T17:00:00.000Z", [member], False)
    assert re.fullmatch(rf"https://trello\.com/c/{made['shortLink']}/{made['idShort']}-\S+", made["url"])
    changed = site.ask("PUT", f"/cards/{made['id']}", params={"due": "null", "dueComplete": "true"})
    assert changed["due"] is None
    assert changed["dueComplete"] is True
    activity = changed["dateLastActivity"]
    assert site.ask("PUT", f"/cards/{made['id']}", json={"pos": "top"})["dateLastActivity"] == activity
    assert site.ask("PUT", f"/cards/{made['id']}", data={"name": "联调二"})["name"] == "联调二"
    assert site.ask("PUT", f"/cards/{made['id']}/closed", params={"value": "true"})["closed"] is True


def test_the_same_url_twice_makes_two_attachments(site: Site) -> None:
    path = f"/cards/{site.card('大客户续约方案')['id']}/attachments"
    link = {"url": "https://company.atlassian.net/browse/PAY-3", "name": "PAY-3"}
    one, two = (site.ask("POST", path, json=link) for _ in range(2))
    assert one["id"] != two["id"]
    assert [item["url"] for item in site.get(path, fields="url,name")] == [link["url"]] * 2
    assert site.ask("DELETE", f"{path}/{one['id']}") == {"limits": {}}
    assert site.refused("POST", path, json={"url": "https://a.example", "name": "x" * 257})[0] == 400


def test_an_upload_opens_by_header_only(site: Site) -> None:
    site.simulator.public_url = str(site.client.base_url)
    made = site.ask(
        "POST",
        f"/cards/{site.card('大客户续约方案')['id']}/attachments",
        files={"file": ("方案.txt", "内容".encode(), "text/plain")},
    )
    assert (made["isUpload"], made["bytes"], made["name"]) == (True, 6, "方案.txt")
    assert site.client.get(made["url"]).content.decode() == "内容"
    assert httpx.get(made["url"], params={"key": KEY, "token": TOKEN}).status_code == 401


def test_only_its_author_changes_a_comment(site: Site) -> None:
    card = site.card("支付流程测试")["id"]
    mine = site.ask("POST", f"/cards/{card}/actions/comments", json={"text": "接口推迟三天 [tieline:1]"})
    assert (mine["type"], mine["data"]["text"]) == ("commentCard", "接口推迟三天 [tieline:1]")
    assert mine["appCreator"]["id"] == site.simulator.id_app
    site.ask("PUT", f"/cards/{card}/actions/{mine['id']}/comments", params={"text": "接口推迟五天"})
    assert [item["data"]["text"] for item in site.get(f"/cards/{card}/actions", filter="commentCard")] == [
        "接口推迟五天"
    ]
    theirs = site.simulator.add_comment(card, "收到", by="li-na")
    assert site.refused("PUT", f"/actions/{theirs['id']}", json={"text": "x"})[0] == 401
    assert site.refused("DELETE", f"/actions/{theirs['id']}")[0] == 401
    site.ask("DELETE", f"/actions/{mine['id']}")
    assert site.get(f"/cards/{card}")["badges"]["comments"] == 1
    assert site.refused("GET", f"/actions/{mine['id']}") == (404, "The requested resource was not found.")


def test_checklists_labels_members_and_custom_fields(site: Site) -> None:
    card = site.card("目标拆解")
    checklist = site.ask("POST", f"/cards/{card['id']}/checklists", json={"name": "依赖"})
    item = site.ask(
        "POST",
        f"/checklists/{checklist['id']}/checkItems",
        json={"name": "https://trello.com/c/AbC123xy", "checked": False},
    )
    assert (
        site.ask("PUT", f"/cards/{card['id']}/checkItem/{item['id']}", json={"state": "complete"})["state"]
        == "complete"
    )
    assert site.get(f"/cards/{card['id']}")["checkItemStates"] == [{"idCheckItem": item["id"], "state": "complete"}]
    label = site.ask("POST", "/labels", json={"name": "跨部门", "color": "red", "idBoard": card["idBoard"]})["id"]
    assert site.ask("POST", f"/cards/{card['id']}/idLabels", params={"value": label}) == [label]
    assert site.refused("POST", f"/cards/{card['id']}/idLabels", params={"value": label})[0] == 400
    assert site.ask("PUT", f"/cards/{card['id']}", json={"idLabels": []})["idLabels"] == []
    member = site.get("/members/li-na")["id"]
    assert member in [
        person["id"] for person in site.ask("POST", f"/cards/{card['id']}/idMembers", params={"value": member})
    ]
    number = site.ask(
        "POST",
        "/customFields",
        json={"idModel": card["idBoard"], "modelType": "board", "name": "人日", "type": "number"},
    )
    path = f"/cards/{card['id']}/customField/{number['id']}/item"
    assert site.ask("PUT", path, json={"value": {"number": "3.5"}})["value"] == {"number": "3.5"}
    assert site.refused("PUT", path, json={"value": {"number": 3.5}})[0] == 400
    assert site.ask("PUT", path, json={"value": "", "idValue": ""}) == {}
    assert number["id"] not in [entry["idCustomField"] for entry in site.get(f"/cards/{card['id']}/customFieldItems")]


def test_limits_per_token_and_per_members_route(site: Site) -> None:
    card = f"/1/cards/{site.card('目标拆解')['id']}"
    for _ in range(100):
        last = site.client.get(card, params={"fields": "name"})
    assert last.headers["x-rate-limit-api-token-remaining"] == "0"
    assert last.headers["x-rate-limit-api-key-remaining"] == "200"
    answer = site.client.get(card)
    assert (answer.status_code, answer.json()["error"]) == (429, "API_TOKEN_LIMIT_EXCEEDED")
    assert "retry-after" not in answer.headers
    site.clock.monotonic_s += 10
    assert site.client.get(card).status_code == 200
    for _ in range(20):
        site.clock.monotonic_s += 10
        answers = [site.client.get("/1/members/me", params={"fields": "id"}) for _ in range(6)]
    assert answers[-1].json() == {"message": "Exceeded rate limit to /1/member", "error": "RATE_LIMIT_EXCEEDED"}


def test_too_much_at_once_is_refused(site: Site) -> None:
    board = site.board(GROWTH_PLAN)
    site.simulator.state.max_nested_cards = 4
    answer = site.client.get(f"/1/boards/{board}", params={"cards": "all"})
    assert (answer.status_code, answer.json()["error"]) == (403, "API_TOO_MANY_CARDS_REQUESTED")
    assert len(site.get(f"/boards/{board}/cards/all", limit=3)) == 3
    assert site.get(f"/boards/{board}", fields="limits")["limits"]["cards"]["openPerBoard"] == {
        "status": "ok",
        "disableAt": 5000,
        "warnAt": 4500,
    }


def test_batch_search_and_single_fields(site: Site) -> None:
    card = site.card("支付流程测试")
    one, other = site.get("/batch", urls=f"/cards/{card['id']}?fields=name%2Cdue,/cards/{'0' * 24}")
    assert one["200"] == {"id": card["id"], "name": "支付流程测试", "due": card["due"]}
    assert other["statusCode"] == 404
    assert site.refused("GET", "/batch", params={"urls": ",".join(["/members/me"] * 11)})[0] == 400
    assert [item["name"] for item in site.get("/search", query="支付流程", modelTypes="cards")["cards"]] == [
        "支付流程测试"
    ]
    site.simulator.edit_card(card["id"], desc="改过")
    assert site.get("/search", query="支付流程", modelTypes="cards")["cards"] == []
    site.clock.now += timedelta(seconds=11)
    assert len(site.get("/search", query="支付流程", modelTypes="cards")["cards"]) == 1
    assert site.get(f"/cards/{card['id']}/name") == {"_value": "支付流程测试"}
    assert site.get(f"/card/{card['id']}", fields="name")["name"] == "支付流程测试"


class Callback:
    """A listening callback: what it was sent, and the status that it answers with."""

    def __init__(self) -> None:
        self.status = 200
        self.heads = 0
        self.received: list[tuple[str, bytes]] = []
        self.arrived = threading.Event()
        callback = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                callback.heads += 1
                self.send_response(callback.status)
                self.end_headers()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                callback.received.append((self.headers["X-Trello-Webhook"], body))
                self.send_response(callback.status)
                self.end_headers()
                callback.arrived.set()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hooks/trello"


@pytest.fixture
def callback() -> Iterator[Callback]:
    listening = Callback()
    thread = threading.Thread(target=listening.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield listening
    listening.server.shutdown()
    listening.server.server_close()
    thread.join(5)


def test_webhooks(site: Site, callback: Callback) -> None:
    wanted = {"callbackURL": callback.url, "idModel": site.board("产品部看板"), "description": "tieline"}
    callback.status = 404
    assert site.refused("POST", "/webhooks", json=wanted) == (
        400,
        f"URL ({callback.url}) did not return 200 status code, got 404",
    )
    callback.status = 200
    made = site.ask("POST", "/webhooks", json=wanted)
    assert callback.heads == 2
    assert site.refused("POST", "/webhooks", json=wanted)[0] == 400
    assert site.get(f"/tokens/{TOKEN}/webhooks") == [made]
    site.simulator.add_comment(site.card("大客户续约方案")["id"], "别的看板")
    site.simulator.add_check_item(
        site.simulator.state.checklists_of_card[site.card("支付流程测试")["id"]][0], "还差一项"
    )
    assert callback.arrived.wait(5)
    ((signature, body),) = callback.received
    mac = hmac.new(APP_SECRET.encode(), body + callback.url.encode(), hashlib.sha1)
    assert signature == base64.b64encode(mac.digest()).decode()
    assert json.loads(body)["action"]["type"] == "createCheckItem"
    site.ask("DELETE", f"/webhooks/{made['id']}")
    assert site.get(f"/tokens/{TOKEN}/webhooks") == []


def test_the_signature_is_the_fact_sheets_vector() -> None:
    from sandbox.trello.webhooks import signature

    body = b'{"action":{"id":"51f9424bcd6e040f3c002412"}}'
    assert signature("app-secret", body, "https://sync.example.org/hooks/trello") == "FPzlG1X4v0MMGMnAAVpAj2MtWmQ="


def test_pages_show_what_a_team_sees_with_all_text_escaped(site: Site) -> None:
    card = site.card("支付流程测试")
    site.simulator.add_comment(card["id"], '<script>alert(1)</script> https://a.example/"onclick', by="li-na")
    site.simulator.attach(card["id"], 'https://a.example/"><script>', "<b>附件</b>")
    site.simulator.attach(card["id"], "javascript:alert(1)", "不能点")
    html = httpx.get(f"{site.client.base_url}/c/{card['shortLink']}/1-slug").text
    assert "支付流程测试" in html
    assert "&lt;script&gt;" in html
    assert "<script>" not in html
    assert "<b>" not in html
    assert "javascript:" not in html
    assert '"onclick' not in html
    assert 'href="https://company.atlassian.net/browse/PAY-1"' in html
    for title, path in site.simulator.pages():
        answer = httpx.get(f"{site.client.base_url}{path}")
        assert answer.status_code == 200
        assert title in answer.text


def test_transport_faults_speak_trello(site: Site) -> None:
    site.simulator.faults.plan(Fault("rate_limited"), Fault("unauthorized"), Fault("server_error"))
    path = f"/cards/{site.card('目标拆解')['id']}"
    assert site.refused("GET", path) == (429, '{"error": "API_TOKEN_LIMIT_EXCEEDED", "message": "Rate limit exceeded"}')
    assert site.refused("GET", path) == (401, "invalid token")
    assert site.refused("GET", path)[0] == 500
