"""How a world of restricted records is made: sites, records that each carry canaries, who may read them, what links them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from campaigns.restricted_items import BOARDS, HEADS, HOST, INTERNAL, LEVELS, LISTS, PROJECT, SPACE, START, Item
from campaigns.restricted_places import Place, places_of
from campaigns.restricted_search import dressed, new_core
from sandbox.confluence import Confluence
from sandbox.feishu import FeishuSimulator
from sandbox.jira import JiraSimulator
from sandbox.jira.changes import changed
from sandbox.trello import TrelloSimulator
from sandbox.trello.things import join_board


class Founding:
    """The sites, the records and what people made."""

    def __init__(self, seed: int, names: tuple[str, ...]) -> None:
        self.chance = random.Random(seed)
        self.names = names
        self.today = datetime.now(UTC).date()
        self.sites: dict[str, Any] = {}
        self.items: list[Item] = []
        self.internal: dict[str, str] = {}  # JSM internal comments: canary by what it is
        self.internal_home: dict[str, Item] = {}
        self.said: set[str] = set()  # cores that people wrote on open records by hand, in links that they made
        self.by_hand: dict[Place, str] = {}
        self.edges: list[tuple[Item, Item]] = []
        self.later: list[Callable[[], str]] = []  # what somebody has in mind for the next time
        self.hidden_now: set[str] = set()  # the tools of which something was hidden since the last run
        self._found()

    # -- making it

    def _of(self, *names: str) -> list[str]:
        return [name for name in names if name in self.names]

    def core(self) -> str:
        return new_core(self.chance)

    def _found(self) -> None:
        for name in self._of("jc", "jd"):
            jira = JiraSimulator(name, "cloud" if name == "jc" else "dc", public_url=f"http://{HOST[name]}")
            jira.add_user("lead", "值班员")
            jira.add_project(PROJECT[name], PROJECT[name], "lead")
            jira.site.reserve_id(f"key of {PROJECT[name]}", self.chance.randint(10_000, 89_000))
            self.sites[name] = jira
        trello = TrelloSimulator("tr", lambda: datetime.now(UTC), f"http://{HOST['tr']}", enforce_limits=False)
        trello.add_member("lead", "值班员")
        company = trello.add_organization("company", "公司", ["lead", "tieline"])
        self.boards = {
            name: trello.add_board(name, "lead", LISTS, organization=company, members=("tieline",)) for name in BOARDS
        }
        self.sites["tr"] = trello
        for name in self._of("kc", "kd"):
            wiki = Confluence(name, public_url=f"http://{HOST[name]}", variant="cloud" if name == "kc" else "dc")
            wiki.site.add_space(SPACE[name], SPACE[name], wiki.tieline_id())
            self.sites[name] = wiki
        if "fs" in self.names:
            self._heads(FeishuSimulator("fs", enforce_limits=False))
        self._people()

    def _heads(self, chat: FeishuSimulator) -> None:
        """The heads of people.yaml, who own some of the tasks, in all tools and in the chat. Their names stand on every mask: no canaries."""
        self.sites["fs"], department = chat, chat.add_department("公司")
        for number in range(HEADS):
            login, name = f"head-{number}", f"部长{number}"
            chat.add_person(name, f"{login}@example.com", departments=(department,))
            for tool in self._of("jc", "jd"):
                self.sites[tool].add_user(login, name, f"{login}@example.com")
            self._join_trello(login, name)

    def _join_trello(self, login: str, name: str) -> None:
        site = self.sites["tr"]
        site.add_member(login, name, f"{login}@example.com")
        company = site.state.organizations[next(iter(site.state.organizations))]
        company["idMembers"].append(site.state.member(login)["id"])

    def _people(self) -> None:
        chance = self.chance
        jira = self._of("jc", "jd")
        tools = [
            jira[0],
            "tr",
            "tr",
            jira[-1],
            *(chance.choice((*jira, "tr", "tr")) for _ in range(chance.randint(1, 4))),
        ]
        for number, tool in enumerate(tools):
            (self._issue if tool != "tr" else self._card)(tool, number)
        for name in self._of("kc", "kd"):
            self._pages(name)
        self._links()
        self._restrict_some()
        self.by_hand = dict(places_of(self.sites))

    def _owner(self, tool: str) -> tuple[str, str]:
        """Somebody's login and name, which are canaries, or a head's, who are told of what concerns them."""
        if "fs" in self.sites and self.chance.random() < 0.6:
            return f"head-{self.chance.randrange(HEADS)}", self.core()
        core = self.core()
        if tool == "tr":
            self._join_trello(core, f"{core} 伟")
        else:
            self.sites[tool].add_user(core, f"{core} 伟", f"{core}@example.com")
        return core, core

    def _texts(self) -> dict[str, str]:
        return {name: self.core() for name in ("title", "description", "comment", "label")}

    def day(self, number: int) -> date:
        """A weekday so many weekdays from today."""
        day = self.today
        step = 1 if number > 0 else -1
        for _ in range(abs(number)):
            day += timedelta(days=step)
            while day.weekday() > 4:
                day += timedelta(days=step)
        return day

    def _dates(self, number: int) -> tuple[date, date]:
        """Successors are planned to begin before their predecessors end, most of the time."""
        begin = number - 3 + self.chance.randint(-1, 2)
        return self.day(begin), self.day(begin + self.chance.randint(2, 6))

    def _status(self, tool: str, number: int) -> str:
        """What waits has not begun, most of the time: a delay moves nothing of what has."""
        has_begun = number == 0 or self.chance.random() < 0.15
        words = ("To Do", "In Progress") if tool == "jd" else LISTS
        return words[1] if has_begun else words[0]

    def _issue(self, tool: str, number: int) -> None:
        site, cores = self.sites[tool], self._texts()
        owner, cores["owner"] = self._owner(tool)
        start, due = self._dates(number)
        issue = site.create_issue(
            PROJECT[tool], dressed(cores["title"], self.chance), status=self._status(tool, number),
            description=dressed(cores["description"], self.chance), labels=[cores["label"]], assignee=owner,
            duedate=due.isoformat(), **{START: start.isoformat()},
        )  # fmt: skip
        item = Item(tool, str(issue.id), issue.key, "issue", {**cores, "key": issue.key})
        site.comment(issue.key, dressed(cores["comment"], self.chance), owner)
        if self.chance.random() < 0.3:
            what = f"internal comment on {item.ref}"
            self.internal[what], self.internal_home[what] = self.core(), item
            site.comment(issue.key, dressed(self.internal[what], self.chance), owner, properties=INTERNAL)
        self.items.append(item)

    def _card(self, tool: str, number: int) -> None:
        site, cores = self.sites["tr"], {**self._texts(), "attachment": self.core(), "check item": self.core()}
        owner, cores["owner"] = self._owner("tr")
        board = self.chance.choice(BOARDS)
        join_board(site.state, self.boards[board], site.state.member(owner)["id"])
        start, due = self._dates(number)
        card = site.add_card(
            self.boards[board]["id"], self._status(tool, number), dressed(cores["title"], self.chance), by="lead",
            desc=dressed(cores["description"], self.chance), idMembers=[site.state.member(owner)["id"]],
            start=f"{start}T01:00:00.000Z", due=f"{due}T10:00:00.000Z",
        )  # fmt: skip
        site.label(card["id"], cores["label"], by="lead")
        site.add_comment(card["id"], dressed(cores["comment"], self.chance), by="lead")
        site.add_checklist(card["id"], "准备", (dressed(cores["check item"], self.chance),), by="lead")
        site.attach(card["id"], f"https://files.example.com/{cores['attachment']}", cores["attachment"], by="lead")
        cores["key"] = card["shortLink"]
        self.items.append(Item("tr", card["id"], card["shortLink"], "card", cores, home=board))

    def _pages(self, name: str) -> None:
        wiki = self.sites[name]
        made: list[Item] = []
        for _ in range(self.chance.randint(1, 3)):
            cores = {"title": self.core(), "body": self.core(), "label": self.core()}
            parent = self.chance.choice([None, *made])
            page = wiki.create_page(
                SPACE[name], f"{cores['title']} 方案", f"<p>{cores['body']}</p>", parent_id=parent.id if parent else ""
            )
            wiki.label(page.id, cores["label"])
            made.append(Item(name, page.id, "", "page", cores, home=parent.id if parent else ""))
        self.items += made

    def _links(self) -> None:
        """Who waits for whom: from earlier to later records, said the way each tool says it."""
        work = self.tasks()
        for number, after in enumerate(work[1:], start=1):
            for before in self.chance.sample(work[:number], k=min(number, self.chance.choice((1, 1, 2)))):
                self._link(before, after)

    def _link(self, before: Item, after: Item) -> None:
        if before.site == after.site and before.kind == "issue":
            self.sites[before.site].link("Blocks", before.key, after.key)
        elif after.kind == "issue" and (before.kind == "issue" or self.chance.random() < 0.5):
            site = self.sites[after.site]
            text = dressed(after.cores["description"], self.chance)
            site.edit_issue(after.key, "lead", description=f"{text} 依赖：{self.url(before)} 。")
            self.said.add(before.cores["key"])
        elif after.site == "tr":
            self.sites["tr"].add_checklist(after.id, "依赖", (self.url(before),), by="lead")
            self.said.add(before.cores["key"])
        else:
            self.sites["tr"].attach(before.id, self.url(after), "", by="lead")
            self.said.add(after.cores["key"])
        self.edges.append((before, after))

    def url(self, item: Item) -> str:
        place = f"/c/{item.key}" if item.site == "tr" else f"/browse/{item.key}"
        return f"http://{HOST[item.site]}{place}"

    def _restrict_some(self) -> None:
        for item in self.tasks():
            if item.kind == "issue" and self.chance.random() < 0.3:
                self._set_level(item)
        if self.chance.random() < 0.4:
            self._set_board(self.chance.choice(BOARDS), "private")
        for page in self.pages():
            if self.chance.random() < 0.3:
                self._set_page(page, is_closed=True)

    # -- what people do

    def tasks(self) -> list[Item]:
        return [item for item in self.items if item.kind != "page"]

    def pages(self) -> list[Item]:
        return [item for item in self.items if item.kind == "page"]

    def _set_level(self, item: Item) -> None:
        level = self.chance.choice(LEVELS)
        self._secure(item, level)
        item.readers = f"{item.site} level {level['id']}"

    def _open_issue(self, item: Item) -> None:
        self._secure(item, None)
        item.readers = ""

    def _secure(self, item: Item, level: Mapping[str, str] | None) -> None:
        site = self.sites[item.site].site
        with site.lock:
            changed(site, site.any_issue(item.key), {"security": level}, site.users["lead"])

    def _set_board(self, board: str, level: str) -> None:
        self.sites["tr"].set_permission(self.boards[board]["id"], level)
        for item in self.items:
            if item.site == "tr" and item.home == board:
                item.readers = f"board {board}" if level == "private" else ""

    def _set_page(self, page: Item, *, is_closed: bool) -> None:
        page.readers = f"page {page.id}" if is_closed else ""
        self.sites[page.site].restrict(page.id, readers=("tieline",) if is_closed else ())
