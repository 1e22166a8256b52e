"""Departments and people as WeCom's directory tells them to an application."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.wecom.site import Site
from sync.core.errors import CannotExpress, Nonsense
from sync.core.organisation import Absence, Employee, OrgDepartment, parents_first
from sync.core.values import Account

LEFT = 5
PAGE = 200


class CompanyDirectory:
    """The ports Organisation and Directory. The company itself is the root; a part of it that alone is visible to us is one too."""

    site: Site

    def departments(self) -> Iterator[Sequence[OrgDepartment]]:
        """All that are visible, parents before children."""
        yield from parents_first(self._departments())

    def employees(self) -> Iterator[Sequence[Employee]]:
        """Department by department, each person once. WeCom no longer lists those who left."""
        seen: set[str] = set()
        for department in [item.id for page in self.departments() for item in page]:
            said = self.site.ask("GET", "user/list", {"department_id": department})
            fresh = [item for item in _items(said, "userlist") if str(item.get("userid") or "") not in seen]
            seen.update(str(item.get("userid") or "") for item in fresh)
            for begin in range(0, len(fresh), PAGE):
                yield [employee_from(item) for item in fresh[begin : begin + PAGE] if item.get("userid")]

    def accounts(self) -> Iterator[Sequence[Account]]:
        """Everybody visible to us."""
        for page in self.employees():
            yield [item.account for item in page]

    def absences(self, account_ids: Sequence[str], begins: datetime, ends: datetime) -> Sequence[Absence]:
        """WeCom tells who is away only to the approvals' own application."""
        raise CannotExpress("WeCom does not tell a self-built application who is away")

    def _departments(self) -> Iterator[OrgDepartment]:
        for item in _items(self.site.ask("GET", "department/list"), "department"):
            parent = str(item.get("parentid") or "")
            heads = tuple(str(one) for one in item.get("department_leader") or ())
            name = str(item.get("name") or item["id"])
            yield OrgDepartment(str(item["id"]), name, "" if parent == "0" else parent, heads)


def employee_from(item: Mapping[str, Any]) -> Employee:
    """Somebody; the main department first. Applications made since June 2022 are told neither number nor address."""
    email = str(item.get("biz_mail") or item.get("email") or "") or None
    name = str(item.get("name") or item["userid"])
    account = Account(str(item["userid"]), name, email, is_active=item.get("status") != LEFT)
    main = str(item.get("main_department") or "")
    listed = [str(one) for one in item.get("department") or ()]
    leaders = item.get("direct_leader") or ()
    mobile = str(item.get("mobile") or "")
    return Employee(
        account,
        tuple(sorted(listed, key=lambda one: one != main)),
        str(leaders[0]) if leaders else "",
        f"+86{mobile}" if mobile.isdigit() and len(mobile) == 11 else mobile,
        str(item.get("english_name") or ""),
    )


def _items(said: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = said.get(name)
    if not isinstance(found, list):
        raise Nonsense(expected=f"a list {name}", sample=said)
    return [item for item in found if isinstance(item, dict)]
