"""What the company holds: people, departments, what was said, groups made by the application, robots of groups."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any

from sandbox.http import Request

Json = dict[str, Any]
CORP, AGENT, SECRET = "ww0a1b2c3d4e5f6071", "1000002", "wecom-app-secret-9f8e7d6c5b4a"
BOT_ID, BOT_SECRET = "aibTielineBot0001", "wecom-bot-secret-1a2b3c4d5e6f"
CALLBACK_TOKEN = "wecom-callback-token"
AES_KEY = base64.b64encode(hashlib.sha256(b"wecom aes key").digest()).decode().rstrip("=")
ROOT = 1


@dataclass
class Person:
    """``status``: 1 active, 2 disabled, 4 never signed in, 5 left. Mobile and e-mail are told to old applications only."""

    userid: str
    name: str
    departments: list[int] = field(default_factory=lambda: [ROOT])
    mobile: str = ""
    email: str = ""
    status: int = 1
    leads: set[int] = field(default_factory=set)
    leader: str = ""
    english_name: str = ""


@dataclass
class Department:
    id: int
    name: str
    parent: int = ROOT


@dataclass
class Said:
    """Something said in a room: a person's own chat, a group of the application's, or a robot's."""

    room: str
    kind: str
    content: Json
    to: list[str]
    task_id: str = ""


@dataclass
class Group:
    chatid: str
    name: str
    owner: str
    members: list[str]
    is_visible: bool = False


class Refusal(Exception):
    """An errcode with its words; ``more`` are fields beside them."""

    def __init__(self, code: int, words: str, **more: Any) -> None:
        super().__init__(words)
        self.code, self.words, self.more = code, words, more


@dataclass
class State:
    people: dict[str, Person] = field(default_factory=dict)
    departments: dict[int, Department] = field(default_factory=dict)
    said: list[Said] = field(default_factory=list)
    groups: dict[str, Group] = field(default_factory=dict)
    robots: set[str] = field(default_factory=set)
    codes: dict[str, int] = field(default_factory=dict)  # response code: index of what was said
    is_visible_to: set[str] | None = None  # the application's range; None: everybody
    may_read_directory: bool = True
    tells_contacts: bool = True
    trusted: bool = True

    def person(self, userid: str) -> Person | None:
        """By id in any case, as WeCom does."""
        return next((one for one in self.people.values() if one.userid.lower() == userid.lower()), None)

    def reachable(self, userid: str) -> Person | None:
        """Somebody in the application's range who did not leave."""
        one = self.person(userid)
        if one is None or one.status == 5 or (self.is_visible_to is not None and one.userid not in self.is_visible_to):
            return None
        return one


@dataclass(frozen=True)
class Call:
    """One request that was let in, and what it is asked of."""

    state: State
    request: Request
    body: Json
