"""From a change at a vendor to what Tieline shows and writes, with a webhook as the only reason; and without any, as ever."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn

from sandbox.faults import Fault
from sync.app import build
from sync.cli import serve
from sync.cli.serve import Service
from sync.core.hooks import Hint
from sync.web.api import api
from tests.end_to_end.company import Company
from tests.end_to_end.traces import things
from tests.hooks.desk import SECRETS, eventually, listening

EVENTS = ("jira:issue_created", "jira:issue_updated", "jira:issue_deleted", "comment_created", "issuelink_created")


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    with listening(tmp_path / "company") as made:
        made.first_run()
        made.world.jira_dc.webhooks.is_admin = made.world.confluence_dc.webhooks.is_admin = True
        yield made


@contextmanager
def running(company: Company) -> Iterator[Service]:
    """The service with its loop and its HTTP face in this process; after the first cycle it would not poll again for a day."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serve, "HINTS_REST_S", 0.1)
        company.configure(serve={"every_minutes": 1440})
        service = Service(company.config, build(company.config))
        server = uvicorn.Server(uvicorn.Config(api(service.health, service.hooks), port=0, log_level="warning"))
        threads = [threading.Thread(target=server.run), threading.Thread(target=service.run)]
        threads[0].start()
        try:
            eventually(lambda: server.started)
            url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
            company.configure(serve__public_url=url)
            # What an administrator does by hand in Jira Cloud.
            company.world.jira_cloud.webhooks.add(f"{url}/hooks/jira-main", SECRETS["JIRA_HOOK"], EVENTS)
            threads[1].start()
            eventually(lambda: service.last_cycle_at and service.watched_at, 30)
            company.world.forget_requests()
            yield service
        finally:
            service.stop()
            server.should_exit = True
            for thread in threads:
                if thread.ident is not None:
                    thread.join(20)
            service.app.close()


def titles(service: Service) -> set[str]:
    return {task.title for task in service.app.store.load_tasks().values()} | {
        document.title for document in service.app.store.load_documents().values()
    }


def asked(company: Company, site: str) -> Counter[str]:
    return Counter(f"{request.method} {request.path}" for request in company.world.requests(site))


def polls(company: Company) -> list[str]:
    """Requests that list instead of reading what was named."""
    words = ("search", "cards/all", "/actions", "content?", "/spaces/")
    return [
        path
        for site in ("jira-cloud", "jira-dc", "trello", "confluence-dc")
        for path in asked(company, site)
        if any(word in path for word in words) and "/cards/" not in path.replace("cards/all", "")
    ]


def test_a_change_in_each_tool_is_seen_without_a_poll_of_the_whole(company: Company) -> None:
    world = company.world
    with running(company) as service:
        world.jira_cloud.edit_issue("PAY-1", summary="支付接口开发（新版）")
        world.jira_cloud.create_issue("PAY", "刚刚提出的任务")
        issue = next(issue for issue in world.jira_dc.site.issues.values() if issue.key.endswith("-1"))
        world.jira_dc.edit_issue(issue.key, summary="Budget approval, second round")
        card = world.trello.find_card("支付流程测试")
        world.trello.edit_card(card["id"], name="支付流程测试（新版）")
        page = world.confluence_dc.create_page("OPS", "A page written just now", "<p>Hello</p>")
        wanted = {
            "支付接口开发（新版）",
            "刚刚提出的任务",
            "Budget approval, second round",
            "支付流程测试（新版）",
            page.title,
        }
        eventually(lambda: wanted <= titles(service))
        assert polls(company) == []
        assert service.last_exit_code == 0


def test_a_new_link_is_a_dependency_at_once(company: Company) -> None:
    with running(company) as service:
        world, before = company.world, len(service.app.store.load_dependencies())
        ends = [world.jira_cloud.create_issue("PAY", title).key for title in ("前一步", "后一步")]
        eventually(lambda: {"前一步", "后一步"} <= titles(service))
        world.jira_cloud.link("Blocks", *ends)
        eventually(lambda: len(service.app.store.load_dependencies()) == before + 1)
        assert polls(company) == []


def test_the_story_ends_within_seconds_and_our_own_writes_start_no_loop(company: Company) -> None:
    with running(company) as service:
        company.world.jira_cloud.edit_issue("PAY-1", status="已完成")
        eventually(lambda: company.writes(), 20)
        eventually(
            lambda: not any(service.app.store.waiting_hints(name) for name in service.app.loaded.config.connections)
        )
        threading.Event().wait(1.5)
        company.world.forget_requests()
        threading.Event().wait(1.5)
        assert company.writes() == []
        after = things(company)
    with company.silence():
        company.run(0)
    assert things(company) == after


