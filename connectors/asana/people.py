"""Who we are, who else is there, and the words that this account sees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from connectors.asana.shapes import Named, Project
from connectors.asana.site import Site, part
from connectors.asana.values import COMPLETED, INCOMPLETE
from sync.core.ports import SiteIdentity
from sync.core.values import Account
from sync.core.vocabulary import FieldName, Vocabulary


class User(Struct, frozen=True):
    """A person of a workspace. One who left has no name; guests may hide their e-mail."""

    gid: str
    name: str | None = None
    email: str | None = None


class Field(Struct, frozen=True):
    """A custom field."""

    gid: str
    name: str | None = None
    resource_subtype: str | None = None


class FieldSetting(Struct, frozen=True):
    """That a project has a custom field."""

    custom_field: Field | None = None


class PeopleDirectory:
    """The Directory port."""

    site: Site

    def accounts(self) -> Iterator[Sequence[Account]]:
        """Everybody of the workspace, each once."""
        seen: set[str] = set()
        for workspace in self.site.workspaces():
            people = self.site.items("/users", User, workspace=workspace.gid, opt_fields="name,email")
            found = {user.gid: account_of(user) for user in people if user.gid not in seen}
            seen.update(found)
            yield tuple(found.values())


def account_of(user: User) -> Account:
    """A person of the workspace; one without a name is no longer there."""
    return Account(user.gid, user.name or "", user.email, None, user.name is not None)


def identity_of(site: Site) -> SiteIdentity:
    """The workspace and the token's account. Asana tells no time zone and speaks UTC everywhere."""
    me = site.me(is_fresh=True)
    spaces = "+".join(sorted(one.gid for one in site.workspaces()))
    return SiteIdentity(f"asana:{spaces}", Account(me.gid, me.name or "", me.email), site.settings.zone)


def vocabulary_of(site: Site) -> Vocabulary:
    """The collected projects with their custom fields and sections; all that are visible when the mapping names none.

    Raises NotFound for a scope that this account may not see.
    """
    scopes = site.settings.scopes
    projects = [site.project(scope, is_fresh=True) for scope in scopes] if scopes else list(site.projects())
    fields: dict[str, FieldName] = {}
    states: dict[str, None] = {}
    for project in projects if scopes else ():
        for field in _fields(site, project):
            fields.setdefault(field.gid, FieldName(field.gid, field.name or "", field.resource_subtype or ""))
        sections = site.items(f"/projects/{part(project.gid)}/sections", Named, opt_fields="name")
        states |= {section.name: None for section in sections if section.name}
    names = {scope: project.name or scope for scope, project in zip(scopes, projects, strict=False)}
    return Vocabulary(
        fields=tuple(fields.values()),
        statuses=(*states, COMPLETED, INCOMPLETE),
        scopes=names or {project.gid: project.name or project.gid for project in projects},
    )


def _fields(site: Site, project: Project) -> Iterator[Field]:
    path = f"/projects/{part(project.gid)}/custom_field_settings"
    fields = "custom_field.name,custom_field.resource_subtype"
    for setting in site.items(path, FieldSetting, opt_fields=fields):
        if setting.custom_field:
            yield setting.custom_field
