"""Webhooks: the HEAD check at creation, signed deliveries in the background, retries, and the end of one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json

from sandbox.courier import Courier, ask
from sandbox.faults import Faults
from sandbox.trello.journal import board_words
from sandbox.trello.params import Params
from sandbox.trello.state import Refusal, State, Thing
from sandbox.trello.views import show_action

APP_SECRET = "app-secret-of-the-sandbox-key"
RETRY_AFTER_S = (30.0, 60.0, 120.0)
SHOWN = ("id", "description", "idModel", "callbackURL", "active", "consecutiveFailures", "firstConsecutiveFailDate")


def signature(secret: str, body: bytes, callback_url: str) -> str:
    """``X-Trello-Webhook``: base64 of HMAC-SHA1 over the raw body and the callback URL as registered."""
    digest = hmac.new(secret.encode(), body + callback_url.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def show_webhook(item: Thing) -> Thing:
    return {name: item[name] for name in SHOWN}


def create_webhook(state: State, token: str, params: Params) -> Thing:
    """A new webhook; the callback must answer HEAD with 200 now. The same one twice is refused."""
    url, id_model = params.text("callbackURL"), params.text("idModel")
    if not url.startswith(("http://", "https://")):
        raise Refusal(400, "invalid value for callbackURL")
    wanted = (token, url, id_model)
    if any((item["token"], item["callbackURL"], item["idModel"]) == wanted for item in state.webhooks.values()):
        raise Refusal(400, "A webhook with that callback, model, and token already exists")
    status = ask("HEAD", url)
    if status != 200:
        raise Refusal(400, f"URL ({url}) did not return 200 status code, got {status}")
    item: Thing = {
        "id": state.new_id(), "description": params.text("description"), "idModel": id_model, "callbackURL": url,
        "active": params.flag("active", default=True), "consecutiveFailures": 0, "firstConsecutiveFailDate": None,
        "token": token,
    }  # fmt: skip
    state.webhooks[item["id"]] = item
    return item


class Deliveries:
    """Sends each action to the webhooks that watch its models, off the request's thread; failures come again later."""

    def __init__(self, state: State, faults: Faults | None = None) -> None:
        self._state = state
        self.courier = Courier(faults or Faults(), RETRY_AFTER_S, lambda status: status != 200)

    def tell(self, action: Thing) -> None:
        if not self._state.webhooks:
            return
        models = _models(self._state, action)
        for item in list(self._state.webhooks.values()):
            if item["active"] and item["idModel"] in models:
                self._send(item, _body(self._state, item, action), action["type"])

    def _send(self, item: Thing, body: bytes, event: str) -> None:
        url = item["callbackURL"]
        headers = {"X-Trello-Webhook": signature(APP_SECRET, body, url)}
        self.courier.send(url, body, lambda _: headers, event, lambda status: self._told(item, status))

    def _told(self, item: Thing, status: int) -> bool:
        """Count failures; a callback that says 410 ends the webhook. Whether it is still there to deliver to."""
        if status == 200:
            item.update(consecutiveFailures=0, firstConsecutiveFailDate=None)
        elif status == 410:
            self._state.webhooks.pop(item["id"], None)
        else:
            item["consecutiveFailures"] += 1
            item["firstConsecutiveFailDate"] = item["firstConsecutiveFailDate"] or self._state.stamp()
        return item["id"] in self._state.webhooks


def _models(state: State, action: Thing) -> set[str]:
    """Ids of everything that an action happened in: its card, lists, board, workspace and doer."""
    data = action["data"]
    words = (data.get(name) for name in ("card", "list", "listBefore", "listAfter", "board"))
    models = {word["id"] for word in words if word} | {action["idMemberCreator"]}
    board = state.boards.get(data.get("board", {}).get("id", ""))
    return models | {board["idOrganization"]} if board and board["idOrganization"] else models


def _body(state: State, item: Thing, action: Thing) -> bytes:
    model: Thing = {"id": item["idModel"]}
    if item["idModel"] in state.boards:
        model = board_words(state.boards[item["idModel"]])
    webhook = {name: item[name] for name in ("id", "idModel", "callbackURL", "active")}
    return json.dumps(
        {"action": show_action(state, action, Params({})), "model": model, "webhook": webhook}, ensure_ascii=False
    ).encode()
