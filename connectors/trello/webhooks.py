"""The Webhooks port: one webhook of the token for each board, made, watched, switched on again and removed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from connectors.trello.hooks import is_duplicate, reason_inactive
from connectors.trello.site import Site
from sync.core.errors import NotFound, Refused
from sync.core.hooks import Webhook


class _Registered(Struct):
    id: str
    callbackURL: str = ""  # noqa: N815
    idModel: str = ""  # noqa: N815
    active: bool | None = None
    consecutiveFailures: int | None = None  # noqa: N815
    firstConsecutiveFailDate: str | None = None  # noqa: N815


class BoardWebhooks:
    """Webhooks die with their token. Trello asks the callback address by HEAD while one is made, and again when it is changed."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def groups(self, scopes: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """One board each."""
        return [(scope,) for scope in dict.fromkeys(scopes)]

    def registered(self, known: Sequence[str]) -> Sequence[Webhook]:
        """Asked for one by one: the list of all has the token in its address, where proxies would note it."""
        found = []
        for identifier in known:
            try:
                found.append(self._shown(self.site.get(f"/webhooks/{identifier}", _Registered)))
            except (NotFound, Refused):
                continue
        return found

    def register(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> Webhook:
        """A webhook on the board. The secret is Trello's own (that of the API key), so it is not sent."""
        (scope,) = scopes
        board_id = self.site.board_id(scope)
        body = {"callbackURL": callback_url, "idModel": board_id, "description": self._description(), "active": True}
        try:
            return self._shown(self.site.write("POST", "/webhooks/", _Registered, body))
        except Refused as error:
            if not is_duplicate(error.vendor_message or str(error)):
                raise
            return self._taken_up(callback_url, board_id, error)

    def _taken_up(self, callback_url: str, board_id: str, refusal: Refused) -> Webhook:
        """The one that stands there already; only now is the list asked for."""
        token = self.site.settings.credentials["token"].strip()
        for item in self.site.get(f"/tokens/{token}/webhooks", list[_Registered]):
            if (item.callbackURL, item.idModel) == (callback_url, board_id):
                return self._shown(item)
        raise refusal

    def renew(self, webhook: Webhook, secret: str) -> Webhook:
        return self._shown(self.site.write("PUT", f"/webhooks/{webhook.id}", _Registered, {"active": True}))

    def remove(self, webhook: Webhook) -> None:
        try:
            self.site.write("DELETE", f"/webhooks/{webhook.id}", object)
        except NotFound:
            return

    def _shown(self, item: _Registered) -> Webhook:
        names = {self.site.board_id(scope): scope for scope in self.site.settings.scopes}
        scope = names.get(item.idModel)
        is_active = item.active is not False
        detail = "" if is_active else reason_inactive(item.consecutiveFailures, item.firstConsecutiveFailDate)
        return Webhook(item.id, item.callbackURL, (scope,) if scope else (), is_active, detail)

    def _description(self) -> str:
        return f"tieline {self.site.settings.installation}"
