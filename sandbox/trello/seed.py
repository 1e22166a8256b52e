"""The story's Trello part: three boards of departments, their cards, dependencies as checklists, RACI as custom fields."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sandbox.story import GROWTH_PLAN, Story, StoryTask, weekday
from sandbox.trello.state import Thing
from sandbox.trello.things import new_custom_field
from sandbox.trello.views import card_url

if TYPE_CHECKING:
    from sandbox.trello.simulator import TrelloSimulator

LISTS = {"todo": "待办", "in_progress": "进行中", "done": "已完成"}
SHANGHAI = ZoneInfo("Asia/Shanghai")
DEPENDENCIES = "依赖"


def seed(simulator: TrelloSimulator, story: Story, urls: Mapping[str, str]) -> None:
    """Put the story's Trello part into the state. ``urls`` are the public base URLs of all simulators by name."""
    simulator.public_url = urls.get(simulator.name, simulator.public_url)
    with simulator.at(_instant(weekday(story.anchor, -30), 9)):
        boards = _company(simulator, story)
    tasks = [task for task in story.tasks if task.tool == "trello"]
    made: dict[str, Thing] = {}
    for number, task in enumerate(tasks):
        with simulator.at(_instant(weekday(story.anchor, -15), 9, number)):
            made[task.key] = _card(simulator, task, boards[task.project])
    for number, task in enumerate(tasks):
        with simulator.at(_instant(weekday(story.anchor, -14), 10, number)):
            _dependencies(simulator, story, task, made, urls)
    for task in tasks:
        if task.finished is not None:
            with simulator.at(_instant(min(task.finished, story.anchor), 8)):
                simulator.move_card(made[task.key]["id"], LISTS["done"], by=task.owner or "")
                simulator.edit_card(made[task.key]["id"], by=task.owner or "", dueComplete=True)


def _company(simulator: TrelloSimulator, story: Story) -> dict[str, Thing]:
    for person in story.people:
        simulator.add_member(person.key, person.name, person.email)
    everyone = [person.key for person in story.people]
    organization = simulator.add_organization("company", "公司协作", [*everyone, "tieline"])
    boards = {}
    for project in story.projects:
        if project.tool != "trello":
            continue
        head = next(person.key for person in story.people if person.department == project.department and person.is_head)
        boards[project.key] = board = simulator.add_board(
            project.name, head, tuple(LISTS.values()), organization=organization, members=(*everyone, "tieline")
        )
        simulator.state.memberships[board["id"]][simulator.state.member(head)["id"]]["memberType"] = "admin"
        if project.key == GROWTH_PLAN:
            for department in story.departments:
                new_custom_field(
                    simulator.state, simulator.actor(head), board, department, "list", ("R", "A", "C", "I")
                )
    return boards


def _card(simulator: TrelloSimulator, task: StoryTask, board: Thing) -> Thing:
    """A card as it was first written: with the old due date where it was moved later, not yet finished."""
    due = task.old_due or task.due
    status = "todo" if task.finished else task.status
    card = simulator.add_card(
        board["id"], LISTS[status], task.title, by=task.owner or "", desc=task.description,
        idMembers=[simulator.state.member(task.owner)["id"]] if task.owner else [],
        start=_instant(task.start, 9) if task.start else None, due=_instant(due, 18) if due else None,
    )  # fmt: skip
    for label in task.labels:
        simulator.label(card["id"], label, by=task.owner or "")
    for department, letter in task.raci:
        simulator.set_field(card["id"], department, letter, by=task.owner or "")
    if task.old_due and task.due:
        simulator.edit_card(card["id"], by=task.owner or "", due=_instant(task.due, 18))
    return card


def _dependencies(
    simulator: TrelloSimulator, story: Story, task: StoryTask, made: Mapping[str, Thing], urls: Mapping[str, str]
) -> None:
    """The vendor's documented pattern: items that are links on the dependent card, a link back on the dependency."""
    if not task.waits_for:
        return
    card, by = made[task.key], task.owner or ""
    items = []
    for key in task.waits_for:
        if key in made:
            items.append(card_url(simulator.state, made[key]))
            simulator.attach(made[key]["id"], card_url(simulator.state, card), task.title, by=by)
        else:
            items.append(f"{urls.get(story.task(key).tool, 'https://example.atlassian.net')}/browse/{key}")
    simulator.add_checklist(card["id"], DEPENDENCIES, tuple(items), by=by)


def _instant(day: date, hour: int, minute: int = 0) -> datetime:
    """A wall-clock time in Shanghai, as an instant."""
    return datetime.combine(day, time(hour, minute), SHANGHAI).astimezone(UTC)
