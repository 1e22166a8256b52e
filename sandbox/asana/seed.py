"""The marketing department's project, as Asana has it before Tieline writes anything."""

from __future__ import annotations

from datetime import timedelta

from sandbox.asana.simulator import AsanaSimulator
from sandbox.story import Story

PROJECT = "上线宣传"


def seed(simulator: AsanaSimulator, told: Story) -> None:
    """One project: the announcement waits for what the story lets slip, and the campaign for the announcement."""
    people = {
        person.key: simulator.add_user(person.name, person.email)
        for person in told.people
        if person.department == "市场部"
    }
    wang = people["wang-fang"]
    project = simulator.add_project(PROJECT, ("待办", "进行中", "已完成"))
    start = told.anchor + timedelta(days=2)
    announcement = simulator.add_task(
        project,
        "客户通知：支付方式上线",
        "待办",
        by=wang,
        notes="依赖：PAY-1",
        start_on=str(start),
        due_on=str(start + timedelta(days=5)),
    )
    campaign = simulator.add_task(project, "首单优惠活动", "待办", by=wang, due_on=str(start + timedelta(days=12)))
    for task in (announcement, campaign):
        simulator.edit_task(task.gid, assignee=wang)
    simulator.add_task(None, "活动页文案", parent=campaign.gid, by=wang)
    simulator.depend(announcement.gid, campaign.gid)
