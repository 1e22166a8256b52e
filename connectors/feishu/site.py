"""One Feishu application: its tenant token, its envelope and its paging. Documents, tasks and tables are asked through it as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sync.core.errors import Nonsense
from sync.core.ports import ConnectionSettings
from sync.remote import Remote
from sync.tokens import Token

RENEW_EARLY_S = 600
SAME_PAGES = 5  # a page token that leads to itself more often than that leads nowhere


class Site:
    """Feishu as one application sees it. Safe to use from several threads."""

    def __init__(self, settings: ConnectionSettings, remote: Remote) -> None:
        self.settings, self.remote = settings, remote
        self.app_id = settings.credentials["app_id"].strip()
        self._secret = settings.credentials["app_secret"].strip()
        self._token = Token(self._fetch_token, RENEW_EARLY_S)

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: object = None,
        is_safe: bool | None = None,
    ) -> Mapping[str, Any]:
        """The ``data`` of an answer. A token that is refused is renewed once."""
        return self._token.use(lambda token: self._send(method, path, params, json, is_safe, token))

    def pages(self, path: str, params: Mapping[str, Any], body: object = None) -> Iterator[Sequence[Any]]:
        """The items of a listing, page by page, until none follows; of a search, where there is a ``body``."""
        token, tries = "", 0
        method = "GET" if body is None else "POST"
        while True:
            page = {**params, **({"page_token": token} if token else {})}
            data = self.ask(method, path, page, body, is_safe=True)
            items = data.get("items")
            if items is not None and not isinstance(items, list):
                raise Nonsense(expected="a list of items", sample=items)
            yield items or []
            following = data.get("page_token")
            if not data.get("has_more"):
                return
            if not isinstance(following, str) or not following:
                raise Nonsense(expected="a page_token", sample=following)
            tries = tries + 1 if following == token else 0
            if tries > SAME_PAGES:
                raise Nonsense(expected="another page", found="the same page token again and again")
            token = following

    def token(self, *, is_fresh: bool = False) -> str:
        """The tenant token; one thread fetches it for all."""
        return self._token.get(is_fresh=is_fresh)

    def _fetch_token(self) -> tuple[object, object]:
        body = {"app_id": self.app_id, "app_secret": self._secret}
        path = "/open-apis/auth/v3/tenant_access_token/internal"
        said = self.remote.send("POST", path, json=body, is_safe=True).read()
        return said.get("tenant_access_token"), said.get("expire")

    def _send(
        self, method: str, path: str, params: Any, json: object, is_safe: bool | None, token: str
    ) -> Mapping[str, Any]:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        reply = self.remote.send(
            method, f"/open-apis{path}", params=params, json=json, headers=headers, is_safe=is_safe
        )
        said = reply.read()
        data = said.get("data")
        return data if isinstance(data, dict) else {key: value for key, value in said.items() if key != "data"}
