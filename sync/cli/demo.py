"""`demo`: the main job, end to end, against simulated vendors in this process; prints what was written and where to look."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Mapping
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from sandbox import dingtalk, tableau
from sandbox.feishu import TEAM_CHAT_ID
from sandbox.powerbi import CLIENT_ID, TENANT
from sandbox.tableau.seed import PROJECT as TABLEAU_PROJECT
from sandbox.world import CREDENTIALS, World
from sandbox.yuque import BOOK
from sync.app import App, build
from sync.cli.cycle import change_text, code_of_cycle, show_collected, show_outcome
from sync.cli.demo_pages import save_pages
from sync.cli.log import set_up_logging
from sync.cli.show import counts_text, say, say_table
from sync.core.answering import acknowledgement
from sync.core.brakes import Accepted
from sync.core.errors import COMMAND_LINE, ConfigError, Problem
from sync.core.markdown import markdown_from_rich_text
from sync.core.messages import Answer
from sync.core.plan import Change
from sync.core.values import Ref
from sync.engine import Cycle
from sync.incidents import incident_key
from sync.web.answers import ear_of

MAPPINGS = Path(__file__).parents[2] / "mappings"
SOPS = Path(__file__).parents[2] / "sandbox" / "sops"
MAPPING_FILES = (
    "people.yaml", "departments.yaml", "calendar.yaml",
    "jira-main.yaml", "jira-finance.yaml", "trello-main.yaml", "confluence-main.yaml", "confluence-ops.yaml",
)  # fmt: skip
CHAT = "chat-main"
DEMO = "demo"  # the installation, and by it a folder that a demo may empty
EXAMPLES = {"yuque-main.yaml": "yuque.yaml", "caigou.yaml": "tabular.yaml", "asana-main.yaml": "asana.yaml"}
# The demo is told at any hour, and so are its people; a company leaves nights and days off alone.
DIGESTS = {"chats": [{"connection": "chat-main"}], "is_at_any_time": True}
RETROSPECTIVES = {"connection": "confluence-main", "space": "TEAM", "severity": "warning", "min_slip_days": 1}
SPREADSHEET = """编号,事项,状态,部门,负责人,计划开始,计划完成,前置任务
CG-1,采购支付压测服务器,未开始,财务部,孙丽,{start},{due},PAY-1
"""


def run_demo(folder: Path, keep: bool) -> int:
    """Run the story: a delay appears, nothing changes, it is over and looked back on; an incident. Exit code 0 when it all came true."""
    set_up_logging(is_quiet=True)
    _make_anew(folder)
    os.environ.update(CREDENTIALS)
    os.environ.pop("TIELINE_DATABASE", None)  # the demo has its own; a real one is not to be told stories
    with World() as world:
        config = write_config(folder, world.urls(), is_whole=True)
        app = build(config)
        try:
            codes = _tell(app, world)
        finally:
            app.close()
        index = save_pages(folder / "pages", world.urls(), list(world.pages()))
        say(f"Look: {index} (every page as a team sees it), {config}, {folder / 'tieline.sqlite'}")
        say(f"Ask:  tieline --config {config} explain PAY-1 due    (also: tasks, dependencies, findings, runs)")
        if keep:
            _stay(world)
    return max(codes)


def _make_anew(folder: Path) -> None:
    """An empty folder. Raises ConfigError where it cannot be made, and for one that is no demo's: what stands in it would be lost."""
    problem = ""
    try:
        if _holds_something_else(folder):
            problem = "holds something else, and the demo empties it first"
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"cannot be made: {error.strerror}"
    if problem:
        hint = "name another folder, such as var/demo"
        raise ConfigError([Problem(COMMAND_LINE, 0, f"--folder {folder}", problem, hint)])


def _holds_something_else(folder: Path) -> bool:
    if not folder.is_dir():
        return folder.exists()
    config = folder / "tieline.yaml"
    is_demo = config.is_file() and f"installation: {DEMO}\n" in config.read_text(encoding="utf-8", errors="replace")
    return any(folder.iterdir()) and not is_demo


