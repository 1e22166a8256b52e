"""One WeCom application: its token, and its envelope."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from sync.core.errors import Nonsense
from sync.core.ports import ConnectionSettings
from sync.remote import Remote
from sync.tokens import Token


class Site:
    """WeCom as one application sees it. Safe to use from several threads. The token travels in the query, as WeCom wants it."""

    def __init__(self, settings: ConnectionSettings, remote: Remote, corp_id: str, secret: str) -> None:
        self.settings, self.remote, self.corp_id = settings, remote, corp_id
        self._secret = secret
        self._token = Token(self._fetch_token)

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        is_safe: bool | None = None,
    ) -> Mapping[str, Any]:
        """An answer. A token that is refused is renewed once."""
        return self._token.use(lambda token: self._send(method, path, params, json, is_safe, token))

    def token(self) -> str:
        """The application's token; one thread fetches it for all."""
        return self._token.get()

    def _fetch_token(self) -> tuple[object, object]:
        params = {"corpid": self.corp_id, "corpsecret": self._secret}
        said = self.remote.send("GET", "/cgi-bin/gettoken", params=params).read()
        return said.get("access_token"), said.get("expires_in")

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
