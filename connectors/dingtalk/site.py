"""One DingTalk application: a token for each of its two APIs, and their envelopes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from connectors.dingtalk.answers import is_stale_token
from sync.core.errors import AccessDenied, LostAnswer, Nonsense, TryLater
from sync.core.ports import ConnectionSettings
from sync.remote import Remote, keep_secret

RENEW_EARLY_S = 300


class Token:
    """A token that is fetched once for all threads, early before it ends."""

    def __init__(self, fetch: Callable[[], tuple[object, object]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._value, self._until = "", 0.0

    def get(self) -> str:
        """The token; one thread fetches it."""
        with self._lock:
            if not self._value or time.monotonic() >= self._until:
                token, lives = self._fetched()
                keep_secret(token)
                self._value, self._until = token, time.monotonic() + max(lives - RENEW_EARLY_S, lives / 2, 1.0)
            return self._value

    def _fetched(self) -> tuple[str, float]:
        try:
            token, lives = self._fetch()
        except LostAnswer as error:  # a token that was lost is no write that was lost
            raise TryLater(str(error), error.retry_after, error.reason) from error
        if not isinstance(token, str) or not token:
            raise Nonsense(expected="a token", sample=token)
        return token, float(lives) if isinstance(lives, int | float) else 0.0

    def drop(self, value: str) -> None:
        """This one was refused."""
        with self._lock:
            if self._value == value:
                self._value = ""


class Site:
    """DingTalk as one application sees it. Safe to use from several threads."""

    def __init__(self, settings: ConnectionSettings, remote: Remote, old: Remote) -> None:
        self.settings, self.remote, self.old_remote = settings, remote, old
        self.client_id = settings.credentials["client_id"].strip()
        self.secret = settings.credentials["client_secret"].strip()
        self.new_token, self.old_token = Token(self._fetch_new), Token(self._fetch_old)

    def ask(self, method: str, path: str, json: object = None, is_safe: bool | None = None) -> Mapping[str, Any]:
        """An answer of the new API. A token that is refused is renewed once."""

        def send(token: str) -> Any:
            headers = {"x-acs-dingtalk-access-token": token}
            return self.remote.send(method, f"/v1.0/{path}", json=json, headers=headers, is_safe=is_safe).read()

        return _object(_with(self.new_token, send))

    def look(self, path: str, body: Mapping[str, Any]) -> Any:
        """``result`` of a question to the old API, which changes nothing."""

        def send(token: str) -> Any:
            params = {"access_token": token}
            return self.old_remote.send("POST", f"/topapi/{path}", params=params, json=dict(body), is_safe=True).read()

        return _object(_with(self.old_token, send)).get("result")

    def _fetch_new(self) -> tuple[object, object]:
        body = {"appKey": self.client_id, "appSecret": self.secret}
        said = _object(self.remote.send("POST", "/v1.0/oauth2/accessToken", json=body, is_safe=True).read())
        return said.get("accessToken"), said.get("expireIn")

    def _fetch_old(self) -> tuple[object, object]:
        params = {"appkey": self.client_id, "appsecret": self.secret}
        said = _object(self.old_remote.send("GET", "/gettoken", params=params).read())
        return said.get("access_token"), said.get("expires_in")


def _with(token: Token, send: Callable[[str], Any]) -> Any:
    value = token.get()
    try:
        return send(value)
    except AccessDenied as error:
        if not is_stale_token(error):
            raise
    token.drop(value)
    return send(token.get())


def _object(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise Nonsense(expected="a JSON object", sample=said)
    return said