def _tell(app: App, world: World) -> list[int]:
    say("1. The first run. 支付接口开发 (Jira) has slipped; 支付流程测试 (Trello) waits for it.")
    first = app.engine.cycle(Accepted(is_first_run=True))
    show_collected(first.collected)
    _show_written(first)
    say("2. The second run. The world did not change, so nothing may be written.")
    second = app.engine.cycle()
    show_outcome(second)
    say("3. 张伟 answers under Tieline's comment in Jira; the next run shows it on both sides.")
    answered = _answered_in_jira(app, world, "我来处理")
    say(
        "4. 张伟 finishes 支付接口开发; the next run closes the comments, says that testing can start and drafts a retrospective."
    )
    world.jira_cloud.edit_issue("PAY-1", status="已完成")
    closed = app.engine.cycle()
    _show_written(closed)
    say("5. And again nothing.")
    fourth = app.engine.cycle()
    show_outcome(fourth)
    incident = _tell_incident(app, world)
    is_quiet = not _written(second) and not _written(fourth)
    is_told = (
        bool(_written(first))
        and bool(_written(answered))
        and "retrospectives" in {change.job for change in _written(closed)}
    )
    codes = [code_of_cycle(cycle, None) for cycle in (first, second, answered, closed, fourth, *incident)]
    is_over = all(change.operation == "update" for change in _written(incident[-1]))
    has_met = any(change.kind == "room" for change in _written(incident[0]))
    return [*codes, 0 if is_quiet and is_told and has_met and is_over else 70]


def _answered_in_jira(app: App, world: World, words: str) -> Cycle:
    """张伟 writes this under our comment, and a run hears it."""
    line = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
    world.jira_cloud.comment("PAY-1", {"type": "doc", "version": 1, "content": [line]}, author="zhang-wei")
    say(f"  张伟: {words}")
    cycle = app.engine.cycle()
    _show_written(cycle)
    return cycle


def _tell_incident(app: App, world: World) -> list[Cycle]:
    """突发: an emergency group of the right people, quiet once somebody is on it, closed in place when it is solved."""
    say("6. 突发: 李娜 writes to Tieline's chat; the next run makes an emergency group of those who have to act.")
    _writes(app, world, "李娜", "突发 PAY-1 上线后接口全部超时")
    opened = app.engine.cycle()
    _show_written(opened)
    say("7. 张伟 presses 我来处理 there; the next run has nothing to ask.")
    _presses(app, world, "张伟", acknowledgement(incident_key(_task_of(app, "PAY-1"))))
    quiet = app.engine.cycle()
    show_outcome(quiet)
    say("8. 已解决: what was said is closed in its place.")
    _writes(app, world, "张伟", "已解决 PAY-1")
    solved = app.engine.cycle()
    _show_written(solved)
    return [opened, quiet, solved]


def _task_of(app: App, key: str) -> Ref:
    return next(task.ref for task in app.engine.view().tasks.values() if task.key == key)


def _writes(app: App, world: World, name: str, words: str) -> None:
    said = ear_of(app, CHAT).hear(Answer(words, _account(world, name), text=words), app.clock())
    say(f"  {name}: {words}")
    for line in markdown_from_rich_text(said.body).strip().splitlines() if said else ():
        say(f"      Tieline: {line}")


def _presses(app: App, world: World, name: str, action: str) -> None:
    ear_of(app, CHAT).hear(Answer(f"{name} {action}", _account(world, name), action), app.clock())


def _account(world: World, name: str) -> str:
    return next(key for key, one in world.feishu.state.people.items() if one.name == name)


def _written(cycle: Cycle) -> list[Change]:
    return cycle.outcome.written if cycle.outcome else []


def _show_written(cycle: Cycle) -> None:
    if cycle.planned:
        say(f"Plan: {counts_text(cycle.planned.plan.counts())}.")
    for change in _written(cycle):
        text = change_text(change)
        say(f"  {change.operation} {change.kind} at {change.target}")
        for line in text.splitlines()[:1] if change.kind == "page" else text.splitlines():
            say(f"      {line}")
    say(f"Run {cycle.run}: {len(_written(cycle))} written.")


def write_config(folder: Path, urls: Mapping[str, str], *, is_whole: bool = False) -> Path:
    """A configuration for the simulated sites, with copies of the mappings and SOPs to play with; ``is_whole`` for every tool there
    is, else for trackers, wikis, a chat and charts.
    """
    (folder / "mappings").mkdir()
    for name in MAPPING_FILES:
        shutil.copy(MAPPINGS / name, folder / "mappings" / name)
    shutil.copytree(SOPS, folder / "sops")
    pages = [
        {"connection": "confluence-main", "space": "TEAM", "title": "跨部门状态"},
        {"connection": "confluence-ops", "space": "OPS", "title": "Status across departments"},
    ]
    config: dict[str, Any] = {
        "installation": DEMO,
        "database": "sqlite:///tieline.sqlite",
        "mappings": "mappings",
        "language": "zh-CN",
        "zone": "Asia/Shanghai",
        "connections": _connections(urls),
        "jobs": {
            "delays": {"rooms": [{"connection": "chat-main", "room": TEAM_CHAT_ID}]},
            "sops": {"folder": "sops", "connection": "confluence-main", "space": "TEAM"},
            "status_view": {"pages": pages, "tables": [{"connection": "bi-main", "place": "运营"}]},
        },
    }
    if is_whole:
        config["jobs"]["escalations"] = {"connection": CHAT}
        _add_others(config, folder, urls)
    path = folder / "tieline.yaml"
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(config, file)
    return path


