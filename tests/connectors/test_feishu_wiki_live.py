"""Wiki spaces over HTTP: what is asked and what is saved, rights in the console's words, and every request against the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox.feishu import FeishuSimulator, wiki_api
from sync.core.errors import AccessDenied, ConfigError, Nonsense, NotFound
from sync.core.ports import Cursor
from tests.conformance.feishu_work import CREDENTIALS, WikiSubject
from tests.conformance.subjects import Clock, read, served
from tests.connectors.contract import assert_request_in_contract, feishu_contracts
from tests.end_to_end.company import tieline


@pytest.fixture
def wiki() -> Iterator[WikiSubject]:
    clock = Clock()
    simulator = FeishuSimulator("feishu-work", clock, enforce_limits=False)
    made = WikiSubject(simulator, served(simulator), clock)
    yield made
    for connection in made.opened:
        connection.close()


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return feishu_contracts(tmp_path_factory.mktemp("contracts"), "auth", "docx", "drive", "wiki")


def asked(wiki: WikiSubject, ending: str) -> int:
    return sum(request.split("?")[0].endswith(ending) for request in wiki.wire.requests())


def visibilities(wiki: WikiSubject, **options: Any) -> dict[str, str]:
    wiki.source.settings.options.update(options)
    return {record.ref.key: record.visibility for record in read(wiki.source, "pages", wiki.scope)}


def test_every_request_about_wikis_is_in_the_contract(wiki: WikiSubject, contracts: Path) -> None:
    page = wiki.make("一")
    for number in range(60):
        wiki.simulator.write_page(wiki.space, f"第 {number} 页", parent=page)
    wiki.source.identify()
    wiki.source.vocabulary()
    list(wiki.source.probes())
    read(wiki.source, "pages", wiki.scope)
    [list(wiki.source.fetch(shard)) for shard in wiki.source.pick("pages", wiki.scope, [page])]
    list(wiki.source.census("pages", wiki.scope))
    wiki.source.look_up("pages", page)
    seen = set()
    for one in wiki.wire._sandbox.requests("feishu-work"):
        name = one.path.split("/")[2]
        assert_request_in_contract(contracts / f"{name}.json", one.method, one.path, one.query, one.body)
        seen.add(name)
    assert seen == {"auth", "docx", "drive", "wiki"}


def test_only_what_was_edited_since_is_read(wiki: WikiSubject) -> None:
    for number in range(70):
        wiki.simulator.write_page(wiki.space, f"第 {number} 页")
    wiki.clock.now += timedelta(hours=3)
    page = wiki.simulator.write_page(wiki.space, "新", parent=wiki.sheet).node
    wiki.wire.forget()
    cursor = Cursor("pages", wiki.scope, wiki.clock.now - timedelta(minutes=1))
    assert [record.ref.key for record in read(wiki.source, "pages", wiki.scope, cursor)] == [page]
    # Two listings of the top, one below the spreadsheet; of the page its words, and whose its readers are, and those of the node above.
    assert (asked(wiki, "/nodes"), asked(wiki, "/raw_content"), asked(wiki, "/public")) == (3, 1, 2)


def test_the_words_of_a_page_are_kept_unless_the_admin_wants_none(wiki: WikiSubject) -> None:
    page = wiki.make("一")
    wiki.simulator.edit_page(page, text="先看监控，再找值班")
    kept = {record.ref.key: record.payload.decode() for record in read(wiki.source, "pages", wiki.scope)}
    assert "先看监控，再找值班" in kept[page]
    wiki.source.settings.options["bodies"] = False
    wiki.space.visibility = "private"  # so that nothing but the node itself is asked for
    wiki.wire.forget()
    shards = list(wiki.source.shards("pages", None, wiki.scope))
    wiki.simulator.delete_page(page)
    records = [record for shard in shards for found in wiki.source.fetch(shard) for record in found]
    assert {record.ref.key for record in records} == set(wiki.truth())
    assert {record.field_set for record in records} == {""}
    assert asked(wiki, "/raw_content") == 0


def test_a_space_for_its_members_only_is_restricted_unless_the_admin_opens_it(wiki: WikiSubject) -> None:
    page = wiki.make("一")
    assert visibilities(wiki)[page] == "open"
    wiki.space.visibility = "private"
    wiki.wire.forget()
    assert set(visibilities(wiki).values()) == {"restricted"}
    assert asked(wiki, "/public") == 0
    for name in (wiki.scope, wiki.space.id):
        assert visibilities(wiki, open_spaces=[name])[page] == "open"
    wiki.restrict(page)
    assert visibilities(wiki)[page] == "restricted"


@pytest.mark.parametrize(("visibility", "is_shared"), [("private", True), ("public", False)])
def test_a_page_that_moved_is_as_open_as_the_space_it_moved_to(
    wiki: WikiSubject, visibility: str, is_shared: bool
) -> None:
    page = wiki.make("一")
    shards = list(wiki.source.pick("pages", wiki.scope, [page]))
    wiki.simulator.move_page(page, wiki.elsewhere)
    wiki.elsewhere.visibility, wiki.elsewhere.is_shared = visibility, is_shared
    found = [record.visibility for shard in shards for records in wiki.source.fetch(shard) for record in records]
    assert found == (["restricted"] if is_shared else [])


def test_what_lies_below_a_locked_page_is_restricted(wiki: WikiSubject) -> None:
    top = wiki.simulator.write_page(wiki.space, "薪酬").node
    middle = wiki.simulator.write_page(wiki.space, "2026", parent=top).node
    leaf = wiki.simulator.write_page(wiki.space, "名单", parent=middle).node
    beside = wiki.simulator.write_page(wiki.space, "食堂").node
    wiki.restrict(top)
    found = visibilities(wiki)
    assert {found[node] for node in (top, middle, leaf)} == {"restricted"}
    assert found[beside] == "open"
    [record] = [one for shard in wiki.source.pick("pages", wiki.scope, [leaf]) for page in wiki.source.fetch(shard) for one in page]  # fmt: skip
    assert record.visibility == "restricted"


def test_a_page_whose_upper_node_the_application_may_not_see_is_restricted(wiki: WikiSubject) -> None:
    top = wiki.simulator.write_page(wiki.space, "薪酬").node
    leaf = wiki.simulator.write_page(wiki.space, "名单", parent=top).node
    wiki.work.pages[top].is_forbidden = True
    [record] = [one for shard in wiki.source.pick("pages", wiki.scope, [leaf]) for page in wiki.source.fetch(shard) for one in page]  # fmt: skip
    assert record.visibility == "restricted"


def test_spreadsheets_and_shortcuts_are_no_pages_but_what_lies_below_them_is(wiki: WikiSubject) -> None:
    shortcut = next(page.node for page in wiki.work.pages.values() if page.node_type == "shortcut")
    below = wiki.simulator.write_page(wiki.space, "在快捷方式下面", parent=shortcut).node
    counted = {key for found in wiki.source.census("pages", wiki.scope) for key in found}
    assert below in counted
    assert not counted & {shortcut, wiki.sheet}
    assert wiki.source.look_up("pages", shortcut) == "moved"


def test_what_a_shortcut_tells_below_it_is_counted_once_and_where_it_lies(wiki: WikiSubject) -> None:
    near = wiki.simulator.write_page(wiki.space, "流程").node
    far = wiki.simulator.write_page(wiki.elsewhere, "别处的流程").node
    for origin, space in ((near, wiki.space), (far, wiki.elsewhere)):
        wiki.simulator.write_page(space, "下面的一页", parent=origin)
        wiki.simulator.write_page(wiki.space, "快捷方式", origin=origin)
    wiki.simulator.write_page(wiki.space, "绕回来", parent=near, origin=near)
    wiki.work.shortcuts_tell_below = True
    counted = [key for found in wiki.source.census("pages", wiki.scope) for key in found]
    assert sorted(counted) == sorted(wiki.truth())
    assert len(read(wiki.source, "pages", wiki.scope)) == len(counted)


def test_a_page_that_moved_to_another_collected_space_is_read_there_only(wiki: WikiSubject) -> None:
    page = wiki.make("一")
    wiki.simulator.move_page(page, wiki.elsewhere)
    wiki.source.settings = msgspec.structs.replace(wiki.source.settings, scopes=(wiki.scope, "别处"))
    for scope, expected in ((wiki.scope, []), ("别处", [page])):
        shards = wiki.source.pick("pages", scope, [page])
        found = [record.ref.key for shard in shards for records in wiki.source.fetch(shard) for record in records]
        assert found == expected
    assert wiki.source.look_up("pages", page) == "here"


def test_a_space_may_be_named_by_its_number_and_a_name_must_mean_one(wiki: WikiSubject) -> None:
    assert read(wiki.source, "pages", wiki.space.id)
    twin = wiki.simulator.add_space(wiki.scope)
    with pytest.raises(ConfigError) as caught:
        read(wiki.source, "pages", wiki.scope)
    assert twin.id in str(caught.value)
    with pytest.raises(NotFound, match=r"没有的空间.*加成知识库成员"):
        read(wiki.source, "pages", "没有的空间")


@pytest.mark.parametrize(
    ("scopes", "operation", "words"),
    [
        (("wiki:",), "list pages", "wiki:wiki:readonly"),
        (("docx:",), "read a page", "docx:document:readonly"),
        (("docs:",), "read who may see a page", "docs:permission.setting:read"),
    ],
)
def test_a_scope_that_is_missing_is_named(
    wiki: WikiSubject, scopes: tuple[str, ...], operation: str, words: str
) -> None:
    wiki.make("一")
    for prefix in scopes:
        wiki.simulator.take_scopes(prefix)
    failed = [probe for probe in wiki.source.probes() if probe.is_ok is False]
    assert f"{operation} of {wiki.scope}" in [probe.operation for probe in failed]
    assert all(words in probe.detail for probe in failed)
    with pytest.raises(AccessDenied, match=words):
        read(wiki.source, "pages", wiki.scope)


def test_an_application_that_is_no_member_is_told_how_to_become_one(wiki: WikiSubject) -> None:
    wiki.hide_scope()
    failed = [probe for probe in wiki.source.probes() if probe.is_ok is False]
    assert len(failed) == 3
    assert all(wiki.scope in probe.detail and "加成知识库成员" in probe.cure for probe in failed)


def test_a_space_without_a_page_is_no_fault(wiki: WikiSubject) -> None:
    for page in list(wiki.truth()):
        wiki.simulator.delete_page(page)
    assert [probe.detail for probe in wiki.source.probes() if probe.is_ok is False] == []
    assert read(wiki.source, "pages", wiki.scope) == []


def test_an_answer_that_tells_no_text_or_no_readers_is_not_believed(
    wiki: WikiSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    wiki.make("一")
    for answer in (wiki_api.raw_content, wiki_api.permissions):
        routes = [(method, pattern, (lambda _: {}) if one is answer else one) for method, pattern, one in wiki.simulator._routes]  # fmt: skip
        with monkeypatch.context() as patch:
            patch.setattr(wiki.simulator, "_routes", routes)
            with pytest.raises(Nonsense):
                read(wiki.source, "pages", wiki.scope)


# -- through the commands

CONFIG = """
database: sqlite:///tieline.db
mappings: mappings
connections:
  zhishiku:
    type: feishu
    variant: wiki
    base_url: {base_url}
    app_id: env:FEISHU_APP_ID
    app_secret: env:FEISHU_APP_SECRET
"""


def test_pages_are_collected_by_the_example_mapping(
    wiki: WikiSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(f"FEISHU_{name.upper()}", value)
    page = wiki.make("支付故障处理 SOP")
    (tmp_path / "mappings").mkdir()
    example = Path(__file__).parents[2] / "mappings/examples/feishu-wiki.yaml"
    (tmp_path / "mappings/zhishiku.yaml").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    config = tmp_path / "tieline.yaml"
    config.write_text(CONFIG.format(base_url=wiki.wire.url), encoding="utf-8")
    assert tieline("check", "--config", config).code == 0
    said = tieline("collect", "--config", config, "--json")
    assert said.code == 0, said
    assert said.json()["connections"]["zhishiku"]["error"] is None
    told = tieline("explain", f"zhishiku:document:{page}", "--config", config)
    assert told.code == 0, told
    assert "支付故障处理 SOP" in told.out
