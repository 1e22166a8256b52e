"""tieline.yaml: every mistake is named with its line and what to do; secrets come from elsewhere and stay there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.app import build
from sync.cli.setup import check_config
from sync.config import connection_settings, load_config, read_secret
from sync.connection_config import reach_of
from sync.core.errors import ConfigError
from sync.core.options import OptionKind, option_problem
from sync.mapping.structs import mistakes
from sync.registry import connectors_by_name, jobs_by_name
from sync.remote import redact

GOOD = """\
installation: acme
database: sqlite:///t.sqlite
connections:
  jira-main:
    type: jira
    variant: cloud
    base_url: https://acme.atlassian.net
    email: tieline@example.com
    token: env:T_JIRA_TOKEN
  trello-main: {type: trello, key: env:T_KEY, token: file:trello-token}
  confluence-main:
    type: confluence
    variant: dc
    base_url: https://wiki.example.com
    auth: {token: env:T_JIRA_TOKEN}
jobs:
  delays: {min_slip_days: 2}
  status_view:
    pages: [{connection: confluence-main, space: TEAM, title: 状态}]
"""


def problems(folder: Path, text: str) -> str:
    (folder / "tieline.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(folder / "tieline.yaml")
    assert caught.value.exit_code == 2
    return str(caught.value)


def test_a_good_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "tieline.yaml").write_text(GOOD, encoding="utf-8")
    loaded = load_config(tmp_path / "tieline.yaml")
    assert loaded.database_url() == f"sqlite:///{tmp_path}/t.sqlite"
    assert loaded.job_settings["delays"].min_slip_days == 2
    assert loaded.limits.max_changes == 200


MISTAKES = {
    "a connector that is not there": ("type: jira", "type: jirra", "line 5", "did you mean 'jira'?"),
    "a variant that is not there": ("variant: cloud", "variant: server", "line 6", "expected cloud or dc"),
    "no address": ("base_url: https://acme.atlassian.net", "zone: Asia/Shanghai", "line 4", "missing"),
    "an address that is none": ("https://acme.atlassian.net", "acme", "line 7", "not an address"),
    "a password in the address": ("https://acme", "https://me:pw@acme", "line 7", "without user or password"),
    "a secret in the file": ("token: env:T_JIRA_TOKEN\n  trello", "token: abc123\n  trello", "line 9", "may not stand in this file"),
    "a missing credential": ("    token: env:T_JIRA_TOKEN\n  trello", "  trello", "line 4", "token"),
    "one missing of the other credentials": (
        "trello-main: {type: trello, key: env:T_KEY,", "charts: {type: tableau, variant: cloud, client_id: a, secret_id: b, user: c,",
        "line 10", "secret_value",
    ),
    "a setting nobody knows": ("    email:", "    e-mial: x\n    email:", "line 8", "not a setting of jira"),
    "an unknown section": ("installation: acme", "instalation: acme", "line 1", "did you mean 'installation'?"),
    "a bad installation name": ("installation: acme", "installation: Acme GmbH", "line 1", "installation"),
    "pages where there are none": (
        "delays: {min_slip_days: 2}", "retrospectives: {connection: trello-main, space: T}", "line 17", "offers no knowledge_base",
    ),
    "people told where nobody chats": (
        "delays: {min_slip_days: 2}", "digests: {chats: [{connection: trello-main}]}", "line 17", "offers no messenger",
    ),
    "no items at all": (
        "delays: {min_slip_days: 2}", "digests:\n    chats: []\n    most_items: 0", "line 19", "0 is below 1",
    ),
    "nobody is told anywhere": (
        "delays: {min_slip_days: 2}", "digests:\n    chats: []\n    most_items: 0", "line 18", "at least one is needed",
    ),
    "a digest for what is no finding": (
        "delays: {min_slip_days: 2}", "digests:\n    kinds:\n    - delay\n    - duesoon", "line 20", "did you mean 'due_soon'?",
    ),
    "a page on no connection at all": ("delays: {min_slip_days: 2}", "retrospectives: {space: T}", "line 17", "jobs.retrospectives.connection  missing"),
    "a ladder that asks nobody we know": (
        "delays: {min_slip_days: 2}",
        "escalations:\n    ladders:\n      info:\n        response:\n        - after_minutes: 0\n          asks: [boss]",
        "line 22", "'boss' is none of: owner, deputy, head",
    ),
    "a department's own ladder": (
        "delays: {min_slip_days: 2}",
        "escalations:\n    departments:\n      技术部:\n        incident:\n          respond_minutes: half an hour",
        "line 21", "write a whole number",
    ),
    "a ladder that cannot be climbed": (
        "delays: {min_slip_days: 2}", "escalations:\n    ladders:\n      info:\n        response: []", "line 19", "a ladder needs a response rung",
    ),
    "pages on an empty name": ("{connection: confluence-main,", "{connection: '',", "line 19", "these can: confluence-main"),
    "a job that is not there": ("delays: {", "delay: {", "line 17", "did you mean 'delays'?"),
    "a bad job setting": ("min_slip_days: 2", "min_slip_days: two", "line 17", "min_slip_days"),
    "an unknown job setting": ("min_slip_days: 2", "min_days: 2", "line 17", "min_days"),
    "a page on no connection": ("connection: confluence-main,", "connection: confluence,", "line 19", "did you mean 'confluence-main'?"),
    "escalations in no chat": ("delays: {min_slip_days: 2}", "escalations: {}", "line 17", "none of the connections reaches people"),
    "escalations in what is no chat": (
        "delays: {min_slip_days: 2}", "escalations: {connection: trello-main}", "line 17", "'trello-main' reaches no people",
    ),
    "a zone that is none": ("installation: acme", "zone: Asia/Shangai", "line 1", "did you mean 'Asia/Shanghai'?"),
    "a language we do not speak": ("installation: acme", "language: zh", "line 1", "zh-CN"),
    "a connection name with spaces": ("jira-main:", "Jira Main:", "line 4", "not a connection name"),
    "a connection name that begins with a dash": ("jira-main:", "-main:", "line 4", "not a connection name"),
    "our own name for a connection": ("jira-main:", "tieline:", "line 4", "Tieline's own name"),
    "a password in the database's address": ("sqlite:///t.sqlite", "postgresql://me:p/w@db/t", "line 2", "may not stand in this file"),
    "a password among its parameters": ("sqlite:///t.sqlite", "postgresql://me@db/t?password=pw", "line 2", "env:NAME"),
    "a key twice": ("installation: acme", "installation: acme\ninstallation: b", "line 2", "written twice (first on line 1)"),
    "no YAML": ("connections:", "connections: [", "line", "not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_has_its_line_and_its_cure(name: str, tmp_path: Path) -> None:
    old, new, line, words = MISTAKES[name]
    assert GOOD.count(old) >= 1
    text = problems(tmp_path, GOOD.replace(old, new, 1))
    assert line in text, text
    assert words in text, text


NAMES = (
    "connection", "space", "title", "chats", "kinds", "most_items", "incident", "respond_minutes", "ladders", "info", "response",
    "after_minutes", "asks", "departments", "技术部", "rooms", "room", "language", "min_slip_days", "pages", "parent", "folder", "nothing",
)  # fmt: skip
WRONG: dict[str, object] = {"number": "soon", "flag": "no", "names": "one", "text": ["a"]}


@pytest.mark.parametrize(
    ("connector", "option"),
    [
        (name, option)
        for name, found in connectors_by_name().items()
        for option in found.options
        if found.option_kinds.get(option) != "own"
    ],
)
def test_an_option_that_is_not_what_it_must_be_has_its_line_and_its_cure(
    connector: str, option: str, tmp_path: Path
) -> None:
    manifest = connectors_by_name()[connector]
    kind = manifest.option_kinds.get(option, "text")
    connection = {
        "type": connector,
        "variant": manifest.variants[0],
        option: WRONG[kind],
        "base_url": "https://acme.example",
    }
    lines = json.dumps({"connections": {"one": connection}}, indent=1).splitlines()
    number = next(at for at, line in enumerate(lines, 1) if line.strip().startswith(f'"{option}"'))
    text = problems(tmp_path, "\n".join(lines))
    assert f"line {number} " in text, text
    assert f"connections.one.{option}" in text, text
    assert {"number": "a number", "flag": "true or false", "names": "a list", "text": "one text"}[kind] in text, text


@given(
    st.sampled_from(["text", "number", "flag", "names"]),
    st.integers() | st.floats() | st.booleans() | st.text() | st.lists(st.text()),
)
def test_an_option_that_is_let_through_can_be_used(kind: OptionKind, value: Any) -> None:
    use: dict[str, Callable[[Any], object]] = {
        "number": lambda found: timedelta(minutes=min(float(found), 1e6)),
        "flag": bool,
        "names": list,
        "text": str,
    }
    if option_problem(kind, value) is None:
        use[kind](value)
        assert kind != "flag" or isinstance(value, bool)
        assert kind != "names" or isinstance(value, list)
        assert kind != "number" or float(value) >= 0


DINGTALK = "connections:\n  ding:\n    type: dingtalk\n    client_id: a\n    client_secret: env:T_S\n    variant: "


@pytest.mark.parametrize(
    ("rest", "line", "words"),
    [
        ("app\n    callback_route_key: r\n    card_template_id: t", 7, "does nothing without callback_secret;"),
        ("app\n    callback_secret: env:T_C\n    callback_route_key: r", 8, "does nothing without card_template_id;"),
        ("app\n    callback_token: env:T_C", 7, "does nothing without callback_aes_key;"),
        ("app\n    callback_aes_key: env:T_C", 7, "does nothing without callback_token;"),
        ("todo\n    card_template_id: t", 7, "means nothing to the variant todo; leave it out: it is for app"),
        ("app\n    personal: true", 7, "means nothing to the variant app; leave it out: it is for todo"),
    ],
)
def test_what_is_only_half_set_up_is_told(rest: str, line: int, words: str, tmp_path: Path) -> None:
    text = problems(tmp_path, DINGTALK + rest)
    assert f": 1 problem\n  line {line} " in text
    assert words in text


def test_mistakes_in_tables_have_their_lines(tmp_path: Path) -> None:
    text = problems(
        tmp_path,
        "connections:\n  caigou:\n    type: tabular\n    variant: folder\n    folder: drop\n    tables:\n"
        "      采购:\n        file: ../x.csv\n      入库:\n        fiel: x.csv\n",
    )
    said = " ".join(text.split())
    assert "line 5 connections.caigou.folder" in said
    assert "line 8 connections.caigou.tables.采购.file" in said
    assert "unknown field `fiel`; it takes file" in text


@given(
    st.sampled_from(sorted(jobs_by_name())),
    st.recursive(
        st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from(["", "a", "owner", "delay", "en", "技术部"]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    ),
)
def test_there_is_a_mistake_exactly_where_settings_cannot_be_read(job: str, values: Any) -> None:
    kind, found = jobs_by_name()[job].settings, list(mistakes(jobs_by_name()[job].settings, values))
    try:
        msgspec.convert(values, kind)
    except msgspec.ValidationError:
        assert found
        assert all(item.text for item in found)
    else:
        assert found == []


DEPARTMENTS = """\
installation: acme
connections:
  chat: {type: feishu, variant: app, app_id: env:T_ID, app_secret: env:T_S}