def test_the_same_delivery_twice_is_one_read(company: Company) -> None:
    with running(company) as service:
        company.world.jira_cloud.faults.plan(Fault("repeated_delivery", "jira:issue_updated", times=5))
        for number in range(3):
            company.world.jira_cloud.edit_issue("PAY-1", summary=f"Change {number}")
        eventually(lambda: "Change 2" in titles(service))
        eventually(lambda: len(company.world.jira_cloud.webhooks.courier.statuses) >= 6)
        threading.Event().wait(0.5)
        reads = [path for path in asked(company, "jira-cloud") if "bulkfetch" in path]
        assert sum(asked(company, "jira-cloud")[path] for path in reads) <= 3
        assert set(company.world.jira_cloud.webhooks.courier.statuses) == {200}


def test_a_late_delivery_brings_nothing_back(company: Company) -> None:
    """Deliveries come in no order: each is only a reason to read what is there now."""
    with running(company) as service:
        company.world.jira_cloud.faults.plan(Fault("late_delivery", "jira:issue_updated", value=1.0))
        company.world.jira_cloud.edit_issue("PAY-1", summary="The older change")
        company.world.jira_cloud.edit_issue("PAY-1", summary="The newer change")
        eventually(lambda: len(company.world.jira_cloud.webhooks.courier.statuses) >= 2)
        threading.Event().wait(0.7)
        assert "The newer change" in titles(service)
        assert "The older change" not in titles(service)


def test_when_every_delivery_is_lost_the_next_poll_tells_the_same(company: Company) -> None:
    with running(company) as service:
        for simulator in company.world.simulators.values():
            simulator.faults.plan(Fault("lost_delivery", times=1000))
        company.world.jira_cloud.edit_issue("PAY-1", summary="Told by nobody")
        threading.Event().wait(0.7)
        assert "Told by nobody" not in titles(service)
        assert service.health().is_healthy
        service._due = 0.0
        service.woken.set()
        eventually(lambda: "Told by nobody" in titles(service), 20)


def test_a_mistake_of_ours_in_following_hints_does_not_stop_polling(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> object:
        raise ValueError("a mistake of ours")

    with running(company) as service:
        monkeypatch.setattr(serve, "follow_hints", broken)
        company.world.jira_cloud.edit_issue("PAY-1", summary="Seen by polling")
        eventually(lambda: company.world.jira_cloud.webhooks.courier.statuses)
        eventually(lambda: not service.app.store.waiting_hints("jira-main"))
        service._due = 0.0
        service.woken.set()
        eventually(lambda: "Seen by polling" in titles(service), 20)
        assert service.last_exit_code == 0


def test_a_deleted_issue_is_left_to_the_normal_cycle(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "EARLIEST_AGAIN_S", 0.2)
    monkeypatch.setattr(serve, "EARLIEST_SHARE", 0.0)
    company.configure(connections__jira_main__every_minutes=600)  # what a hint tells is looked at sooner
    with running(company) as service:
        company.world.jira_cloud.create_issue("PAY", "Soon gone")
        eventually(lambda: "Soon gone" in titles(service))
        before = service.last_cycle_at
        issue = next(issue for issue in company.world.jira_cloud.site.issues.values() if issue.summary == "Soon gone")
        company.world.jira_cloud.delete(issue.key)
        eventually(lambda: "Soon gone" not in titles(service), 20)
        eventually(lambda: service.last_cycle_at != before)
        assert [item.reason for item in service.app.store.tombstones("jira-main").values()] == ["hidden"]


def test_hints_that_bring_a_cycle_forward_do_not_make_one_follow_another(company: Company) -> None:
    """A flood of deletions must not turn polling every ten minutes into polling all the time."""
    with running(company) as service:
        ended = service._ended
        service.app.store.save_hints("trello-main", [_wide(number) for number in range(50)], _now())
        service.woken.set()
        eventually(lambda: not service.app.store.waiting_hints("trello-main"))
        eventually(lambda: service._due < ended + 1440 * 60 - 1)
        assert service._due >= ended + serve.EARLIEST_AGAIN_S
        assert service._ended == ended


def _wide(number: int) -> Hint:
    return Hint(f"w{number}", "cards", "", "", "updateBoard")


def _now() -> datetime:
    return datetime.now(UTC)
