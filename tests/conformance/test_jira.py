"""Jira, Cloud and Data Center, keeps the promises of its ports."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any

import msgspec
import pytest

from connectors.jira import CONNECTOR
from sandbox.http import Request, Response
from sandbox.jira import ACCOUNT_EMAIL, API_TOKEN, PERSONAL_ACCESS_TOKEN, JiraSimulator, seed
from sandbox.jira.gate import WriteMeter
from sandbox.story import story
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.values import LinkSide, RawRecord, Ref
from tests.conformance.directory_suite import DirectoryFaults, DirectorySuite
from tests.conformance.replies_suite import RepliesFaults, RepliesSuite
from tests.conformance.source_faults import SourceFaults, empty_database, store
from tests.conformance.source_suite import SourceSuite
from tests.conformance.subjects import MARK, Clock, Wire, hurry, served
from tests.conformance.tracker_suite import LinkFaults, LinkSuite, MutualLinkSuite, TrackerFaults, TrackerSuite

__all__ = ["empty_database", "store"]
SECURITY = {"id": "10200", "name": "核心组", "description": ""}


class JiraSubject:
    """A site with the story and one more project that is not collected."""

    name, kind = "jira-main", "task"
    other = LinkEnd(Ref("trello-main:task:5f"), "T-1", "支付流程测试", "https://trello.com/c/abc12345")

    def __init__(self, simulator: JiraSimulator, wire: Wire, clock: Clock) -> None:
        self.simulator, self.wire, self.clock = simulator, wire, clock
        self.scope = "PAY" if simulator.site.variant == "cloud" else "MKT"
        self.opened: list[Any] = []
        self.elsewhere = simulator.add_project("ELSE", "别处").key
        self.source = self.tracker = self.replies = self.directory = self.connect()
        self.task = Ref.of(self.name, "task", self.make("要写的任务"))

    def connect(self, token: str = "") -> Any:
        known = API_TOKEN if self.simulator.site.variant == "cloud" else PERSONAL_ACCESS_TOKEN
        mail = {"email": ACCOUNT_EMAIL} if self.simulator.site.variant == "cloud" else {}
        self.settings = ConnectionSettings(
            self.name, "jira", self.wire.url, variant=self.simulator.site.variant, browse_base="https://company.example",
            installation="demo", scopes=(self.scope,), credentials={**mail, "token": token or known},
            options={"page_size": 4}, requests_per_second=5000,
        )  # fmt: skip
        self.opened.append(hurry(CONNECTOR.connect(self.settings)))
        return self.opened[-1]

    def truth(self) -> Mapping[str, str]:
        site = self.simulator.site
        mine = site.project(self.scope)
        return {
            str(issue.id): issue.summary
            for issue in site.issues.values()
            if mine and issue.project_id == mine.id and site.can_see(issue)
        }

    def title_of(self, record: RawRecord) -> str:
        return CONNECTOR.record_from_raw(record, self.settings).title

    def make(self, title: str) -> str:
        return str(self.simulator.create_issue(self.scope, title).id)

    def edit(self, item_id: str, title: str) -> None:
        self.simulator.edit_issue(item_id, summary=title)

    def restrict(self, item_id: str) -> None:
        site = self.simulator.site
        site.put(replace(site.any_issue(item_id), security=SECURITY, updated=site.now()))

    def ways_to_go(self) -> Mapping[str, Callable[[str], object]]:
        return {"hidden": self.simulator.delete, "moved": partial(self.simulator.move_issue, project=self.elsewhere)}

    def hide_scope(self) -> None:
        self.simulator.hide_project(self.scope)

    def delay_listings(self) -> None:
        self.simulator.index_lag_s = 3600

    def state(self) -> object:
        return self.simulator.site.revision

    def request_count(self) -> int:
        return int(self.source.remote.request_count)

    def comments(self) -> list[str]:
        issue = self.simulator.issue(self.task.key)
        return [str(comment.id) for comment in issue.comments if comment.author == self.simulator.site.account]

    def links(self) -> int:
        issue = self.simulator.issue(self.task.key)
        return len(issue.links) + len(issue.remote_links)

    def rest(self) -> None:
        self.simulator.write_meter = WriteMeter()  # it counts real seconds

    def account_ids(self) -> list[str]:
        users = self.simulator.site.users.values()
        return [user.account_id if self.simulator.site.variant == "cloud" else user.server_key for user in users]

    def edit_comment(self, comment_id: str) -> None:
        self.simulator.edit_comment(self.task.key, comment_id, "手工改写")

    def delete_comment(self, comment_id: str) -> None:
        self.simulator.delete_comment(self.task.key, comment_id)

    def comment_by_hand(self, text: str) -> None:
        self.simulator.comment(self.task.key, text, author="zhang-wei")

    def wait(self) -> None:
        self.clock.now += timedelta(seconds=1)

    def comment_as_us(self, text: str) -> None:
        self.simulator.comment(self.task.key, text, author=self.simulator.site.account)

    def quote_by_hand(self, quoted: str, words: str) -> None:
        paragraphs = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in (quoted, words)]
        quote = {"type": "blockquote", "content": paragraphs[:1]}
        document = {"type": "doc", "version": 1, "content": [quote, paragraphs[1]]}
        is_cloud = self.simulator.site.variant == "cloud"
        body = document if is_cloud else f"{{quote}}{quoted}{{anchor:{MARK}}}{{quote}}\n[~tieline] {words}"
        self.simulator.comment(self.task.key, body, author="zhang-wei")

    def link_by_hand(self, side: LinkSide) -> None:
        body = {"object": {"url": self.other.url, "title": "卡片"}}
        self.tracker.remote.send("POST", f"{self.tracker.site.api}/issue/{self.task.key}/remotelink", json=body)

    def delete_task(self) -> None:
        self.simulator.delete(self.task.key)

    def people(self) -> set[str]:
        return {user.name for user in self.simulator.site.users.values()}

    def join(self, name: str) -> None:
        self.simulator.add_user(f"u{len(self.people())}", name)


class Backwards(JiraSimulator):
    """A site that takes the two ends of a link the other way round."""

    def handle(self, request: Request) -> Response:
        if request.method == "POST" and request.path.endswith("/issueLink"):
            sent = request.json()
            sent["inwardIssue"], sent["outwardIssue"] = sent["outwardIssue"], sent["inwardIssue"]
            request = replace(request, body=msgspec.json.encode(sent))
        return super().handle(request)


class NativeLinks:
    """The site's subject, with an issue of the same site as the other end."""

    def __init__(self, subject: JiraSubject) -> None:
        self._subject = subject
        self._other = subject.simulator.create_issue(subject.scope, "另一头")
        url = f"https://company.example/browse/{self._other.key}"
        self.other = LinkEnd(Ref.of(subject.name, "task", str(self._other.id)), self._other.key, "另一头", url)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._subject, name)

    def link_by_hand(self, side: LinkSide) -> None:
        ends = (self._subject.task.key, str(self._other.id))
        self._subject.simulator.link("Blocks", *(ends if side == "blocks" else reversed(ends)))

    def turn_links_round(self) -> None:
        self._subject.simulator.__class__ = Backwards


@pytest.fixture(params=["cloud", "dc"])
def subject(request: pytest.FixtureRequest) -> Iterator[JiraSubject]:
    clock = Clock()
    simulator = JiraSimulator(f"jira-{request.param}", request.param, clock=clock)
    wire = served(simulator)
    seed(simulator, story(date(2026, 11, 24)), {simulator.name: "https://company.example"})
    made = JiraSubject(simulator, wire, clock)
    yield made
    for connection in made.opened:
        connection.close()


class TestJiraAsSource(SourceSuite):
    pass


class TestJiraUnderFaults(SourceFaults):
    pass


class TestJiraAsTracker(TrackerSuite):
    pass


class TestJiraTrackerUnderFaults(TrackerFaults):
    pass


class TestJiraAsReplies(RepliesSuite):
    pass


class TestJiraRepliesUnderFaults(RepliesFaults):
    pass


class TestJiraNativeLinks(LinkSuite, MutualLinkSuite, LinkFaults):
    @pytest.fixture
    def subject(self, subject: JiraSubject) -> NativeLinks:
        return NativeLinks(subject)


class TestJiraAsDirectory(DirectorySuite):
    pass


class TestJiraDirectoryUnderFaults(DirectoryFaults):
    pass
