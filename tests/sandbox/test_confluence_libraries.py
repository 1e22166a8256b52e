"""Third-party clients publish to the Confluence simulator; the state of the simulator is the verdict.

atlassian-python-api runs in here; markdown-to-confluence and confluencebuilder run in environments of their own.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from atlassian import Confluence as LibraryDC
from atlassian import ConfluenceV2
from requests import HTTPError

from sandbox.confluence.access import CLASSIC_TOKEN, CLOUD_ID, EMAIL, PAT, SCOPED_TOKEN
from sandbox.server import LoggedRequest
from tests.sandbox.confluence_sites import Site, running_cloud, running_dc
from tests.sandbox.judges import judge_environment, run_judge

WRITES = ("POST", "PUT", "DELETE")


@pytest.fixture
def cloud() -> Iterator[Site]:
    with running_cloud() as site:
        yield site


@pytest.fixture
def dc() -> Iterator[Site]:
    with running_dc() as site:
        yield site


@pytest.fixture(scope="session")
def md2conf() -> Path:
    return judge_environment("markdown-to-confluence==0.6.5")


@pytest.fixture(scope="session")
def confluencebuilder() -> Path:
    return judge_environment("sphinxcontrib-confluencebuilder==3.2.0")


def picture(colour: bytes = b"\x00\x52\xcc") -> bytes:
    """A PNG of two by two pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress((b"\x00" + colour * 2) * 2))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def library_of(site: Site, **more: str) -> Any:
    """atlassian-python-api's Data Center client."""
    return LibraryDC(site.url, token=PAT, cloud=False, **more)  # type: ignore[no-untyped-call]


def writes_of(site: Site) -> list[LoggedRequest]:
    return [entry for entry in site.sandbox.requests(site.simulator.name) if entry.method in WRITES]


def file_of(site: Site, page_id: str, name: str) -> Any:
    page = site.simulator.site.pages[page_id]
    return site.simulator.site.attachments[page.attachments[name]]


# -- atlassian-python-api


def test_atlassian_python_api_publishes_to_data_center(dc: Site, tmp_path: Path) -> None:
    client = library_of(dc)
    try:
        made = client.create_page("OPS", "Status", "<p>one</p>", parent_id=dc.home_id)
        page = dc.simulator.site.pages[made["id"]]
        assert (page.title, page.parent_id, page.latest.storage) == ("Status", dc.home_id, "<p>one</p>")
        assert {item.key for item in page.properties.values()} == {
            "content-appearance-draft",
            "content-appearance-published",
        }
        assert client.get_page_by_title("OPS", "Status")["results"][0]["id"] == page.id
        client.update_page(page.id, "Status", "<p>one</p>")
        assert page.latest.number == 1
        client.update_page(page.id, "Status", "<p>two</p>", version_comment="tieline")
        assert (page.latest.number, page.latest.storage, page.latest.message) == (2, "<p>two</p>", "tieline")
        client.set_page_label(page.id, "Tieline")
        assert list(page.labels) == ["global:tieline"]
        (tmp_path / "a.png").write_bytes(picture())
        client.attach_file(str(tmp_path / "a.png"), page_id=page.id)
        assert file_of(dc, page.id, "a.png").latest.data == picture()
        client.set_page_property(page.id, {"key": "tieline.sync", "value": {"v": 1}})
        client.update_page_property(page.id, {"key": "tieline.sync", "value": {"v": 2}, "version": {"number": 2}})
        assert client.get_page_property(page.id, "tieline.sync")["value"] == {"v": 2}
        found = client.cql('space = OPS and label = "tieline"', expand="content.version")
        assert [hit["content"]["id"] for hit in found["results"]] == [page.id]
        assert [space["key"] for space in client.get_all_spaces()["results"]] == ["OPS"]
        client.remove_page(page.id)
        assert page.status == "trashed"
    finally:
        client.close()


def test_atlassian_python_api_replaces_an_attachment_only_on_the_old_route(dc: Site) -> None:
    """Its default sends the file by PUT to ``content/att…``, which takes JSON only: Data Center refuses it."""
    default, old = library_of(dc), library_of(dc, api_version="1.0")
    try:
        default.attach_content(b"one", "a.txt", "text/plain", page_id=dc.home_id)
        with pytest.raises(HTTPError):
            default.attach_content(b"two", "a.txt", "text/plain", page_id=dc.home_id)
        old.attach_content(b"two", "a.txt", "text/plain", page_id=dc.home_id)
        assert [version.data for version in file_of(dc, dc.home_id, "a.txt").versions] == [b"one", b"two"]
    finally:
        default.close()
        old.close()


@pytest.mark.filterwarnings("ignore:V1 methods are deprecated:DeprecationWarning")
def test_atlassian_python_api_v2_reads_and_updates_where_it_follows_the_contract(cloud: Site) -> None:
    page = cloud.simulator.create_page("TEAM", "Status", "<p>one</p>")
    client = ConfluenceV2(f"{cloud.url}/wiki", username=EMAIL, password=CLASSIC_TOKEN)
    try:
        assert client.get_page_by_id(page.id)["title"] == "Status"
        assert client.get_page_by_title("TEAM", "Status")["results"][0]["id"] == page.id
        client.update_page(page.id, title="Status", body="<p>two</p>", status="current", version=1)
        assert (page.latest.number, page.latest.storage) == (2, "<p>two</p>")
        with pytest.raises(HTTPError):
            client.update_page(page.id, body="<p>three</p>", version=2)
        assert page.latest.number == 2
    finally:
        client.close()


