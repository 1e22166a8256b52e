"""The directory: the old API (topapi)."""

from __future__ import annotations

from sandbox.dingtalk.state import ROOT, Call, Json, OldRefusal, Person


def _require(call: Call) -> None:
    if "qyapi_get_member" not in call.state.permissions:
        raise OldRefusal(
            88, "ding talk error", sub_code="60011", sub_msg="没有调用该接口的权限，接口权限申请参考：qyapi_get_member"
        )


def _department(call: Call) -> int:
    key = call.body.get("dept_id")
    if not isinstance(key, int) or (key != ROOT and key not in call.state.departments):
        raise OldRefusal(60003, "department not found")
    if key in call.state.out_of_range:
        raise OldRefusal(50004, "请求的部门id不在授权范围内")
    return key


def below(call: Call) -> Json:
    """One level."""
    _require(call)
    key = _department(call)
    seen = [one for one in call.state.departments.values() if one.id not in call.state.out_of_range]
    found = [one for one in seen if one.parent == key]
    return {"result": [{"dept_id": one.id, "name": one.name, "parent_id": one.parent} for one in found]}


def department(call: Call) -> Json:
    _require(call)
    one = call.state.departments.get(_department(call))
    people = [person for person in call.state.people.values() if person.userid not in call.state.left]
    heads = [person.userid for person in people if one and one.id in person.leads]
    name = one.name if one else "某某科技"
    return {"result": {"dept_id": call.body["dept_id"], "name": name, "dept_manager_userid_list": heads}}


def users(call: Call) -> Json:
    """At most 100 a page, by cursor."""
    _require(call)
    key, begin, size = _department(call), int(call.body.get("cursor", 0)), int(call.body.get("size", 0))
    if not 1 <= size <= 100:
        raise OldRefusal(40035, "size 不合法")
    mine = [one for one in call.state.people.values() if key in one.departments and one.userid not in call.state.left]
    page: Json = {"list": [_shown(one) for one in mine[begin : begin + size]], "has_more": begin + size < len(mine)}
    return {"result": {**page, "next_cursor": begin + size} if page["has_more"] else page}


def user(call: Call) -> Json:
    _require(call)
    one = call.state.person(str(call.body.get("userid")))
    if one is None:
        raise OldRefusal(60121, "找不到该用户")
    return {"result": _shown(one)}


def by_mobile(call: Call) -> Json:
    _require(call)
    mobile = str(call.body.get("mobile") or "")
    found = next(
        (
            one
            for one in call.state.people.values()
            if mobile and one.mobile == mobile and one.userid not in call.state.left
        ),
        None,
    )
    if found is None:
        raise OldRefusal(60121, "找不到该用户")
    return {"result": {"userid": found.userid}}


def _shown(one: Person) -> Json:
    return {
        "userid": one.userid, "unionid": one.unionid, "name": one.name, "mobile": one.mobile, "email": "", "org_email": one.email,
        "dept_id_list": one.departments, "active": True, "manager_userid": one.leader, "state_code": "86",
    }  # fmt: skip