def _add_others(config: dict[str, Any], folder: Path, urls: Mapping[str, str]) -> None:
    """Yuque, Asana, WeCom and DingTalk, and a department whose work lies in a spreadsheet."""
    for name, example in EXAMPLES.items():
        shutil.copy(MAPPINGS / "examples" / example, folder / "mappings" / name)
    (folder / "drop").mkdir()
    (folder / "drop" / "采购任务.csv").write_text(_spreadsheet(), encoding="utf-8")
    table = {"file": "采购*.csv", "key": "编号", "title": "事项", "people": ["负责人"]}
    config["connections"] |= {
        "yuque-main": _connection("yuque", urls["yuque"], "", token="env:YUQUE_TOKEN"),
        "asana-main": _connection("asana", urls["asana"], "", token="env:ASANA_TOKEN"),
        "wecom-robot": _connection("wecom", urls["wecom"], "robot", webhook="env:WECOM_ROBOT"),
        "ding-main": _connection(
            "dingtalk",
            urls["dingtalk"],
            "app",
            client_id=dingtalk.CLIENT_ID,
            client_secret="env:DINGTALK_SECRET",
            card_template_id=dingtalk.CARD_TEMPLATE,
        ),
        "caigou": {
            "type": "tabular",
            "variant": "folder",
            "folder": str((folder / "drop").resolve()),
            "quiet_s": 0,
            "tables": {"采购任务": table},
        },
    }
    config["jobs"] |= {"retrospectives": RETROSPECTIVES, "digests": DIGESTS}
    config["jobs"]["delays"]["rooms"] += [
        {"connection": "wecom-robot", "room": "支付项目群"},
        {"connection": "ding-main", "room": dingtalk.GROUP},
    ]
    config["jobs"]["status_view"]["pages"].append({"connection": "yuque-main", "space": BOOK, "title": "跨部门状态"})
    if find_spec("tableauhyperapi"):
        _add_tableau(config, urls)
    else:
        say(
            "Tableau is left out: publishing there needs `pip install 'tieline[tableau]'`, which this machine does not have."
        )


def _add_tableau(config: dict[str, Any], urls: Mapping[str, str]) -> None:
    config["connections"]["charts-main"] = _connection(
        "tableau",
        urls["tableau"],
        "cloud",
        site=tableau.SITE,
        token_name=tableau.TOKEN_NAME,
        token_secret="env:TABLEAU_SECRET",
    )
    config["jobs"]["status_view"]["tables"].append({"connection": "charts-main", "place": TABLEAU_PROJECT})


def _spreadsheet() -> str:
    """A task that waits for what the story lets slip."""
    start = date.today() + timedelta(days=2)  # noqa: DTZ011 - the story is told in the dates of whoever looks
    return SPREADSHEET.format(start=start, due=start + timedelta(days=7))


def _connections(urls: Mapping[str, str]) -> dict[str, dict[str, str]]:
    return {
        "jira-main": _connection("jira", urls["jira-cloud"], "cloud", email="env:JIRA_EMAIL", token="env:JIRA_TOKEN"),
        "jira-finance": _connection("jira", urls["jira-dc"], "dc", token="env:JIRA_DC_TOKEN"),
        "trello-main": _connection("trello", urls["trello"], "", key="env:TRELLO_KEY", token="env:TRELLO_TOKEN"),
        "confluence-main": _connection(
            "confluence", urls["confluence-cloud"], "cloud", email="env:CONFLUENCE_EMAIL", token="env:CONFLUENCE_TOKEN"
        ),
        "confluence-ops": _connection("confluence", urls["confluence-dc"], "dc", token="env:CONFLUENCE_DC_TOKEN"),
        "bi-main": _connection(
            "powerbi",
            urls["powerbi"],
            "global",
            tenant=TENANT,
            client_id=CLIENT_ID,
            client_secret="env:POWERBI_SECRET",
            authority=urls["powerbi"],
        ),
        "chat-main": _connection(
            "feishu", urls["feishu"], "app", app_id="env:FEISHU_APP_ID", app_secret="env:FEISHU_APP_SECRET"
        ),
    }


def _connection(connector: str, url: str, variant: str, **credentials: str) -> dict[str, str]:
    settings = {"type": connector, "variant": variant, "base_url": url, "browse_base": url, **credentials}
    return {name: value for name, value in settings.items() if value}


def _stay(world: World) -> None:
    say_table("Pages worth opening (Ctrl-C ends the sandbox)", ("site", "page", "address"), list(world.pages()))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("Ended.")
