"""The Jira connector against jira820, somebody else's stateful mock of Data Center 8.20, in an environment of its own.

It knows issues by key only, has no POST /search, no single comment by id and no entity properties, so this judges reading by key,
the vocabulary, links, remote links and our comments' mark; the rest is in test_jira_live.py.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator

import pytest

from connectors.jira import CONNECTOR
from connectors.jira.client import Jira
from sync.core.ports import ConnectionSettings, LinkEnd
from sync.core.rich_text import Paragraph, RichText, Text
from sync.core.values import Record, Ref
from tests.sandbox.judges import judge_environment

HERE, THERE = "JIRA820-1", "JIRA820-2"
MARK = "tieline:demo:0123456789abcdef"
NOTE: RichText = (Paragraph((Text("晚 3 个工作日 {code}*x*"),)),)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    environment = judge_environment("jira820==0.12.0")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {**os.environ, "JIRA820_PORT": str(port), "JIRA820_HOST": "127.0.0.1", "JIRA820_PROJECT_KEY": "JIRA820"}
    server = subprocess.Popen(
        [str(environment / "bin" / "jira820")], env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=10)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert server.poll() is None, "jira820 did not start"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("jira820 does not answer")


@pytest.fixture
def jira(url: str) -> Iterator[Jira]:
    connection = CONNECTOR.connect(
        ConnectionSettings(
            name="old", type="jira", variant="dc", base_url=url, credentials={"token": "any-token"}, language="en",
            scopes=("JIRA820",), fields=("description",), requests_per_second=200,
        )
    )  # fmt: skip
    assert isinstance(connection, Jira)
    yield connection
    connection.close()


def task(key: str) -> Ref:
    return Ref.of("old", "task", key)


def read(jira: Jira, *keys: str) -> dict[str, Record]:
    shards = jira.pick("issues", "JIRA820", keys)
    raws = [raw for shard in shards for page in jira.fetch(shard) for raw in page]
    return {record.key: record for record in (CONNECTOR.record_from_raw(raw, jira.site.settings) for raw in raws)}


def end(jira: Jira, key: str) -> LinkEnd:
    return LinkEnd(read(jira, key)[key].ref, key, "", f"https://old.example/browse/{key}")


def test_issues_and_words_are_read(jira: Jira) -> None:
    records = read(jira, HERE, THERE, "JIRA820-999999")
    assert set(records) == {HERE, THERE}
    assert all(record.title and record.updated_at.tzinfo and record.scope == "JIRA820" for record in records.values())
    words = jira.vocabulary()
    assert "Blocks" in [kind.name for kind in words.link_types]
    assert {"JIRA820"} <= set(words.scopes)
    assert "In Progress" in words.statuses
    assert jira.identify().account.name


def test_a_link_blocks_in_the_right_direction(jira: Jira) -> None:
    other = end(jira, THERE)
    written = jira.add_link(task(HERE), other, "blocks", MARK)
    found = jira.find_link(task(HERE), other, "blocks", MARK)
    assert found is not None
    assert found.id == written.id
    records = read(jira, HERE, THERE)
    assert [link.words for link in records[HERE].links if link.other_key == THERE] == ["blocks"]
    assert [link.words for link in records[THERE].links if link.other_key == HERE] == ["is blocked by"]
    jira.remove_link(task(HERE), written)
    assert jira.find_link(task(HERE), other, "blocks", MARK) is None


def test_a_remote_link_is_one_row(jira: Jira) -> None:
    card = LinkEnd(Ref("trello:task:1"), "T-1", "支付流程测试", "https://trello.com/c/abc")
    before = jira.find_link(task(HERE), card, "waits_for", MARK)
    assert before is None
    written = jira.add_link(task(HERE), card, "waits_for", MARK)
    assert jira.add_link(task(HERE), card, "waits_for", MARK).id == written.id
    jira.remove_link(task(HERE), written)
    assert jira.find_link(task(HERE), card, "waits_for", MARK) is None


def test_a_comment_is_found_by_its_anchor_alone(jira: Jira) -> None:
    written = jira.add_comment(task(HERE), MARK, NOTE)
    found = jira.find_comment(task(HERE), MARK)
    assert found is not None
    assert found.id == written.id
    assert jira.find_comment(task(HERE), MARK.replace("0", "f")) is None
