"""Departments and people as DingTalk's directory tells them to an application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.dingtalk.site import Site
from sync.core.errors import CannotExpress, Nonsense
from sync.core.organisation import Absence, Employee, OrgDepartment
from sync.core.values import Account

ROOT, PAGE, MOST_PAGES = 1, 100, 1_000


class CompanyDirectory:
    """The ports Organisation and Directory. The organisation itself has no row: what lies below it has no parent."""

    site: Site

    def departments(self) -> Iterator[Sequence[OrgDepartment]]:
        """Level by level, a question for each department."""
        level, seen = [ROOT], {ROOT}
        while level:
            below: list[OrgDepartment] = []
            for parent in level:
                for item in departments_below(self.site, parent):
                    key = item.get("dept_id")
                    if isinstance(key, int) and key not in seen:
                        seen.add(key)
                        below.append(self._department(item, key, parent))
            if below:
                yield below
            level = [int(item.id) for item in below]

    def _department(self, item: Mapping[str, Any], key: int, parent: int) -> OrgDepartment:
        detail = self.site.look("v2/department/get", {"dept_id": key})
        heads = detail.get("dept_manager_userid_list") if isinstance(detail, Mapping) else None
        name = str(item.get("name") or key)
        return OrgDepartment(str(key), name, "" if parent == ROOT else str(parent), tuple(map(str, heads or ())))

    def employees(self) -> Iterator[Sequence[Employee]]:
        """Department by department, each person once. DingTalk no longer lists those who left."""
        seen: set[str] = set()
        for key in self._keys():
            for page in people_of(self.site, key):
                fresh = [item for item in page if item.get("userid") and str(item["userid"]) not in seen]
                seen.update(str(item["userid"]) for item in fresh)
                if fresh:
                    yield [employee_from(item) for item in fresh]

    def accounts(self) -> Iterator[Sequence[Account]]:
        """Everybody visible to us."""
        for page in self.employees():
            yield [item.account for item in page]

    def absences(self, account_ids: Sequence[str], begins: datetime, ends: datetime) -> Sequence[Absence]:
        """DingTalk tells who is away to its attendance and approvals only."""
        raise CannotExpress("who is away is known to DingTalk's attendance, which is not read here")

    def _keys(self) -> Iterator[int]:
        level, seen = [ROOT], {ROOT}
        while level:
            yield from level
            found = [departments_below(self.site, parent) for parent in level]
            level = [int(item["dept_id"]) for items in found for item in items if isinstance(item.get("dept_id"), int)]
            level = [key for key in dict.fromkeys(level) if key not in seen]
            seen.update(level)


def departments_below(site: Site, parent: int) -> list[Mapping[str, Any]]:
    """The departments one level below, as the old API tells them."""
    return _list(site.look("v2/department/listsub", {"dept_id": parent}))


def people_of(site: Site, department: int) -> Iterator[list[Mapping[str, Any]]]:
    """Those who are in this very department, page by page, as the old API tells them."""
    cursor = 0
    for _ in range(MOST_PAGES):
        said = site.look("v2/user/list", {"dept_id": department, "cursor": cursor, "size": PAGE})
        if not isinstance(said, Mapping):
            raise Nonsense(expected="a page of people", sample=said)
        yield _list(said.get("list"))
        following = said.get("next_cursor")
        if not said.get("has_more"):
            return
        if not isinstance(following, int) or following <= cursor:
            raise Nonsense(expected="a next_cursor that leads on", sample=following)
        cursor = following
    raise Nonsense(expected="a listing that ends", found="pages without end")


def employee_from(item: Mapping[str, Any]) -> Employee:
    """Somebody; numbers and addresses are there only with their own rights."""
    email = str(item.get("org_email") or item.get("email") or "") or None
    account = Account(str(item["userid"]), str(item.get("name") or item["userid"]), email)
    mobile, country = str(item.get("mobile") or ""), str(item.get("state_code") or "86")
    return Employee(
        account,
        tuple(str(key) for key in item.get("dept_id_list") or () if key != ROOT),
        str(item.get("manager_userid") or ""),
        f"+{country}{mobile}" if mobile and not mobile.startswith("+") else mobile,
    )


def _list(found: object) -> list[Mapping[str, Any]]:
    if not isinstance(found, list):
        raise Nonsense(expected="a list", sample=found)
    return [item for item in found if isinstance(item, dict)]