jobs:
  delays:
    rooms:
    - {connection: chat, room: oc_1, departments: [tech]}
    - connection: chat
      room: oc_2
      departments: [产品部]
  escalations:
    connection: chat
    departments:
      ＴＥＣＨ: {incident: {respond_minutes: 15}}
      技术部门: {incident: {respond_minutes: 15}}
      技术部: {incident: {respond_minutes: 19}}
"""


def test_departments_that_jobs_name_are_those_of_departments_yaml(tmp_path: Path) -> None:
    (tmp_path / "tieline.yaml").write_text(DEPARTMENTS, encoding="utf-8")
    (tmp_path / "mappings").mkdir()
    names = "departments:\n  tech: {name: 技术部, english_name: Engineering}\n  product: {name: 产品部}\n"
    (tmp_path / "mappings" / "departments.yaml").write_text(names, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        build(tmp_path / "tieline.yaml")
    told = {problem.line: f"{problem.path} {problem.text}; {problem.hint}" for problem in caught.value.problems}
    assert told == {
        10: "jobs.delays.rooms.1.departments.0 '产品部' is not the key of a department; write product",
        15: "jobs.escalations.departments.技术部门 '技术部门' is no department; did you mean '技术部'?",
        16: "jobs.escalations.departments.技术部 the same department as 'ＴＥＣＨ'; write it once",
    }
    with pytest.raises(ConfigError) as checked:
        check_config(tmp_path / "tieline.yaml")
    assert {*caught.value.problems} <= {*checked.value.problems}


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = (
        GOOD.replace("type: jira", "type: jirra").replace("delays: {", "delay: {").replace("variant: dc", "variant: x")
    )
    assert "3 problems" in problems(tmp_path, text)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="tieline init"):
        load_config(tmp_path / "nothing.yaml")


def test_secrets_are_read_late_and_never_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tieline.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "trello-token").write_text("t0ken-from-file\n")
    loaded = load_config(tmp_path / "tieline.yaml")
    monkeypatch.delenv("T_JIRA_TOKEN", raising=False)
    with pytest.raises(ConfigError, match="T_JIRA_TOKEN"):
        connection_settings(loaded, "jira-main", (), ())
    monkeypatch.setenv("T_JIRA_TOKEN", "s3cret-jira")
    monkeypatch.setenv("T_KEY", "k3y-trello")
    assert connection_settings(loaded, "jira-main", (), ()).credentials == {
        "email": "tieline@example.com",
        "token": "s3cret-jira",
    }
    assert connection_settings(loaded, "trello-main", (), ()).credentials == {
        "key": "k3y-trello",
        "token": "t0ken-from-file",
    }
    assert connection_settings(loaded, "confluence-main", (), ()).credentials["token"] == "s3cret-jira"
    assert redact("got s3cret-jira and t0ken-from-file") == "got *** and ***"


@pytest.mark.parametrize("way", ["env:T_DATABASE", "file:database-url", "TIELINE_DATABASE"])
def test_the_password_of_a_database_is_never_shown(way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"postgresql://me:{way[:3]}-p%40ssword@db/t"
    monkeypatch.delenv("TIELINE_DATABASE", raising=False)
    monkeypatch.setenv(way if ":" not in way else "T_DATABASE", url)
    (tmp_path / "database-url").write_text(url)
    text = GOOD.replace("sqlite:///t.sqlite", way) if ":" in way else GOOD
    (tmp_path / "tieline.yaml").write_text(text, encoding="utf-8")
    assert load_config(tmp_path / "tieline.yaml").database_url() == url
    assert redact(f"{way[:3]}-p%40ssword and {way[:3]}-p@ssword") == "*** and ***"


def test_a_secret_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no-such-file"):
        read_secret("file:no-such-file", tmp_path)


@pytest.mark.parametrize(
    ("chat", "reached"),
    [
        ("{type: wecom, variant: robot, webhook: env:T_HOOK}", ""),
        ("{type: feishu, variant: app, app_id: env:T_ID, app_secret: env:T_S}", "people rooms room_buttons"),
        ("{type: wecom, variant: app, corp_id: ww1, agent_id: '1', corp_secret: env:T_S}", "people rooms"),
        ("{type: wecom, variant: ai-bot, bot_id: b, bot_secret: env:T_S}", "people"),
        ("{type: dingtalk, variant: app, client_id: env:T_ID, client_secret: env:T_S}", "people"),
        (
            "{type: dingtalk, variant: app, client_id: env:T_ID, client_secret: env:T_S, group_template_id: g}",
            "people rooms room_buttons",
        ),
    ],
)
def test_what_is_asked_of_people_needs_a_chat_that_reaches_them(chat: str, reached: str, tmp_path: Path) -> None:
    jobs = "jobs:\n  escalations: {connection: chat}\n  digests: {chats: [{connection: chat}]}\n"
    text = GOOD.replace("jobs:\n", f"  chat: {chat}\n{jobs}")
    if not reached:
        assert problems(tmp_path, text).count("'chat' reaches no people") == 2
        return
    (tmp_path / "tieline.yaml").write_text(text, encoding="utf-8")
    connection = load_config(tmp_path / "tieline.yaml").config.connections["chat"]
    assert " ".join(reach_of(connection, connectors_by_name()[connection.type])) == reached
