"""One DingTalk application: a token for each of its two APIs, and their envelopes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sync.core.errors import Nonsense
from sync.core.ports import ConnectionSettings
from sync.remote import Remote
from sync.tokens import Token


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

        return _object(self.new_token.use(send))

    def look(self, path: str, body: Mapping[str, Any]) -> Any:
        """``result`` of a question to the old API, which changes nothing."""

        def send(token: str) -> Any:
            params = {"access_token": token}
            return self.old_remote.send("POST", f"/topapi/{path}", params=params, json=dict(body), is_safe=True).read()

        return _object(self.old_token.use(send)).get("result")

    def _fetch_new(self) -> tuple[object, object]:
        body = {"appKey": self.client_id, "appSecret": self.secret}
        said = _object(self.remote.send("POST", "/v1.0/oauth2/accessToken", json=body, is_safe=True).read())
        return said.get("accessToken"), said.get("expireIn")

    def _fetch_old(self) -> tuple[object, object]:
        params = {"appkey": self.client_id, "appsecret": self.secret}
        said = _object(self.old_remote.send("GET", "/gettoken", params=params).read())
        return said.get("access_token"), said.get("expires_in")


def _object(said: Any) -> Mapping[str, Any]:
    if not isinstance(said, dict):
        raise Nonsense(expected="a JSON object", sample=said)
    return said
