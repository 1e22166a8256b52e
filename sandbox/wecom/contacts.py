"""The directory (通讯录)."""

from __future__ import annotations

from sandbox.wecom.state import AGENT, Call, Json, Person, Refusal, State


def _require_directory(state: State) -> None:
    if not state.may_read_directory:
        raise Refusal(48002, "api forbidden")


def by_mobile(call: Call) -> Json:
    return _found(call.state, "mobile", str(call.body.get("mobile") or ""), 46004)


def by_email(call: Call) -> Json:
    if call.body.get("email_type") not in (1, 2):
        raise Refusal(40058, "invalid email_type")
    return _found(call.state, "email", str(call.body.get("email") or ""), 46004)


def _found(state: State, field: str, value: str, code: int) -> Json:
    for one in state.people.values():
        if value and getattr(one, field) == value and state.reachable(one.userid):
            return {"userid": one.userid}
    raise Refusal(code, "user not exist")


def user(call: Call) -> Json:
    one = call.state.person(call.request.get("userid"))
    if one is None or one.status == 5:
        raise Refusal(60111, "userid not found")
    if call.state.reachable(one.userid) is None:
        raise Refusal(60011, "no privilege to access/modify contact/party/agent")
    return _shown(call.state, one)


def users(call: Call) -> Json:
    _require_directory(call.state)
    department = int(call.request.get("department_id", "0"))
    if department not in call.state.departments:
        raise Refusal(60123, "invalid party id")
    return {
        "userlist": [
            _shown(call.state, one)
            for one in call.state.people.values()
            if department in one.departments and one.status != 5
        ]
    }


def _shown(state: State, one: Person) -> Json:
    shown: Json = {
        "userid": one.userid, "name": one.name, "department": one.departments, "status": one.status, "position": "",
        "is_leader_in_dept": [int(key in one.leads) for key in one.departments], "main_department": one.departments[0],
        "direct_leader": [one.leader] if one.leader else [], "english_name": one.english_name,
    }  # fmt: skip
    return {**shown, "mobile": one.mobile, "biz_mail": one.email} if state.tells_contacts else shown


def departments(call: Call) -> Json:
    """All of them, in no promised order."""
    _require_directory(call.state)
    listed = [
        {
            "id": one.id, "name": one.name, "parentid": one.parent, "order": one.id,
            "department_leader": [person.userid for person in call.state.people.values() if one.id in person.leads and person.status != 5],
        }
        for one in reversed(call.state.departments.values())
    ]  # fmt: skip
    if call.request.path.endswith("simplelist"):
        return {"department_id": [{key: item[key] for key in ("id", "parentid", "order")} for item in listed]}
    return {"department": listed}


def agent(call: Call) -> Json:
    if call.request.get("agentid") != AGENT:
        raise Refusal(301002, "not allow operate another agent with this accesstoken")
    return {"agentid": int(AGENT), "name": "Tieline", "close": 0}
