"""The story's people, departments and chats, as Feishu has them."""

from __future__ import annotations

import hashlib

from sandbox.feishu.simulator import FeishuSimulator
from sandbox.story import Story

TEAM_CHAT = "支付项目群"
TEAM_CHAT_ID = f"oc_{hashlib.sha256(TEAM_CHAT.encode()).hexdigest()[:32]}"
ROBOT_TOKEN = "3f1c9e7a-5b8d-4046-81f0-e9d8b7a69584"


def seed(simulator: FeishuSimulator, story: Story) -> None:
    """Departments with their heads, everybody in one of them, a project's chat with a robot in it."""
    state = simulator.state
    departments = {name: simulator.add_department(name) for name in story.departments}
    simulator.add_department("支付组", departments["技术部"])
    for number, person in enumerate(story.people):
        home = departments[person.department]
        key = simulator.add_person(person.name, person.email, f"1380000{number:04}", (home,))
        state.people[key].en_name = person.english_name
        if person.is_head:
            state.departments[home].leader = key
    for one in state.people.values():
        head = state.departments[one.departments[0]].leader
        one.leader = head if head != one.open_id else ""
    chat = simulator.add_chat(TEAM_CHAT)
    state.chats[chat].members = set(state.people)
    simulator.add_robot(chat, ROBOT_TOKEN, "robot-sign-secret-0001")
