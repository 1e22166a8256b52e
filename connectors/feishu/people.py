"""Departments and people as Feishu's directory tells them to an application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.feishu.site import Site
from sync.core.errors import CannotExpress, Refused
from sync.core.organisation import Absence, Employee, OrgDepartment, parents_first
from sync.core.values import Account

ROOT = "0"
PAGE = 50
TOO_BIG = "43010"  # a company too large to be told at once
IDS = {"user_id_type": "open_id", "department_id_type": "open_department_id"}


class CompanyDirectory:
    """The ports Organisation and Directory. The root has no name of its own: what lies below it has no parent."""

    site: Site

    def departments(self) -> Iterator[Sequence[OrgDepartment]]:
        """All below the root, parents before children."""
        yield from parents_first(self._departments())

    def employees(self) -> Iterator[Sequence[Employee]]:
        """Department by department, each person once. Feishu no longer lists those who left."""
        seen: set[str] = set()
        for department in [ROOT, *[item.id for page in self.departments() for item in page]]:
            params = {**IDS, "department_id": department, "page_size": PAGE}
            for page in self.site.pages("/contact/v3/users/find_by_department", params):
                fresh = {item["open_id"]: item for item in page if item.get("open_id") not in seen}
                seen.update(fresh)
                if fresh:
                    yield [employee_from(item) for item in fresh.values()]

    def accounts(self) -> Iterator[Sequence[Account]]:
        """Everybody visible to us."""
        for page in self.employees():
            yield [item.account for item in page]

    def absences(self, account_ids: Sequence[str], begins: datetime, ends: datetime) -> Sequence[Absence]:
        """Feishu tells who is away only to the calendar of each person."""
        raise CannotExpress("Feishu does not tell an application who is away")

    def _departments(self) -> Iterator[OrgDepartment]:
        try:
            yield from list(self._below(ROOT, is_deep=True))
        except Refused as error:
            if error.vendor_code != TOO_BIG:
                raise
            yield from self._level_by_level()

    def _level_by_level(self) -> Iterator[OrgDepartment]:
        waiting = [ROOT]
        while waiting:
            for item in self._below(waiting.pop(0), is_deep=False):
                waiting.append(item.id)
                yield item

    def _below(self, department: str, is_deep: bool) -> Iterator[OrgDepartment]:
        params = {**IDS, "fetch_child": "true" if is_deep else "false", "page_size": PAGE}
        for page in self.site.pages(f"/contact/v3/departments/{department}/children", params):
            yield from (department_from(item) for item in page if not _is_deleted(item))


def department_from(item: Mapping[str, Any]) -> OrgDepartment:
    """A department; its main head first."""
    leaders = [leader for leader in item.get("leaders") or () if isinstance(leader, Mapping)]
    ids = [str(leader.get("leaderID") or "") for leader in sorted(leaders, key=lambda one: one.get("leaderType") or 9)]
    heads = dict.fromkeys([str(item.get("leader_user_id") or ""), *ids])
    parent = str(item.get("parent_department_id") or "")
    name = str(item.get("name") or item["open_department_id"])
    return OrgDepartment(
        str(item["open_department_id"]), name, "" if parent == ROOT else parent, tuple(one for one in heads if one)
    )


def employee_from(item: Mapping[str, Any]) -> Employee:
    """Somebody; the department that comes first in their own order is the main one."""
    status = item.get("status") or {}
    is_active = not (status.get("is_resigned") or status.get("is_exited"))
    email = str(item.get("email") or item.get("enterprise_email") or "") or None
    account = Account(str(item["open_id"]), str(item.get("name") or item["open_id"]), email, is_active=is_active)
    return Employee(
        account,
        tuple(str(one) for one in item.get("department_ids") or () if str(one) != ROOT),
        str(item.get("leader_user_id") or ""),
        str(item.get("mobile") or ""),
        str(item.get("en_name") or ""),
    )


def _is_deleted(item: Mapping[str, Any]) -> bool:
    return bool((item.get("status") or {}).get("is_deleted"))
