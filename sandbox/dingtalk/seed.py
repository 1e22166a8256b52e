"""The story's people and departments, a group with the application's robot and a custom robot, as DingTalk has them."""

from __future__ import annotations

from sandbox.dingtalk.simulator import DingTalkSimulator
from sandbox.dingtalk.state import Group
from sandbox.story import Story

GROUP, ROBOT_TOKEN, ROBOT_SECRET = (
    "cidTielineTeamGroup00",
    "5d0c0ffee0a1b2c3d4e5f60718293a4b",
    "SEC0f1e2d3c4b5a69788796a5b4c3d2e1f0",
)


def seed(simulator: DingTalkSimulator, story: Story) -> None:
    """Departments with their heads, everybody in one of them, a group with everybody."""
    state = simulator.state
    departments = {name: simulator.add_department(name) for name in story.departments}
    simulator.add_department("支付组", departments["技术部"])
    for number, person in enumerate(story.people):
        home = departments[person.department]
        made = simulator.add_person(
            f"{number:04}8612345", person.name, (home,), mobile=f"1380000{number:04}", email=person.email
        )
        if person.is_head:
            made.leads.add(home)
    heads = {home: one.userid for one in state.people.values() for home in one.leads}
    for one in state.people.values():
        one.leader = heads.get(one.departments[0], "")
    state.groups[GROUP] = Group(GROUP, "支付项目群", list(state.people))
    simulator.add_robot(ROBOT_TOKEN, GROUP, ROBOT_SECRET)
