"""The Webhooks port: one webhook for each project, made, watched and removed."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from connectors.asana.hooks import target_of
from connectors.asana.shapes import Named
from connectors.asana.site import Site, part
from sync.core.errors import NotFound
from sync.core.hooks import Webhook

FIELDS = "active,target,resource,last_failure_content,delivery_retry_count,failure_deletion_timestamp"
# Comments come with the task's own change.
FILTERS = [
    {"resource_type": "task", "action": action} for action in ("changed", "added", "removed", "deleted", "undeleted")
]


class Registered(Struct, frozen=True):
    """A webhook as Asana lists it."""

    gid: str
    target: str | None = None
    active: bool | None = None
    resource: Named | None = None
    last_failure_content: str | None = None
    delivery_retry_count: int | None = None
    failure_deletion_timestamp: str | None = None


class ProjectWebhooks:
    """Asana asks the address while a webhook is being made, and takes one away whose address was not reached for a day."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def groups(self, scopes: Sequence[str]) -> Sequence[tuple[str, ...]]:
        """One project each."""
        return [(scope,) for scope in dict.fromkeys(scopes)]

    def registered(self, known: Sequence[str]) -> Sequence[Webhook]:
        """All of the token's app in the workspace."""
        found = []
        for workspace in self.site.workspaces():
            found += list(self.site.items("/webhooks", Registered, workspace=workspace.gid, opt_fields=FIELDS))
        return [self._shown(item) for item in found]

    def register(self, callback_url: str, scopes: tuple[str, ...], secret: str) -> Webhook:
        """A webhook on the project."""
        (scope,) = scopes
        gid = self.site.project(scope).gid
        data = {"resource": gid, "target": target_of(callback_url, secret), "filters": FILTERS}
        return self._shown(self.site.write("POST", "/webhooks", Registered, data, FIELDS))

    def renew(self, webhook: Webhook, secret: str) -> Webhook:
        """Asana switches none on again: a new one in its place."""
        self.remove(webhook)
        raise NotFound(f"webhook {webhook.id} was switched off; it is made anew")

    def remove(self, webhook: Webhook) -> None:
        try:
            self.site.write("DELETE", f"/webhooks/{part(webhook.id)}", object)
        except NotFound:
            return

    def _shown(self, item: Registered) -> Webhook:
        """With the address as we know it: without its token."""
        gid = item.resource.gid if item.resource else ""
        scope = next((word for word in self.site.settings.scopes if self._gid(word) == gid), "")
        callback_url = (item.target or "").partition("?token=")[0]
        is_active = item.active is not False
        failed = item.last_failure_content or f"{item.delivery_retry_count or 0} failed deliveries"
        detail = "" if is_active else f"Asana switched it off: {failed[:200]}"
        return Webhook(item.gid, callback_url, (scope,) if scope else (), is_active, detail)

    def _gid(self, scope: str) -> str:
        try:
            return self.site.project(scope).gid
        except NotFound:
            return ""
