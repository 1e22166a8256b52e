"""One WeCom application: its token, and its envelope."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.wecom.answers import is_stale_token
from sync.core.errors import AccessDenied, LostAnswer, Nonsense, TryLater
from sync.core.ports import ConnectionSettings
from sync.remote import Remote, keep_secret

RENEW_EARLY_S = 300


class Site:
    """WeCom as one application sees it. Safe to use from several threads. The token travels in the query, as WeCom wants it."""

    def __init__(self, settings: ConnectionSettings, remote: Remote, corp_id: str, secret: str) -> None:
        self.settings, self.remote, self.corp_id = settings, remote, corp_id
        self._secret = secret
        self._lock = threading.Lock()
        self._token, self._until = "", 0.0

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        is_safe: bool | None = None,
    ) -> Mapping[str, Any]:
        """An answer. A token that is refused is renewed once."""
        token = self.token()
        try:
            return self._send(method, path, params, json, is_safe, token)
        except AccessDenied as error:
            if not is_stale_token(error):
                raise
        self._drop(token)
        return self._send(method, path, params, json, is_safe, self.token())

    def token(self) -> str:
        """The application's token; one thread fetches it for all."""
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._fetch_token()
            return self._token

    def _fetch_token(self) -> None:
        params = {"corpid": self.corp_id, "corpsecret": self._secret}
        try:
            said = self.remote.send("GET", "/cgi-bin/gettoken", params=params).read()
        except LostAnswer as error:  # a token that was lost is no write that was lost
            raise TryLater(str(error), error.retry_after, error.reason) from error
        token, expires = said.get("access_token"), said.get("expires_in")
        if not isinstance(token, str) or not token:
            raise Nonsense(expected="an access_token", sample=said)
        keep_secret(token)
        lives_s = float(expires) if isinstance(expires, int | float) else 0.0
        self._token = token
        self._until = time.monotonic() + max(lives_s - RENEW_EARLY_S, lives_s / 2, 1.0)

    def _drop(self, token: str) -> None:
        with self._lock:
            if self._token == token:
                self._token = ""

    def _send(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: object, is_safe: bool | None, token: str
    ) -> Mapping[str, Any]:
        query = {"access_token": token, **(params or {})}
        content = None if json is None else msgspec.json.encode(json)  # UTF-8: WeCom refuses escapes
        headers = {"content-type": "application/json; charset=utf-8"} if content else None
        reply = self.remote.send(
            method, f"/cgi-bin/{path}", params=query, content=content, headers=headers, is_safe=is_safe
        )
        said = reply.read()
        if not isinstance(said, dict):
            raise Nonsense(expected="a JSON object", sample=said)
        return said
