"""The whole simulated company: twelve sites on twelve ports, seeded with the story, and what to write into tieline.yaml for them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path

from sandbox import asana, confluence, dingtalk, feishu, jira, powerbi, tableau, trello, wecom, yuque
from sandbox.confluence import access
from sandbox.confluence.seed import seed as seed_confluence
from sandbox.http import Simulator
from sandbox.server import Sandbox
from sandbox.story import Story, story

SITES = (
    "jira-cloud", "jira-dc", "trello", "confluence-cloud", "confluence-dc", "powerbi", "feishu", "yuque", "wecom", "dingtalk",
    "asana", "tableau",
)  # fmt: skip
# What the environment must hold for the connections of mappings/ to sign in to the simulators.
CREDENTIALS: Mapping[str, str] = {
    "JIRA_EMAIL": jira.ACCOUNT_EMAIL,
    "JIRA_TOKEN": jira.API_TOKEN,
    "JIRA_DC_TOKEN": jira.PERSONAL_ACCESS_TOKEN,
    "TRELLO_KEY": trello.KEY,
    "TRELLO_TOKEN": trello.TOKEN,
    "CONFLUENCE_EMAIL": access.EMAIL,
    "CONFLUENCE_TOKEN": access.CLASSIC_TOKEN,
    "CONFLUENCE_DC_TOKEN": access.PAT,
    "POWERBI_SECRET": powerbi.CLIENT_SECRET,
    "FEISHU_APP_ID": feishu.APP_ID,
    "FEISHU_APP_SECRET": feishu.APP_SECRET,
    "YUQUE_TOKEN": yuque.TOKEN,
    "WECOM_ROBOT": wecom.ROBOT_KEY,
    "DINGTALK_SECRET": dingtalk.CLIENT_SECRET,
    "ASANA_TOKEN": asana.TOKEN,
    "TABLEAU_SECRET": tableau.TOKEN_SECRET,
}


class World(Sandbox):
    """The running company. ``jira_cloud`` and so on are the simulators themselves, for tests that play the humans."""

    def __init__(
        self,
        first_port: int = 0,
        anchor: date | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        is_empty: bool = False,
    ) -> None:
        self.jira_cloud = jira.JiraSimulator("jira-cloud", "cloud", clock)
        self.jira_dc = jira.JiraSimulator("jira-dc", "dc", clock)
        self.trello = trello.TrelloSimulator("trello", clock)
        self.confluence_cloud = confluence.Confluence("confluence-cloud", clock, variant="cloud")
        self.confluence_dc = confluence.Confluence("confluence-dc", clock, variant="dc")
        self.powerbi = powerbi.PowerBISimulator("powerbi", clock)
        self.feishu = feishu.FeishuSimulator("feishu", clock)
        self.yuque = yuque.YuqueSimulator("yuque", clock)
        self.wecom = wecom.WeComSimulator("wecom", clock)
        self.dingtalk = dingtalk.DingTalkSimulator("dingtalk", clock)
        self.asana = asana.AsanaSimulator("asana", clock)
        self.tableau = tableau.TableauSimulator("tableau", clock)
        simulators: list[Simulator] = [
            self.jira_cloud,
            self.jira_dc,
            self.trello,
            self.confluence_cloud,
            self.confluence_dc,
            self.powerbi,
            self.feishu,
            self.yuque,
            self.wecom,
            self.dingtalk,
            self.asana,
            self.tableau,
        ]
        ports = {name: first_port + index for index, name in enumerate(SITES)} if first_port else {}
        super().__init__(simulators, ports, clock=clock)
        urls = self.urls()
        self._tell_addresses(urls)
        if not is_empty:
            self._seed(story(anchor or clock().date()), urls)

    def _tell_addresses(self, urls: Mapping[str, str]) -> None:
        """Sites whose answers hold their own address learn it."""
        self.jira_cloud.public_url, self.jira_dc.public_url = urls["jira-cloud"], urls["jira-dc"]
        self.trello.public_url = urls["trello"]
        self.confluence_cloud.public_url = urls["confluence-cloud"]
        self.confluence_dc.public_url = urls["confluence-dc"]
        self.asana.state.public_url = urls["asana"]

    def _seed(self, told: Story, urls: Mapping[str, str]) -> None:
        jira.seed(self.jira_cloud, told, urls)
        jira.seed(self.jira_dc, told, urls)
        trello.seed(self.trello, told, urls)
        seed_confluence(self.confluence_cloud, told, urls)
        seed_confluence(self.confluence_dc, told, urls)
        feishu.seed(self.feishu, told)
        yuque.seed(self.yuque)
        wecom.seed(self.wecom, told)
        dingtalk.seed(self.dingtalk, told)
        asana.seed(self.asana, told)
        tableau.seed(self.tableau)

    def pages(self) -> Iterator[tuple[str, str, str]]:
        """(site, title, address) of the pages that show what a team would see."""
        for name, simulator in self.simulators.items():
            for title, path in simulator.pages():
                yield name, title, self.url(name) + path


def load_file(simulator: Simulator, path: Path) -> dict[str, int]:
    """Load a file of JSON lines (gzip too) of real payloads; counts what they became. Raises ValueError naming a bad line."""
    counts: dict[str, int] = {}
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                word = simulator.load(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise ValueError(f"{path}: line {number}: {error!r}") from error
            counts[word] = counts.get(word, 0) + 1
    return counts
