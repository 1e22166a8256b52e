"""What the organisation holds: people, departments, groups, cards and messages, robots of groups, todos."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import Faults
from sandbox.http import Request

Json = dict[str, Any]
CLIENT_ID, CLIENT_SECRET = "dingoa1b2c3d4e5f6", "dingtalk-client-secret-7c6b5a49"
CARD_TEMPLATE, GROUP_TEMPLATE = "7f0c1c1e-4f2b-4ac1-9b0e-000000000001.schema", "group-template-0001"
ROOT = 1


@dataclass
class Person:
    userid: str
    unionid: str
    name: str
    departments: list[int]
    mobile: str = ""
    email: str = ""
    leader: str = ""
    leads: set[int] = field(default_factory=set)


@dataclass
class Department:
    id: int
    name: str
    parent: int = ROOT


@dataclass
class Said:
    """Something said: a card with its parameters, or a message. ``at`` were named; ``route``: where a press goes by HTTP."""

    room: str
    kind: str
    content: Json
    key: str = ""
    at: list[str] = field(default_factory=list)
    route: str = ""


@dataclass
class Group:
    key: str
    title: str
    members: list[str]
    uuid: str = ""
    has_robot: bool = True


@dataclass
class Robot:
    token: str
    room: str
    secret: str = ""


@dataclass
class Todo:
    """Something to do. ``made_by`` tells the application, empty for one that somebody wrote in DingTalk itself."""

    id: str
    subject: str
    creator: str  # people are unionIds here
    executors: list[str]
    created_ms: int
    modified_ms: int
    made_by: str = CLIENT_ID
    finished_ms: int = 0
    hidden_from: set[str] = field(default_factory=set)
    details: Json = field(default_factory=dict)


class Refusal(Exception):
    """The new API's refusal: HTTP status, code and words."""

    def __init__(self, status: int, code: str, words: str, **more: Any) -> None:
        super().__init__(words)
        self.status, self.code, self.words, self.more = status, code, words, more


class OldRefusal(Exception):
    """The old API's: HTTP 200 with an errcode."""

    def __init__(self, code: int, words: str, **more: Any) -> None:
        super().__init__(words)
        self.code, self.words, self.more = code, words, more


@dataclass
class State:
    people: dict[str, Person] = field(default_factory=dict)
    departments: dict[int, Department] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    robots: dict[str, Robot] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    routes: dict[str, tuple[str, str]] = field(default_factory=dict)  # of cards' callbacks: address and secret by key
    left: set[str] = field(default_factory=set)
    permissions: set[str] = field(
        default_factory=lambda: {
            "qyapi_robot_sendmsg", "Card.Instance.Write", "qyapi_chat_manage", "qyapi_get_member", "Todo.Todo.Read", "Todo.Todo.Write",
        }
    )  # fmt: skip
    out_of_range: set[int] = field(default_factory=set)  # departments that the application may not see
    todos: dict[str, Todo] = field(default_factory=dict)
    todo_page: int = 20
    refuses_strangers: bool = False  # who is not on a todo is told so, and not that there is none
    is_quota_used: bool = False
    flow_controlled: set[str] = field(default_factory=set)

    def person(self, userid: str) -> Person | None:
        one = self.people.get(userid)
        return one if one and userid not in self.left else None

    def require(self, permission: str) -> None:
        """Raise as the new API does for a 权限点 that is missing."""
        if permission not in self.permissions:
            code = "Forbidden.AccessDenied.AccessTokenPermissionDenied"
            raise Refusal(403, code, "没有调用该接口的权限", accessdenieddetail={"requiredScopes": [permission]})


@dataclass(frozen=True)
class Call:
    """One request that was let in, and what it is asked of."""

    state: State
    request: Request
    body: Json
    ids: Mapping[str, str] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    now_ms: int = 0
