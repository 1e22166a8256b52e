"""Whose todos a mapping's scope means: a department's with all that lies below it, or one person's. Asked of the directory each time, so
that who joined or left counts at once; of the departments' names only where they are is remembered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from connectors.dingtalk.people import ROOT, departments_below, employee_from, people_of
from connectors.dingtalk.site import Site
from sync.core.errors import ConfigError, Nonsense, NotFound, Problem

WRITE = "scope 写部门的名字或编号，或某个人的 User ID（管理后台 > 通讯录）；应用的通讯录接口范围里要有它"
Person = Mapping[str, str]  # userid, name, email


class ScopePeople:
    """The people of scopes, by unionId. Safe to use from several threads."""

    def __init__(self, site: Site, connection: str) -> None:
        self._site, self._connection = site, connection
        self._where: dict[str, int] = {}

    def of(self, scope: str) -> dict[str, Person]:
        """By unionId. Raises NotFound naming the scope, ConfigError where a name means several departments."""
        try:
            key = self._department(scope)
            return dict(map(_person, self._below(key) if key is not None else self._one(scope)))
        except NotFound as error:
            raise NotFound(f"{scope}: {error}; {WRITE}") from error

    def departments(self) -> dict[int, str]:
        """Every department that the application may see: id to name."""
        found: dict[int, str] = {}
        level = [ROOT]
        while level:
            items = [item for parent in level for item in departments_below(self._site, parent)]
            fresh = {item["dept_id"]: str(item.get("name") or "") for item in items if _is_new(item, found)}
            found |= fresh
            level = list(fresh)
        return found

    def somebody(self, user_id: str) -> str:
        """What the one with this user id is called; empty where there is nobody."""
        found = self._user(user_id) if user_id.isascii() else None
        return str(found.get("name") or user_id) if found else ""

    def _department(self, scope: str) -> int | None:
        """None for what may be somebody's user id. Only a name that is new, or no longer right, costs a look at all departments."""
        key = int(scope) if scope.isdecimal() and str(int(scope)) == scope else self._where.get(scope)
        if key is not None and self._is_called(key, scope):
            return key
        if scope.isascii() and self._user(scope) is not None:
            return None
        found = [key for key, name in self.departments().items() if name == scope]
        if len(found) > 1:
            ids = ", ".join(map(str, found))
            text, hint = f"{len(found)} departments are called {scope!r}", f"write the id of one: {ids}"
            raise ConfigError([Problem(f"mappings/{self._connection}.yaml", 0, "scope", text, hint)])
        if not found:
            return None
        self._where[scope] = found[0]
        return found[0]

    def _is_called(self, key: int, scope: str) -> bool:
        try:
            detail = self._site.look("v2/department/get", {"dept_id": key})
        except NotFound:
            return False
        return isinstance(detail, Mapping) and scope in (str(key), detail.get("name"))

    def _below(self, key: int) -> Iterator[Mapping[str, Any]]:
        level, seen = [key], {key}
        while level:
            for one in level:
                for page in people_of(self._site, one):
                    yield from page
            items = [item for one in level for item in departments_below(self._site, one)]
            level = [item["dept_id"] for item in items if _is_new(item, seen)]
            seen.update(level)

    def _one(self, scope: str) -> Iterator[Mapping[str, Any]]:
        found = self._user(scope)
        if found is None:
            raise NotFound("no department and nobody's user id that the application may see")
        yield found

    def _user(self, user_id: str) -> Mapping[str, Any] | None:
        try:
            found = self._site.look("v2/user/get", {"userid": user_id})
        except NotFound:
            return None
        return found if isinstance(found, Mapping) else None


def _is_new(item: Mapping[str, Any], known: Any) -> bool:
    return isinstance(item.get("dept_id"), int) and item["dept_id"] not in known


def _person(item: Mapping[str, Any]) -> tuple[str, Person]:
    union_id = item.get("unionid")
    if not isinstance(union_id, str) or not union_id or not item.get("userid"):
        raise Nonsense(expected="somebody with a userid and a unionid", sample=item)
    account = employee_from(item).account
    return union_id, {"userid": account.id, "name": account.name, "email": account.email or ""}
