"""CalDAV over real HTTP against Radicale itself: discovery, what lies beside to-dos, what two programs make of one list."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.caldav import CONNECTOR
from sandbox.caldav import PASSWORD, USER, CalDavServer
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound
from sync.core.ports import ConnectionSettings, Cursor
from tests.conformance.subjects import Clock, read, served
from tests.conformance.test_caldav import CalDavSubject
from tests.end_to_end.company import tieline


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[CalDavSubject]:
    clock = Clock()
    server = CalDavServer(tmp_path / "radicale", "caldav-live", clock)
    made = CalDavSubject(server, served(server), clock)
    yield made
    for connection in made.opened:
        connection.close()


def connection(subject: CalDavSubject, **changes: Any) -> Any:
    settings = ConnectionSettings(
        "todo-main", "caldav", changes.get("base_url", subject.wire.url), "server", scopes=(subject.scope,), requests_per_second=5000,
        credentials={"user": USER, "password": changes.get("password", PASSWORD)},
    )  # fmt: skip
    subject.opened.append(CONNECTOR.connect(settings))
    subject.opened[-1].remote._sleep = lambda _: None
    return subject.opened[-1]


def test_who_we_are_is_discovered_from_the_servers_address(subject: CalDavSubject) -> None:
    identity = subject.source.identify()
    assert (identity.fingerprint, identity.account.id) == (f"caldav:{subject.wire.url}/{USER}/", f"/{USER}/")
    assert connection(subject, base_url=f"{subject.wire.url}/{USER}").identify() == identity
    with pytest.raises(AccessDenied, match="app password"):
        connection(subject, password="another-one-3c4d").identify()


def test_the_password_travels_in_a_header_only(subject: CalDavSubject) -> None:
    subject.source.identify()
    assert all(PASSWORD not in request for request in subject.wire.requests())


def test_doctor_tells_what_is_missing(subject: CalDavSubject) -> None:
    assert [probe.is_ok for probe in subject.source.probes()] == [True, True]
    subject.server.hide(subject.list)
    [failed] = [probe for probe in subject.source.probes() if probe.is_ok is False]
    assert "share the task list" in failed.detail


def test_a_list_may_be_named_by_its_path_and_a_name_must_mean_one(subject: CalDavSubject) -> None:
    assert len(read(subject.source, "todos", subject.list)) == 1
    subject.server.add_list(subject.scope, "twin")
    with pytest.raises(ConfigError) as caught:
        read(subject.source, "todos", subject.scope)
    assert f"/{USER}/twin/" in str(caught.value)
    with pytest.raises(NotFound, match="没有的清单"):
        read(subject.source, "todos", "没有的清单")


def test_appointments_beside_to_dos_are_none(subject: CalDavSubject) -> None:
    event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:e\r\nDTSTAMP:20261124T020000Z\r\nDTSTART:20261124T020000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    subject.server.write_text(f"{subject.list}event.ics", event)
    assert len(read(subject.source, "todos", subject.scope)) == 1
    assert len([path for page in subject.source.census("todos", subject.scope) for path in page]) == 1


def test_only_what_changed_is_read_whole(subject: CalDavSubject) -> None:
    for number in range(60):
        subject.make(f"第 {number} 件")
    subject.clock.now += timedelta(hours=3)
    path = subject.make("新")
    subject.wire.forget()
    cursor = Cursor("todos", subject.scope, subject.clock.now - timedelta(minutes=1))
    assert [record.ref.key for record in read(subject.source, "todos", subject.scope, cursor)] == [path]
    assert [request.split()[0] for request in subject.wire.requests()].count("REPORT") == 2


def test_a_to_do_that_was_moved_is_gone_here_and_there_again(subject: CalDavSubject) -> None:
    path = subject.make("要搬走")
    there = path.replace(subject.list, subject.elsewhere)
    subject.server.move(path, there)
    assert subject.source.look_up("todos", path) == "deleted"
    assert subject.source.look_up("todos", there) == "moved"


def test_what_another_program_saved_is_read(subject: CalDavSubject) -> None:
    """A client of the standard, by HTTP: an etag of the server's, names with blanks and signs."""
    body = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:other\r\nBEGIN:VTODO\r\nUID:other\r\nDTSTAMP:20261124T020000Z\r\nSUMMARY:外部\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
    url = f"{subject.wire.url}{subject.list}a%20b%2B%26.ics"
    answer = httpx.put(
        url, content=body.encode(), headers={"content-type": "text/calendar"}, auth=(USER, PASSWORD), trust_env=False
    )
    assert answer.status_code == 201
    path = f"{subject.list}a b+&.ics"
    [shard] = subject.source.pick("todos", subject.scope, [path])
    [[record]] = subject.source.fetch(shard)
    assert (record.ref.key, record.version) == (path, answer.headers["etag"])
    assert subject.source.look_up("todos", path) == "here"


def test_an_address_that_is_no_caldav_server_is_told(subject: CalDavSubject) -> None:
    subject.wire.plan("html", times=100)
    with pytest.raises(Nonsense):
        connection(subject).identify()


CONFIG = """
database: sqlite:///tieline.db
mappings: mappings
connections:
  qingdan:
    type: caldav
    base_url: {url}
    user: tieline
    password: env:CALDAV_PASSWORD
"""


def test_to_dos_are_tasks_that_wait_for_one_another(
    subject: CalDavSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALDAV_PASSWORD", PASSWORD)
    (tmp_path / "mappings").mkdir()
    example = Path(__file__).parents[2] / "mappings/examples/caldav.yaml"
    (tmp_path / "mappings/qingdan.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "mappings/departments.yaml").write_text("departments:\n  service: {name: 客服部}\n", encoding="utf-8")
    config = tmp_path / "tieline.yaml"
    config.write_text(CONFIG.format(url=subject.wire.url), encoding="utf-8")
    subject.clock.now = datetime(2026, 11, 25, tzinfo=UTC)
    lines = {"DUE;VALUE=DATE": "20261130", "ORGANIZER;CN=吴倩": "mailto:wu@x.example"}
    first = subject.server.new(subject.list, SUMMARY="话术定稿", STATUS="IN-PROCESS", **lines)
    uid = first.rpartition("/")[2].removesuffix(".ics")
    second = subject.server.new(subject.list, SUMMARY="培训", **{"RELATED-TO;RELTYPE=DEPENDS-ON": uid})

    def say(*words: str) -> Any:
        said = tieline(*words, "--config", config, "--json")
        assert said.code in (0, 5), said
        return said.json()

    assert tieline("check", "--config", config).code == 0
    assert say("collect")["connections"]["qingdan"]["error"] is None
    tasks = {task["title"]: task for task in say("tasks")}
    assert (tasks["话术定稿"]["status"], tasks["话术定稿"]["due"], tasks["话术定稿"]["department"]) == (
        "in_progress", "2026-11-30", "tieline:department:service",
    )  # fmt: skip
    [dependency] = say("dependencies")
    assert (dependency["predecessor"], dependency["successor"]) == (f"qingdan:task:{first}", f"qingdan:task:{second}")
