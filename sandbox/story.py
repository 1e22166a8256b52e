"""The story that every simulator is seeded with: five departments, one slipping payment interface, one RACI table.

Data only. Dates are counted in weekdays from an anchor day, so that the demo tells the same story on any day;
tests give a fixed anchor. Each simulator turns these values into its own vendor's objects (``seed.py`` beside it).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class StoryPerson:
    """One colleague. ``key`` is stable; each simulator makes its own account id from it, always the same one."""

    key: str
    name: str
    english_name: str
    department: str
    email: str
    is_head: bool = False


@dataclass(frozen=True)
class StoryTask:
    """One work item in one tool. ``waits_for`` holds keys of tasks that must finish first, as its tool can say it.

    status is one of todo, in_progress, done (each simulator has its own words). ``old_due`` is what the due date was
    before it was moved: the simulators write it into their change history.
    """

    key: str
    tool: str  # jira-cloud | jira-dc | trello
    project: str  # Jira project key, or Trello board name
    title: str
    department: str
    owner: str | None
    status: str
    start: date | None = None
    due: date | None = None
    old_due: date | None = None
    finished: date | None = None
    description: str = ""
    labels: tuple[str, ...] = ()
    priority: str = "Medium"
    waits_for: tuple[str, ...] = ()
    is_restricted: bool = False
    parent: str | None = None
    raci: tuple[tuple[str, str], ...] = ()  # (department, R|A|C|I)


@dataclass(frozen=True)
class StoryProject:
    """A Jira project or a Trello board."""

    tool: str
    key: str
    name: str
    department: str


@dataclass(frozen=True)
class StoryPage:
    """A page somebody wrote. ``storage`` is Confluence storage format."""

    space: str
    title: str
    storage: str
    parent: str | None = None
    labels: tuple[str, ...] = ()
    author: str = "zhao-min"


@dataclass(frozen=True)
class Story:
    departments: tuple[str, ...]
    people: tuple[StoryPerson, ...]
    projects: tuple[StoryProject, ...]
    tasks: tuple[StoryTask, ...]
    spaces: tuple[tuple[str, str, str], ...]  # (site, space key, space name)
    pages: tuple[StoryPage, ...]
    anchor: date

    def person(self, key: str) -> StoryPerson:
        return next(person for person in self.people if person.key == key)

    def task(self, key: str) -> StoryTask:
        return next(task for task in self.tasks if task.key == key)


DEPARTMENTS = ("市场部", "产品部", "技术部", "销售部", "财务部")
PEOPLE = (
    StoryPerson("zhang-wei", "张伟", "Zhang Wei", "技术部", "zhang.wei@example.com"),
    StoryPerson("chen-jie", "陈杰", "Chen Jie", "技术部", "chen.jie@example.com", is_head=True),
    StoryPerson("li-na", "李娜", "Li Na", "产品部", "li.na@example.com"),
    StoryPerson("zhao-min", "赵敏", "Zhao Min", "产品部", "zhao.min@example.com", is_head=True),
    StoryPerson("wang-fang", "王芳", "Wang Fang", "市场部", "wang.fang@example.com", is_head=True),
    StoryPerson("liu-yang", "刘洋", "Liu Yang", "销售部", "liu.yang@example.com", is_head=True),
    StoryPerson("sun-li", "孙丽", "Sun Li", "财务部", "sun.li@example.com", is_head=True),
)
# The customer's own table, row by row as given; 执行落地 and 资源申请 are kept exactly as they stand.
RACI_ROWS = (
    ("目标拆解", "RACCI"),
    ("方案设计", "RACCI"),
    ("资源申请", "RCCCA"),
    ("执行落地", "RRRRI"),
    ("效果复盘", "ARRRC"),
)
GROWTH_PLAN = "年度用户增长计划"


def weekday(anchor: date, days: int) -> date:
    """The day so many weekdays after the anchor (before, when negative). A weekend anchor counts as its Friday."""
    day = anchor - timedelta(days=max(0, anchor.weekday() - 4))
    step = 1 if days > 0 else -1
    for _ in range(abs(days)):
        day += timedelta(days=step)
        while day.weekday() > 4:
            day += timedelta(days=step)
    return day


def _payment_tasks(anchor: date) -> tuple[StoryTask, ...]:
    def day(days: int) -> date:
        return weekday(anchor, days)

    return (
        StoryTask(
            "PAY-1", "jira-cloud", "PAY", "支付接口开发", "技术部", "zhang-wei", "in_progress",
            start=day(-8), due=day(4), old_due=day(1), priority="High", labels=("支付", "q4"),
            description="对接新支付网关，输出支付、退款、对账三个接口。",
        ),
        StoryTask(
            "PAY-2", "jira-cloud", "PAY", "风控规则对接", "技术部", "chen-jie", "done",
            start=day(-12), due=day(-5), finished=day(-5),
        ),
        StoryTask(
            "PAY-3", "jira-cloud", "PAY", "核心商户赔付名单核对", "技术部", "chen-jie", "in_progress",
            start=day(-3), due=day(6), old_due=day(2), is_restricted=True,
            description="名单不得外传。",
        ),
        StoryTask(
            "PAY-4", "jira-cloud", "PAY", "支付回调压测", "技术部", "zhang-wei", "todo",
            start=day(5), due=day(7), waits_for=("PAY-1",),
        ),
        StoryTask(
            "card-test", "trello", "产品部看板", "支付流程测试", "产品部", "li-na", "todo",
            start=day(2), due=day(4), labels=("支付",), waits_for=("PAY-1",),
            description="支付接口提测后，走完下单、支付、退款全流程。",
        ),
        StoryTask(
            "card-launch", "trello", "产品部看板", "支付功能上线说明", "产品部", "zhao-min", "todo",
            start=day(5), due=day(6), waits_for=("card-test",),
        ),
        StoryTask(
            "card-contract", "trello", "销售部看板", "大客户续约方案", "销售部", "liu-yang", "todo",
            start=day(3), due=day(8), waits_for=("PAY-3",),
        ),
    )  # fmt: skip


def _growth_tasks(anchor: date) -> tuple[StoryTask, ...]:
    def day(days: int) -> date:
        return weekday(anchor, days)

    owners = ("wang-fang", "wang-fang", "wang-fang", "liu-yang", "wang-fang")
    rows = tuple(
        StoryTask(
            f"card-growth-{number}", "trello", GROWTH_PLAN, title, "市场部", owner, "done" if number == 1 else "todo",
            start=day(5 * number - 9), due=day(5 * number - 5), finished=day(0) if number == 1 else None,
            waits_for=(f"card-growth-{number - 1}",) if number > 1 else (),
            raci=tuple(zip(DEPARTMENTS, letters, strict=True)),
        )
        for number, ((title, letters), owner) in enumerate(zip(RACI_ROWS, owners, strict=True), start=1)
    )  # fmt: skip
    return (
        *rows,
        StoryTask(
            "FIN-1", "jira-dc", "FIN", "Annual budget approval", "财务部", "sun-li", "in_progress",
            start=day(-2), due=day(9), old_due=day(6), description="Approve the growth plan's budget.",
        ),
        StoryTask(
            "MKT-1", "jira-dc", "MKT", "Channel campaign launch", "市场部", "wang-fang", "todo",
            start=day(7), due=day(12), waits_for=("FIN-1",), description="Starts once FIN-1 is approved.",
        ),
        StoryTask("MKT-2", "jira-dc", "MKT", "Landing page copy", "市场部", "wang-fang", "done", due=day(-4), finished=day(-4)),
    )  # fmt: skip


def _raci_page() -> str:
    head = "".join(f"<th><p>{name}</p></th>" for name in ("工作项", *DEPARTMENTS))
    rows = "".join(
        "<tr>" + "".join(f"<td><p>{cell}</p></td>" for cell in (title, *letters)) + "</tr>"
        for title, letters in RACI_ROWS
    )
    return f"<h2>{GROWTH_PLAN}：RACI</h2><table><tbody><tr>{head}</tr>{rows}</tbody></table>"


def story(anchor: date) -> Story:
    """The whole story, dated around the anchor day."""
    return Story(
        departments=DEPARTMENTS,
        people=PEOPLE,
        projects=(
            StoryProject("jira-cloud", "PAY", "支付平台", "技术部"),
            StoryProject("jira-dc", "FIN", "Finance", "财务部"),
            StoryProject("jira-dc", "MKT", "Marketing", "市场部"),
            StoryProject("trello", "产品部看板", "产品部看板", "产品部"),
            StoryProject("trello", "销售部看板", "销售部看板", "销售部"),
            StoryProject("trello", GROWTH_PLAN, GROWTH_PLAN, "市场部"),
        ),
        tasks=(*_payment_tasks(anchor), *_growth_tasks(anchor)),
        spaces=(
            ("confluence-cloud", "TEAM", "跨部门协作"),
            ("confluence-dc", "OPS", "Operations"),
        ),
        pages=(
            StoryPage("TEAM", GROWTH_PLAN, _raci_page(), labels=("raci",), author="wang-fang"),
            StoryPage("TEAM", "会议室预订须知", "<p>请提前一天在行政系统预订。</p>"),
            StoryPage("OPS", "Welcome", "<p>Start here.</p>", author="sun-li"),
        ),
        anchor=anchor,
    )