# -- markdown-to-confluence

MARKDOWN = """# 支付状态

Hello **world** — “quoted” & more.

![chart](chart.png)

```json
{"a": 1}
```

| a | b |
|---|---|
| 1 | 2 |
"""


@pytest.mark.parametrize("door", ["site", "gateway"])
def test_md2conf_creates_leaves_alone_and_updates(cloud: Site, md2conf: Path, tmp_path: Path, door: str) -> None:
    path, token = ("/wiki/", CLASSIC_TOKEN) if door == "site" else (f"/ex/confluence/{CLOUD_ID}/", SCOPED_TOKEN)
    (tmp_path / "chart.png").write_bytes(picture())
    document = tmp_path / "index.md"
    document.write_text(MARKDOWN, encoding="utf-8")
    host = cloud.url.removeprefix("http://")

    def publish() -> list[LoggedRequest]:
        cloud.sandbox.forget_requests()
        where = ["--api-url", f"{cloud.url}{path}", "-d", host, "-p", "/wiki/", "-s", "TEAM", "-r", cloud.home_id]
        run_judge(md2conf, "-m", "md2conf", *where, "-u", EMAIL, "-a", token, "index.md", cwd=tmp_path)
        return writes_of(cloud)

    assert publish()
    page = cloud.simulator.page_named("TEAM", "支付状态")
    assert page is not None
    assert page.parent_id == cloud.home_id
    assert '<ri:attachment ri:filename="chart.png" />' in page.latest.storage
    assert '<ac:plain-text-body><![CDATA[{"a": 1}]]></ac:plain-text-body>' in page.latest.storage
    assert file_of(cloud, page.id, "chart.png").latest.data == picture()
    version = page.latest.number
    assert publish() == []
    text = document.read_text(encoding="utf-8")
    document.write_text('---\ntags: ["raci", "Q4"]\n---\n' + text.replace("world", "世界"), encoding="utf-8")
    (tmp_path / "chart.png").write_bytes(picture(b"\xff\x00\x00"))
    assert publish()
    assert page.latest.number == version + 1
    assert "世界" in page.latest.storage
    assert set(page.labels) == {"global:raci", "global:q4"}
    assert file_of(cloud, page.id, "chart.png").latest.data == picture(b"\xff\x00\x00")


# -- sphinxcontrib-confluencebuilder

CONF = """
project = "Judge"
extensions = ["sphinxcontrib.confluencebuilder"]
confluence_publish = True
confluence_page_hierarchy = True
confluence_watch = False
confluence_global_labels = ["judged"]
confluence_server_url = {url!r}
confluence_space_key = {space!r}
"""
CLOUD_CONF = f"""
confluence_api_mode = "v2"
confluence_cloud = True
confluence_adv_disable_cloud_prop_delay = True
confluence_server_user = {EMAIL!r}
confluence_api_token = {CLASSIC_TOKEN!r}
"""
DC_CONF = f"""
confluence_api_mode = "v1"
confluence_publish_token = {PAT!r}
"""
INDEX = """Judge Index
===========

Hello — “quoted” & more.

.. image:: chart.png

.. toctree::

   sub
"""
SUB = """Sub page
========

.. note:: careful

Text.
"""


@pytest.mark.parametrize("variant", ["cloud", "dc"])
def test_confluencebuilder_creates_leaves_alone_and_updates(
    request: pytest.FixtureRequest, confluencebuilder: Path, tmp_path: Path, variant: str
) -> None:
    site: Site = request.getfixturevalue(variant)
    url, extra = (f"{site.url}/wiki/", CLOUD_CONF) if variant == "cloud" else (f"{site.url}/", DC_CONF)
    space = site.simulator.site.spaces[site.space_id].key
    (tmp_path / "conf.py").write_text(CONF.format(url=url, space=space) + extra, encoding="utf-8")
    (tmp_path / "index.rst").write_text(INDEX, encoding="utf-8")
    (tmp_path / "sub.rst").write_text(SUB, encoding="utf-8")
    (tmp_path / "chart.png").write_bytes(picture())

    def publish() -> None:
        run_judge(confluencebuilder, "-m", "sphinx", "-E", "-b", "confluence", ".", "_build", cwd=tmp_path)

    publish()
    index, sub = site.simulator.page_named(space, "Judge Index"), site.simulator.page_named(space, "Sub page")
    assert index is not None
    assert sub is not None
    assert sub.parent_id == index.id
    assert list(sub.labels) == ["global:judged"]
    assert 'ac:name="note"' in sub.latest.storage or 'ac:name="info"' in sub.latest.storage
    assert file_of(site, index.id, "chart.png").latest.data == picture()
    before = (index.latest.number, sub.latest.number)
    publish()
    assert (index.latest.number, sub.latest.number) == before
    (tmp_path / "sub.rst").write_text(SUB + "\n世界\n", encoding="utf-8")
    publish()
    assert (index.latest.number, sub.latest.number) == (before[0], before[1] + 1)
    assert "世界" in sub.latest.storage
