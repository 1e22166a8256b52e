"""Asana over real HTTP: where a task belongs, what its lists leave out, what it refuses, and every request in the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asana
import msgspec
import pytest
from asana.rest import ApiException
from structlog.testing import capture_logs

from connectors.asana import CONNECTOR
from sandbox.asana import TOKEN, AsanaSimulator
from sandbox.asana.state import Project
from sandbox.faults import Fault
from sandbox.http import Request, Response
from sandbox.server import Sandbox
from sync.core.errors import AccessDenied, CannotExpress, ConfigError, LostAnswer, Nonsense, NotFound, Refused, TryLater
from sync.core.ports import ConnectionSettings, Cursor, LinkEnd, Probe
from sync.core.values import RawRecord, Ref
from tests.conformance.subjects import MARK, Clock, read, text
from tests.connectors.contract import SPECS, assert_request_in_contract

SPEC = SPECS / "asana" / "asana_oas.yaml"
FIRST, SECOND = "客服上线准备", "市场活动"
PAY = LinkEnd(Ref("jira-main:task:1"), "PAY-77", "支付接口开发", "https://jira.example/browse/PAY-77")


class Bench:
    """A workspace behind its port with two collected projects, and connections to it."""

    def __init__(self) -> None:
        self.simulator = AsanaSimulator("asana", Clock())
        self.first, self.second = self.simulator.add_project(FIRST), self.simulator.add_project(SECOND)
        self.sandbox = Sandbox([self.simulator]).start()
        self.opened: list[Any] = []
        self.asana = self.connect()

    def connect(self, **changes: Any) -> Any:
        settings = ConnectionSettings(
            "asana-main", "asana", self.sandbox.url("asana"), "cloud", installation="demo", scopes=changes.pop("scopes", (FIRST, SECOND)),
            language=changes.pop("language", "zh-CN"), credentials={"token": changes.pop("token", TOKEN)}, options=changes,
            requests_per_second=5000,
        )  # fmt: skip
        self.opened.append(CONNECTOR.connect(settings))
        self.opened[-1].remote._sleep = lambda _: None
        return self.opened[-1]

    def task(self, name: str, project: Project | None = None, **details: Any) -> str:
        return self.simulator.add_task(project or self.first, name, **details).gid

    def titles(self, scope: str, cursor: Cursor | None = None, source: Any = None) -> list[str]:
        return sorted(title_of(item) for item in read(source or self.asana, "tasks", scope, cursor))

    def census(self, scope: str) -> list[str]:
        return [key for page in self.asana.census("tasks", scope) for key in page]

    def requests(self) -> list[str]:
        return [f"{entry.method} {entry.path.removeprefix('/api/1.0')}" for entry in self.sandbox.requests("asana")]


def title_of(raw: RawRecord) -> str:
    return CONNECTOR.record_from_raw(raw, ConnectionSettings("asana-main", "asana", "")).title


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for connection in made.opened:
        connection.close()
    made.sandbox.stop()
    for entry in made.sandbox.requests("asana"):
        body = b"" if b"form-data" in entry.body else entry.body
        assert_request_in_contract(SPEC, entry.method, entry.path, entry.query, body, base_path="/api/1.0")


# -- signing in, and what doctor says


def test_who_we_are_and_where(bench: Bench) -> None:
    identity = bench.asana.identify()
    assert identity.fingerprint == f"asana:{bench.simulator.state.workspace}"
    assert identity.account.name == "Tieline"
    with pytest.raises(AccessDenied, match="developer console"):
        bench.connect(token="a-token-of-nobody-7d6c5b").identify()
    with pytest.raises(ConfigError, match="belongs to no workspace '别家'"):
        bench.connect(workspace="别家").identify()


def test_doctor_tells_what_is_missing_in_the_words_of_the_settings(bench: Bench) -> None:
    def failed() -> list[Probe]:
        return [probe for probe in bench.asana.probes() if probe.is_ok is False]

    assert failed() == []
    bench.simulator.set_privacy(bench.second, "private")
    [hidden] = [probe for probe in bench.asana.probes() if "private" in probe.detail]
    assert "quoted_projects" in hidden.cure
    bench.second.is_visible = False
    [missing] = failed()
    assert (missing.operation, "共享" in missing.cure) == (f"see project {SECOND}", True)


def test_a_project_may_be_named_by_its_id_and_a_name_must_mean_one(bench: Bench) -> None:
    bench.task("一")
    assert bench.titles(bench.first.gid, source=bench.connect(scopes=(bench.first.gid,))) == ["一"]
    twin = bench.simulator.add_project(FIRST)
    with pytest.raises(ConfigError) as caught:
        bench.connect().vocabulary()
    assert bench.first.gid in str(caught.value)
    assert twin.gid in str(caught.value)
    with pytest.raises(NotFound, match="没有的项目"):
        bench.connect(scopes=("没有的项目",)).vocabulary()


def test_the_vocabulary_names_sections_and_custom_fields(bench: Bench) -> None:
    field = bench.simulator.add_field(bench.first, "优先级", "enum", ("高", "低"))
    found = bench.asana.vocabulary()
    assert {"待办", "进行中", "completed", "incomplete"} <= {*found.statuses}
    assert [(item.id, item.name, item.type) for item in found.fields] == [(field.gid, "优先级", "enum")]


# -- where a task belongs


def test_a_task_of_several_projects_is_collected_once_in_the_first_that_the_mapping_names(bench: Bench) -> None:
    gid = bench.task("两处都有", bench.second)
    bench.simulator.state.tasks[gid].places[bench.first.gid] = bench.first.sections[1].gid
    assert (bench.titles(FIRST), bench.titles(SECOND)) == (["两处都有"], [])
    assert (bench.census(FIRST), bench.census(SECOND)) == ([gid], [])
    [record] = read(bench.asana, "tasks", FIRST)
    settings = ConnectionSettings("asana-main", "asana", "")
    assert CONNECTOR.record_from_raw(record, settings).values["section"] == "进行中"


def test_subtasks_of_subtasks_belong_where_their_parent_does(bench: Bench) -> None:
    parent = bench.task("上线")
    child = bench.simulator.add_task(None, "话术", parent=parent).gid
    grandchild = bench.simulator.add_task(None, "评审", parent=child).gid
    placed = bench.simulator.add_task(bench.second, "物料", parent=parent).gid
    assert bench.titles(FIRST) == sorted(["上线", "话术", "评审"])
    assert bench.titles(SECOND) == ["物料"]
    assert sorted(bench.census(FIRST)) == sorted([parent, child, grandchild])
    assert [bench.asana.look_up("tasks", gid) for gid in (parent, child, grandchild, placed)] == ["here"] * 4
    without = bench.connect(subtasks=False)
    assert bench.titles(FIRST, source=without) == ["上线"]
    assert without.look_up("tasks", child) == "moved"


def test_a_changed_subtask_is_seen_though_its_parent_did_not_change(bench: Bench) -> None:
    parent = bench.task("上线")
    child = bench.simulator.add_task(None, "话术", parent=parent).gid
    bench.simulator.clock.now = datetime(2026, 11, 25, tzinfo=UTC)  # type: ignore[attr-defined]
    bench.simulator.edit_task(child, name="话术二稿")
    cursor = Cursor("tasks", FIRST, datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert bench.titles(FIRST, cursor) == ["话术二稿"]


def test_a_project_that_became_private_is_read_whole_though_no_task_changed(bench: Bench) -> None:
    bench.task("名单")
    cursor = Cursor("tasks", FIRST, datetime(2026, 11, 24, 12, tzinfo=UTC))
    assert read(bench.asana, "tasks", FIRST, cursor) == []
    bench.simulator.clock.now = datetime(2026, 11, 25, tzinfo=UTC)  # type: ignore[attr-defined]
    bench.simulator.set_privacy(bench.first, "private")
    assert [item.visibility for item in read(bench.asana, "tasks", FIRST, cursor)] == ["restricted"]


def test_separators_are_no_tasks(bench: Bench) -> None:
    gid = bench.task("———")
    bench.simulator.state.tasks[gid].is_separator = True
    assert (bench.titles(FIRST), bench.census(FIRST), bench.asana.look_up("tasks", gid)) == ([], [], "archived")


def test_attachments_are_read_where_the_admin_asked_for_them(bench: Bench) -> None:
    bench.simulator.attach(bench.task("一"), "等待：PAY-77", PAY.url)
    settings = ConnectionSettings("asana-main", "asana", "")
    for source, count in ((bench.asana, 0), (bench.connect(attachments=True), 1)):
        [record] = read(source, "tasks", FIRST)
        assert len(CONNECTOR.record_from_raw(record, settings).mentions) == count


def test_a_list_that_leads_in_a_circle_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(120):
        bench.task(f"第 {number} 件")
    monkeypatch.setattr("sandbox.asana.lists.secrets.token_urlsafe", lambda _: "the-same")
    monkeypatch.setattr("sandbox.asana.lists.Lists._start", lambda *_: 0)
    with pytest.raises(Nonsense, match="there before"):
        bench.census(FIRST)


def test_a_hundred_tasks_cost_one_request(bench: Bench) -> None:
    for number in range(150):
        bench.task(f"第 {number} 件")
    bench.asana.identify()
    bench.sandbox.forget_requests()
    source = bench.connect(subtasks=False)
    source.site.project(FIRST)
    source.site.project(SECOND)
    bench.sandbox.forget_requests()
    assert len(read(source, "tasks", FIRST)) == 150
    assert bench.requests() == [f"GET /projects/{bench.first.gid}", "GET /tasks", "GET /tasks"]


# -- comments


def test_a_comment_as_a_colleague_reads_it(bench: Bench) -> None:
    task = Ref.of("asana-main", "task", bench.task("客服话术更新"))
    bench.asana.add_comment(task, MARK, text("支付接口开发晚 3 个工作日 <b>"))
    page = dict(bench.simulator.pages())["客服话术更新"]
    request = Request("GET", page, {}, {}, b"", "")
    shown = bench.simulator.handle(request).body.decode()
    assert "支付接口开发晚 3 个工作日 &lt;b&gt;" in shown


def test_a_text_that_asana_does_not_take_as_html_is_sent_plain(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.asana.html.ALLOWED", frozenset({"body"}))
    task = Ref.of("asana-main", "task", bench.task("一"))
    from sync.core.rich_text import Paragraph, Text

    with capture_logs() as logs:
        made = bench.asana.add_comment(task, MARK, (Paragraph((Text("晚 3 天", is_bold=True),)),))
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"]
    assert bench.asana.find_comment(task, MARK) == made
    assert made.is_untouched
    assert made.block == bench.asana.block_of_comment((Paragraph((Text("晚 3 天", is_bold=True),)),))


def test_where_asana_keeps_other_words_the_mark_learns_how_they_read(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sandbox.asana import html

    whole = html.shown
    monkeypatch.setattr(html, "shown", lambda said, names: whole(said, names).replace("工作日", "个工作日"))
    task = Ref.of("asana-main", "task", bench.task("一"))
    made = bench.asana.add_comment(task, MARK, text("晚 3 工作日"))
    assert made.is_untouched
    assert made.block == bench.asana.block_of_comment(text("晚 3 工作日"))
    assert bench.asana.find_comment(task, MARK) == made
    bench.simulator.edit_comment(
        made.id, bench.simulator.story(made.id)[1].html.removeprefix("<body>").removesuffix("</body>") + "好的"
    )
    found = bench.asana.find_comment(task, MARK)
    assert found is None or not found.is_untouched


@pytest.mark.parametrize("told", [{"gid": "1", "resource_type": "story"}, {"resource_type": "story"}])
def test_a_write_of_which_nothing_is_told_is_a_lost_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, told: dict[str, str]
) -> None:
    monkeypatch.setattr("sandbox.asana.shapes.story", lambda *_: told)
    monkeypatch.setattr("sandbox.asana.shapes.attachment", lambda *_: {"resource_type": "attachment"})
    task = Ref.of("asana-main", "task", bench.task("一"))
    with pytest.raises(LostAnswer):
        bench.asana.add_comment(task, MARK, text("一"))
    with pytest.raises(LostAnswer):
        bench.asana.add_link(task, PAY, "blocks", MARK)


def test_a_comment_of_another_task_is_not_ours_to_edit(bench: Bench) -> None:
    one, other = (Ref.of("asana-main", "task", bench.task(name)) for name in ("一", "二"))
    made = bench.asana.add_comment(one, MARK, text("一"))
    with pytest.raises(NotFound):
        bench.asana.edit_comment(other, made, MARK, text("二"))


# -- links


def native(gid: str) -> LinkEnd:
    return LinkEnd(Ref.of("asana-main", "task", gid), gid, "另一件", f"https://app.asana.com/0/0/{gid}")


def test_a_dependency_is_asanas_own_and_is_written_once(bench: Bench) -> None:
    task, other = bench.task("一"), bench.task("二", bench.second)
    for _ in range(2):
        made = bench.asana.add_link(Ref.of("asana-main", "task", task), native(other), "waits_for", MARK)
    assert made.id == f"{other}>{task}"
    assert bench.simulator.state.tasks[task].dependencies == [other]
    [link] = CONNECTOR.record_from_raw(
        read(bench.asana, "tasks", FIRST)[0], ConnectionSettings("asana-main", "asana", "")
    ).links
    assert link.id == made.id


def test_what_already_waits_the_other_way_round_is_refused_and_stays(bench: Bench) -> None:
    task, other = bench.task("一"), bench.task("二")
    bench.simulator.depend(task, other)
    with pytest.raises(Refused, match="the other way round"):
        bench.asana.add_link(Ref.of("asana-main", "task", task), native(other), "waits_for", MARK)
    assert bench.simulator.state.tasks[other].dependencies == [task]


def test_thirty_are_the_most_at_either_end(bench: Bench) -> None:
    full, other = bench.task("满了"), bench.task("二")
    for number in range(30):
        bench.simulator.depend(bench.task(f"第 {number} 件"), full)
    bench.sandbox.forget_requests()
    for task, end in ((full, other), (other, full)):
        with pytest.raises(Refused, match=f"task {full} has 30 dependencies and dependents"):
            bench.asana.add_link(Ref.of("asana-main", "task", task), native(end), "waits_for", MARK)
    assert not [request for request in bench.requests() if request.startswith("POST")]


def test_a_plan_without_dependencies_says_so(bench: Bench) -> None:
    bench.simulator.is_free_plan = True
    with pytest.raises(Refused, match="paid plan"):
        bench.asana.add_link(Ref.of("asana-main", "task", bench.task("一")), native(bench.task("二")), "blocks", MARK)


@pytest.mark.parametrize(
    ("language", "name"), [("zh-CN", "等待：PAY-77 支付接口开发"), ("en", "Waits for: PAY-77 支付接口开发")]
)
def test_what_waits_for_another_tool_says_so_in_the_name_of_the_attachment(
    bench: Bench, language: str, name: str
) -> None:
    gid = bench.task("一")
    made = bench.connect(language=language).add_link(Ref.of("asana-main", "task", gid), PAY, "waits_for", MARK)
    [attachment] = bench.simulator.state.tasks[gid].attachments
    assert (attachment.gid, attachment.name, attachment.url) == (made.id, name, PAY.url)
    twice = msgspec.structs.replace(PAY, title="PAY-77 支付接口开发")
    assert bench.asana.add_link(Ref.of("asana-main", "task", bench.task("二")), twice, "waits_for", MARK)
    assert [
        item.name.count("PAY-77") for task in bench.simulator.state.tasks.values() for item in task.attachments
    ] == [1, 1]
    # A colleague of the other language finds it too.
    assert bench.asana.find_link(Ref.of("asana-main", "task", gid), PAY, "waits_for", MARK)
    with pytest.raises(CannotExpress):
        bench.asana.add_link(Ref.of("asana-main", "task", gid), LinkEnd(PAY.ref, "x", "x", ""), "blocks", MARK)


# -- limits


def test_a_long_pause_is_for_the_next_run(bench: Bench) -> None:
    bench.simulator.faults.plan(Fault("rate_limited", times=1000, value=1800))
    with pytest.raises(TryLater) as caught:
        bench.asana.identify()
    assert caught.value.retry_after
    assert caught.value.retry_after.total_seconds() > 1700


# -- the vendor's own client sees the same Asana


def test_asanas_own_client_reads_and_writes_the_simulator(bench: Bench) -> None:
    configuration = asana.Configuration()
    configuration.host, configuration.access_token = f"{bench.sandbox.url('asana')}/api/1.0", TOKEN
    client = asana.ApiClient(configuration)
    tasks, stories = asana.TasksApi(client), asana.StoriesApi(client)
    for number in range(130):
        bench.task(f"第 {number} 件")
    listed = list(
        tasks.get_tasks({"project": bench.first.gid, "limit": 50, "opt_fields": "name,memberships.section.name"})
    )
    assert len(listed) == 130
    assert listed[0]["memberships"][0]["section"]["name"] == "待办"
    body = {"data": {"name": "外部客户端", "projects": [bench.first.gid], "due_on": "2026-12-01"}}
    made = tasks.create_task(body, {})
    assert (made["due_on"], made["name"]) == ("2026-12-01", "外部客户端")
    with pytest.raises(ApiException) as caught:
        tasks.update_task({"data": {"start_on": "2026-11-20"}}, made["gid"], {})
    assert caught.value.status == 400
    tasks.update_task({"data": {"completed": True}}, made["gid"], {})
    tasks.add_dependencies_for_task({"data": {"dependencies": [listed[0]["gid"]]}}, made["gid"])
    assert [item["gid"] for item in tasks.get_dependencies_for_task(made["gid"], {})] == [listed[0]["gid"]]
    story = stories.create_story_for_task(
        {"data": {"html_text": "<body>看 <strong>这里</strong></body>"}}, made["gid"], {}
    )
    assert story["text"] == "看 这里"
    with pytest.raises(ApiException):
        stories.create_story_for_task({"data": {"html_text": "<body><p>段</p></body>"}}, made["gid"], {})
    [own] = [item for item in read(bench.asana, "tasks", FIRST) if item.ref.key == made["gid"]]
    found = CONNECTOR.record_from_raw(own, ConnectionSettings("asana-main", "asana", ""))
    assert (found.values["state"], found.links[0].other_id) == ("completed", listed[0]["gid"])


def test_what_another_program_wrote_is_answered_by_the_simulator_as_asana_would(bench: Bench) -> None:
    """A list without ``project`` is refused, as is a page of more than a hundred."""
    for query in ({}, {"project": (bench.first.gid,), "limit": ("101",)}):
        headers = {"authorization": f"Bearer {TOKEN}"}
        answer: Response = bench.simulator.handle(Request("GET", "/api/1.0/tasks", query, headers, b"", ""))
        assert answer.status == 400
