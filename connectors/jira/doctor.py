"""Who we are at a site, and whether everything we need may be done there, without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from connectors.jira.paging import now
from connectors.jira.records import account_from_user
from connectors.jira.scope import need_scope
from connectors.jira.site import Site, link_types, part
from sync.core.errors import AccessDenied, Nonsense, NotFound, Refused, TielineError
from sync.core.ports import Probe, SiteIdentity
from sync.remote import Reply

MOST_SKEW = timedelta(minutes=2)
# permission key -> (operation, the name in the console)
NEEDED = {
    "BROWSE_PROJECTS": ("read issues", "Browse Projects"),
    "LINK_ISSUES": ("create link", "Link Issues"),
    "ADD_COMMENTS": ("comment", "Add Comments"),
    "EDIT_OWN_COMMENTS": ("edit our comments", "Edit Own Comments"),
    "EDIT_ISSUES": ("mark our links", "Edit Issues"),
}


class JiraDoctor:
    """identify and probes of a Source."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def identify(self) -> SiteIdentity:
        reply = self.site.get("/myself")
        user = reply.read(dict[str, Any])
        account = account_from_user(user)
        # Whoever the headers name must be who /myself names; a token that silently stopped working is told by nothing else.
        shown = reply.headers.get("x-aaccountid" if self.site.is_cloud else "x-ausername", "")
        known = {account.id.lower(), part(account.login or "").lower(), (account.login or "").lower()}
        if shown and shown.lower() not in known:
            raise AccessDenied(f"Jira answers as {shown!r}, not as {account.name!r}; check the token")
        zone = str(user.get("timeZone") or "UTC")
        return SiteIdentity(self._fingerprint(), account, zone, clock_of(reply))

    def _fingerprint(self) -> str:
        """Cloud's cloudId stays when a site is renamed; Data Center tells only its base URL."""
        if cloud_id := self.site.option("cloud_id", ""):
            return f"jira-cloud:{cloud_id}"
        if self.site.is_cloud:
            try:
                tenant = self.site.remote.send("GET", "/_edge/tenant_info").read(dict[str, Any])
            except (AccessDenied, Nonsense, NotFound, Refused):
                tenant = {}  # it belongs to the edge in front of Jira, which may redirect it or hide it
            if cloud_id := tenant.get("cloudId"):
                return f"jira-cloud:{cloud_id}"
        try:
            return f"jira:{self._server()['baseUrl']}"
        except (NotFound, Refused):
            return f"jira:{self.site.settings.base_url}"

    def _server(self) -> dict[str, Any]:
        # Version 2 is told by both variants, so that a wrong one is recognised.
        info = self.site.remote.send("GET", "/rest/api/2/serverInfo").read(dict[str, Any])
        return info | {"baseUrl": str(info.get("baseUrl") or self.site.settings.base_url)}

    def probes(self) -> Iterator[Probe]:
        """Stops early only where nothing further can be asked."""
        reach = self._reach()
        yield reach
        if reach.is_ok is False:
            return
        try:
            me = self.identify()
        except TielineError as error:
            yield Probe("sign in", False, str(error), "check the connection's credentials")
            return
        yield Probe("sign in", True, f"{me.account.name} ({me.account.id})")
        yield self._zone(me)
        yield _clock(me.now)
        for scope in self.site.settings.scopes:
            yield from self._scope(scope)
        yield self._linking()

    def _reach(self) -> Probe:
        try:
            info = self._server()
        except TielineError as error:
            return Probe("reach", False, str(error), "check base_url; a scoped token needs the option cloud_id")
        deployment = str(info.get("deploymentType") or ("Cloud" if self.site.is_cloud else "Server"))
        if (deployment == "Cloud") != self.site.is_cloud:
            right = "cloud" if deployment == "Cloud" else "dc"
            return Probe("reach", False, f"this is Jira {deployment}", f"set variant: {right}")
        return Probe("reach", True, f"Jira {deployment} {info.get('version', '')}".strip())

    def _zone(self, me: SiteIdentity) -> Probe:
        """Only told: queries carry epoch milliseconds, so a zone cannot hide changes."""
        ours = self.site.settings.zone
        same = "the same as" if me.zone == ours else "not"
        return Probe(
            "account's zone", True, f"{me.zone}, {same} this connection's {ours}; days follow the connection's"
        )

    def _scope(self, scope: str) -> Iterator[Probe]:
        try:
            need_scope(self.site, scope, is_poll=True)
        except NotFound as error:
            cure = f"Project settings → Access: let this account browse {scope}, or correct `scope` in the mapping"
            yield Probe(f"see project {scope}", False, str(error), cure)
            return
        yield Probe(f"see project {scope}", True)
        query = {"projectKey": scope}
        if self.site.is_cloud:
            query["permissions"] = ",".join(NEEDED)  # Cloud refuses to list all; Data Center knows no such parameter
        try:
            held = self.site.get("/mypermissions", **query).read(dict[str, Any]).get("permissions") or {}
        except TielineError as error:
            yield Probe(f"permissions in {scope}", None, str(error), "ask a project admin")
            return
        for key, (operation, name) in NEEDED.items():
            is_held = bool((held.get(key) or {}).get("havePermission"))
            cure = "" if is_held else f"Project settings → Permissions: grant “{name}” in {scope} to this account"
            yield Probe(f"{operation} in {scope}", is_held, name, cure)

    def _linking(self) -> Probe:
        wanted = str(self.site.option("link_type", "Blocks"))
        try:
            kinds = link_types(self.site)
        except NotFound as error:
            return Probe("issue linking", False, str(error), "Settings → Issues → Issue linking: activate it")
        except TielineError as error:
            return Probe("issue linking", False, str(error), "the token needs read:jira-work")
        names = [str(kind.get("name")) for kind in kinds]
        if wanted in names or wanted in [str(kind.get("id")) for kind in kinds]:
            return Probe("issue linking", True, f"link type {wanted}")
        return Probe(
            "issue linking",
            False,
            f"no link type {wanted!r}",
            f"set the option link_type to one of: {', '.join(names)}",
        )


def clock_of(reply: Reply) -> datetime | None:
    """The vendor's clock as the Date header tells it."""
    try:
        return parsedate_to_datetime(reply.headers.get("date", "")).astimezone(UTC)
    except (ValueError, TypeError):
        return None


def _clock(theirs: datetime | None) -> Probe:
    if theirs is None:
        return Probe("clock", None, "the site does not tell its time")
    skew = abs(now() - theirs)
    is_ok = skew <= MOST_SKEW
    cure = "" if is_ok else "set this machine's clock (NTP), or raise the option overlap_minutes"
    return Probe("clock", is_ok, f"{skew.total_seconds():.0f} s apart", cure)
