"""What ``tieline doctor`` tries at Asana: reading only, and what is missing in the words of its settings."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from connectors.asana.answers import RIGHTS, SIGN_IN
from connectors.asana.people import User
from connectors.asana.site import Site
from sync.core.ports import Probe
from sync.core.probing import tried

SEE = "invite the token's account to the project (Share > Invite; 共享 > 邀请), or write the project's id instead of its name"
WORKSPACE = "write `workspace` of this connection in tieline.yaml: the name or id of a workspace that the token's account belongs to"
HEAR = "nothing is lost without: deletions and moves are then seen when tasks are counted or read again; an OAuth app needs full access"
QUOTE = "name it in quoted_projects of this connection if its tasks may be named in other tools"


def probes_of(site: Site) -> Iterator[Probe]:
    """One probe per operation, nothing changed."""
    yield tried("sign in", SIGN_IN, lambda: f"as {site.me(is_fresh=True).name}")
    yield tried("see the workspace", WORKSPACE, lambda: ", ".join(one.name or one.gid for one in site.workspaces()))
    for scope in site.settings.scopes:
        yield from _project_probes(site, scope)
    yield tried("list people", "an OAuth app needs the scope users:read", lambda: f"{_people(site)} people")
    yield Probe("write comments and dependencies", None, "cannot be told without writing", RIGHTS)


def _project_probes(site: Site, scope: str) -> Iterator[Probe]:
    def see() -> str:
        found = site.project(scope, is_fresh=True)
        return f"{found.name or scope}, id {found.gid}"

    def first() -> str:
        pages = site.pages("/tasks", project=site.project(scope).gid, opt_fields="dependencies")
        return f"{len(next(pages))} or more, with their dependencies"

    def hear() -> str:
        site.events(site.project(scope).gid, "")
        return "deletions and moves are heard of between two counts"

    found = tried(f"see project {scope}", SEE, see)
    yield found
    if not found.is_ok:
        return
    yield tried(f"list tasks of {scope}", "an OAuth app needs the scope tasks:read", first)
    heard = tried(f"hear of changes in {scope}", HEAR, hear)
    yield heard if heard.is_ok else replace(heard, is_ok=None)
    quoted = site.settings.options.get("quoted_projects") or ()
    project = site.project(scope)
    if project.privacy_setting != "public_to_workspace" and not {project.gid, project.name} & set(quoted):
        yield Probe(f"openness of {scope}", None, "private: its tasks are not named in other tools", QUOTE)


def _people(site: Site) -> int:
    spaces = site.workspaces()
    return sum(1 for _ in site.items("/users", User, workspace=spaces[0].gid, opt_fields="name")) if spaces else 0
