"""The story's people and departments, a group of the application's, a robot and an AI bot, as WeCom has them."""

from __future__ import annotations

from sandbox.story import Story
from sandbox.wecom.simulator import WeComSimulator
from sandbox.wecom.state import Group

BOT_GROUP = "wrTielineBotGroup00000000000001"
GROUP, ROBOT_KEY = "tielineteamgroup", "693a91f6-7xxx-4bc4-97a0-0ec2sifa5aaa"


def seed(simulator: WeComSimulator, story: Story) -> None:
    """Departments with their heads, everybody in one of them; a group with everybody, a robot, an AI bot that everybody spoke to."""
    state = simulator.state
    departments = {name: simulator.add_department(name) for name in story.departments}
    simulator.add_department("支付组", departments["技术部"])
    for number, person in enumerate(story.people):
        home = departments[person.department]
        userid = person.english_name.replace(" ", "")
        values = {"email": person.email, "mobile": f"1380000{number:04}", "english_name": person.english_name}
        made = simulator.add_person(userid, person.name, (home,), **values)
        if person.is_head:
            made.leads.add(home)
    heads = {home: one.userid for one in state.people.values() for home in one.leads}
    for one in state.people.values():
        one.leader = heads.get(one.departments[0], "")
    everybody = list(state.people)
    state.groups[GROUP] = Group(GROUP, "支付项目群", everybody[0], everybody, is_visible=True)
    state.robots.add(ROBOT_KEY)
    simulator.bot.talked |= {BOT_GROUP, *everybody}
