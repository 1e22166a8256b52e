"""What a simulated Feishu tenant holds, and how it refuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any

from sandbox.feishu.work_state import Work

APP_ID, APP_SECRET = "cli_a1b2c3d4e5f60718", "s3cRetOfTheSimulatedFeishuApp0001"
SCOPES = frozenset(
    {
        "im:message:send_as_bot",
        "im:message:update",
        "im:chat",
        "im:chat:readonly",
        "contact:user.id:readonly",
        "contact:contact.base:readonly",
        "contact:department.organize:readonly",
        "bitable:app:readonly",
        "base:record:update",
        "wiki:node:read",
        "wiki:wiki:readonly",
        "docx:document:readonly",
        "docs:permission.setting:read",
        "task:task:write",
        "task:tasklist:read",
        "task:comment:write",
    }
)


class Refusal(Exception):
    """An answer with a code; HTTP 400 unless said otherwise."""

    def __init__(self, code: int, msg: str, status: int = 400, extra: Mapping[str, Any] | None = None) -> None:
        super().__init__(msg)
        self.status, self.headers = status, dict[str, str]()
        self.body = {"code": code, "msg": msg, **(extra or {})}


@dataclass
class Person:
    open_id: str
    name: str
    en_name: str = ""
    email: str = ""
    mobile: str = ""
    departments: list[str] = field(default_factory=list)
    leader: str = ""
    is_resigned: bool = False


@dataclass
class Department:
    id: str
    name: str
    parent: str = "0"
    leader: str = ""


@dataclass
class Chat:
    id: str
    name: str
    description: str = ""
    owner: str = ""
    members: set[str] = field(default_factory=set)
    has_bot: bool = True
    is_made_by_app: bool = False


@dataclass
class Said:
    """One message. ``content`` is the decoded card or text."""

    id: str
    room: str
    msg_type: str
    content: dict[str, Any]
    at: datetime
    is_recalled: bool = False


@dataclass
class Robot:
    """A custom bot of a group; without a secret it checks no signature."""

    token: str
    chat: str
    secret: str = ""


@dataclass
class State:
    now: Callable[[], datetime]
    people: dict[str, Person] = field(default_factory=dict)
    departments: dict[str, Department] = field(default_factory=dict)
    chats: dict[str, Chat] = field(default_factory=dict)
    messages: dict[str, Said] = field(default_factory=dict)
    robots: dict[str, Robot] = field(default_factory=dict)
    scopes: set[str] = field(default_factory=lambda: set(SCOPES))
    uuids: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    chat_uuids: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    ids: Any = field(default_factory=lambda: count(1))
    work: Work = field(default_factory=Work)

    def new_id(self, prefix: str) -> str:
        return f"{prefix}_{next(self.ids):032x}"

    def require_scope(self, *any_of: str) -> None:
        """Refuse as the gateway does when the application was given none of these."""
        if self.scopes & set(any_of):
            return
        names = ", ".join(any_of)
        words = f"Access denied. One of the following scopes is required: [{names}].应用尚未开通所需的应用身份权限：[{names}]"
        violations = [{"type": "action_scope_required", "subject": name} for name in any_of]
        raise Refusal(99991672, words, 400, {"error": {"permission_violations": violations}})
