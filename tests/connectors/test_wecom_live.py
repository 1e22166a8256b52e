"""WeCom's quirks over HTTP against the simulator, every request against the contract, and another client's view of the simulator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from wechatpy.enterprise import WeChatClient
from wechatpy.exceptions import WeChatClientException

from connectors.wecom import CONNECTOR
from connectors.wecom.cards import chat_id_of
from sandbox.story import story
from sandbox.wecom import AGENT, CORP, SECRET, WeComSimulator, seed
from sandbox.wecom.messages import shown
from sandbox.wecom.seed import ROBOT_KEY
from sync.core.errors import AccessDenied, CannotExpress, LostAnswer, Refused, TryLater
from sync.core.messages import Button, Contact, Message
from sync.core.values import Ref
from tests.conformance.subjects import MARK, OTHER_MARK, served, text
from tests.conformance.test_wecom import PersonSubject, RobotSubject, WeComSubject
from tests.connectors.contract import SPECS

ACK = Button("我来处理", "ack:1", is_primary=True)
SAID = Message(text("支付接口晚了"), "延期", "red", (ACK,))
API = SPECS / "wecom" / "api"


@cache
def files() -> dict[str, Path]:
    """The vendor's published requests: which file has which path."""
    found = {}
    for file in sorted(API.glob("*.yaml")):
        if match := re.search(r"^path:.*/cgi-bin/([^?'\"\s]+)", file.read_text(encoding="utf-8"), re.MULTILINE):
            found[match[1]] = file
    return found


@cache
def contract(name: str) -> Any:
    # Tabs stand in some of the vendor's files, where YAML has none.
    return yaml.safe_load(files()[name].read_text(encoding="utf-8").replace("\t", " "))


def check_in_contract(method: str, path: str, query: Any, body: bytes) -> None:
    """Only declared parameters, and every one that is required; bodies one level deep, as the vendor's files go no deeper everywhere."""
    name = path.removeprefix("/cgi-bin/")
    if name not in files():
        return
    said = contract(name)
    assert said["method"].upper() == method
    request = said["request"]
    declared = {item["name"] for part in ("auth", "params") for item in request.get(part) or []}
    assert set(query) <= declared | {"access_token"}, (name, set(query) - declared)
    fields = {item["name"]: item for item in request.get("body") or []}
    sent = json.loads(body) if body else {}
    if not fields:
        return  # the file of message/send tells no body at all
    assert set(sent) <= set(fields) | UNDECLARED.get(name, set()), (name, set(sent) - set(fields))
    for field, item in fields.items():
        is_required = item.get("is_required") in (True, "是")
        assert not is_required or field in sent or field in KINDS, (name, field)


KINDS = {
    "text",
    "image",
    "voice",
    "video",
    "file",
    "textcard",
    "news",
    "mpnews",
    "markdown",
    "taskcard",
}  # one of them is sent
# What newer pages of the vendor's documentation have and its files of January 2023 have not (fact sheet sections 4, 5, 6).
UNDECLARED = {
    "message/update_template_card": {"template_card"},
    "appchat/send": {"markdown", "text"},
}


def stage(kind: type[WeComSubject], *, enforce_limits: bool = False) -> WeComSubject:
    simulator = WeComSimulator(clock=lambda: datetime.now(UTC), enforce_limits=enforce_limits)
    seed(simulator, story(date(2026, 11, 24)))
    return kind(simulator, served(simulator))


@pytest.fixture
def group() -> Iterator[WeComSubject]:
    yield from _checked(WeComSubject)


@pytest.fixture
def person() -> Iterator[WeComSubject]:
    yield from _checked(PersonSubject)


def _checked(kind: type[WeComSubject]) -> Iterator[WeComSubject]:
    made = stage(kind)
    yield made
    made.connection.close()
    if not API.is_dir():
        pytest.skip(f"{API} is not on this machine")
    for entry in made.wire._sandbox.requests("wecom"):
        check_in_contract(entry.method, entry.path, entry.query, entry.body)


# -- the token


def test_a_token_that_ended_is_renewed_once(group: WeComSubject) -> None:
    list(group.organisation.departments())
    group.simulator.drop_tokens()
    group.wire.forget()
    list(group.organisation.departments())
    assert [one.rpartition("/cgi-bin/")[2] for one in group.wire.requests()] == [
        "department/list",
        "gettoken",
        "department/list",
    ]


def test_an_address_that_is_not_trusted_is_told_with_the_address_and_the_cure(group: WeComSubject) -> None:
    group.state_.trusted = False
    with pytest.raises(AccessDenied, match=r"203\.0\.113\.7.*企业可信IP"):
        list(group.organisation.departments())
    bad = [probe.operation for probe in group.connection.probes() if probe.is_ok is False]
    assert bad == ["act as the application (trusted IP)", "read departments"]


def test_what_is_missing_in_the_settings_is_told_by_its_name() -> None:
    assert CONNECTOR.check_options
    assert [path for path, _, _ in CONNECTOR.check_options("app", {"agent_id": "x"})] == ["corp_id", "agent_id"]
    assert list(CONNECTOR.check_options("robot", {})) == []
    assert list(CONNECTOR.check_options("app", {"corp_id": CORP, "agent_id": 1000002})) == []


# -- to people


def test_the_same_card_is_said_once_and_its_id_proves_it(person: WeComSubject) -> None:
    person.lose_next_answer()
    with pytest.raises(LostAnswer):
        person.messenger.send_message(person.room, MARK, SAID)
    again = person.messenger.send_message(person.room, MARK, SAID)
    assert (len(person.said()), again.version) == (1, "")
    with pytest.raises(CannotExpress):  # its code went with the lost answer
        person.messenger.edit_message(person.room, again, MARK, SAID)


def test_the_same_words_under_another_mark_are_another_message(person: WeComSubject) -> None:
    for mark in (MARK, OTHER_MARK):
        person.messenger.send_message(person.room, mark, SAID)
        person.messenger.send_message(person.room, mark, Message(text("可以开始了")))
    assert len(person.said()) == 4


def test_a_card_is_changed_once_and_again_with_the_code_of_a_press(person: WeComSubject) -> None:
    made = person.messenger.send_message(person.room, MARK, SAID)
    changed = person.messenger.edit_message(person.room, made, MARK, Message(text("已由张三处理"), "延期"))
    assert changed.id == made.id
    for written in (made, changed):
        with pytest.raises(CannotExpress):
            person.messenger.edit_message(person.room, written, MARK, Message(text("又改")))
    assert "已由张三处理" in person.said()[0]


def test_who_cannot_be_reached_is_named(person: WeComSubject) -> None:
    account = person.colleague[0]
    person.state_.is_visible_to = {account}
    other = next(one for one in person.state_.people if one != account)
    with pytest.raises(Refused, match=f"{other.lower()}.*可见范围"):
        person.messenger.send_message(Ref.of("wecom-main", "person", other), MARK, SAID)


# -- groups


def test_a_group_is_seen_at_once_and_its_name_is_cut(group: WeComSubject) -> None:
    made = group.messenger.make_room(MARK, "突发：支付接口" * 10, [group.colleague[0]])
    found = group.state_.groups[made.key]
    assert (made.key, found.is_visible, len(found.name)) == (chat_id_of(MARK), True, 50)


def test_a_group_of_one_is_refused_with_what_to_do(group: WeComSubject) -> None:
    group.messenger.room_keepers = ()
    with pytest.raises(Refused, match="room_keepers"):
        group.messenger.make_room(MARK, "突发", [group.colleague[0], "nobody"])
    assert len(group.state_.groups) == 1


def test_an_application_for_a_part_of_the_company_makes_no_groups(group: WeComSubject) -> None:
    group.state_.is_visible_to = set(group.state_.people)
    with pytest.raises(AccessDenied, match="根部门"):
        group.messenger.make_room(MARK, "突发", list(group.state_.people)[:3])


def test_a_group_has_no_buttons_and_says_nothing_of_them(group: WeComSubject) -> None:
    group.messenger.send_message(group.room, MARK, SAID)
    [said] = group.said()
    assert "支付接口晚了" in said
    assert "我来处理" not in said


# -- finding people


def test_nobody_is_asked_for_twice_and_guessing_ends(group: WeComSubject) -> None:
    strangers = [Contact(mobile=f"+8613900000{number:03}") for number in range(60)]
    assert group.messenger.find_people(strangers) == {}
    asked = sum("getuserid" in request for request in group.wire.requests())
    assert asked == 20
    group.wire.forget()
    assert group.messenger.find_people(strangers[:20]) == {}
    assert group.wire.requests() == []


def test_an_application_that_is_told_no_numbers_still_knows_everybody(group: WeComSubject) -> None:
    group.state_.tells_contacts = False
    found = [item for page in group.organisation.employees() for item in page]
    assert {item.mobile for item in found} == {""}
    assert {item.account.email for item in found} == {None}
    assert len(found) == len(group.state_.people)


# -- robots


def test_a_robot_keeps_to_its_budget_and_asks_for_a_minute() -> None:
    subject = stage(RobotSubject, enforce_limits=True)
    try:
        for number in range(20):
            subject.messenger.send_message(
                subject.room, f"tieline:demo:{number:016x}", Message(text(f"第 {number} 条"))
            )
        with pytest.raises(TryLater) as caught:
            subject.messenger.send_message(subject.room, MARK, Message(text("太多了")))
        assert caught.value.reason == "rate_limited"
        assert len(subject.said()) == 20
        assert subject.messenger.per_minute(subject.room) < 20
    finally:
        subject.connection.close()


def test_a_robots_key_is_never_told() -> None:
    subject = stage(RobotSubject)
    try:
        subject.state_.robots.clear()
        with pytest.raises(AccessDenied, match="消息推送") as caught:
            subject.messenger.send_message(subject.room, MARK, SAID)
        assert ROBOT_KEY not in str(caught.value) + subject.messenger.identify().fingerprint
    finally:
        subject.connection.close()


def test_a_robots_button_that_leads_somewhere_is_a_link() -> None:
    subject = stage(RobotSubject)
    try:
        lead = Button("打开任务", "open", url="https://jira.example.com/browse/PAY-1")
        subject.messenger.send_message(subject.room, MARK, Message(text("晚了"), "延期", buttons=(lead, ACK)))
        assert "[打开任务](https://jira.example.com/browse/PAY-1)" in subject.said()[0]
        assert "我来处理" not in subject.said()[0]
    finally:
        subject.connection.close()


# -- another client's view of the simulator


def test_another_client_finds_a_wecom_in_the_simulator(group: WeComSubject) -> None:
    given = httpx.get(
        f"{group.wire.url}/cgi-bin/gettoken", params={"corpid": CORP, "corpsecret": SECRET}, trust_env=False
    )
    client: Any = WeChatClient(CORP, SECRET, access_token=given.json()["access_token"])
    client.API_BASE_URL = f"{group.wire.url}/cgi-bin/"
    someone = next(iter(group.state_.people))
    assert client.user.get(someone)["name"] == group.state_.people[someone].name
    assert {item["name"] for item in client.department.get()} >= {"技术部", "产品部"}
    answer = client.message.send_text(int(AGENT), someone, content="你好")
    assert (answer["errcode"], shown(group.simulator.said_in(someone)[0])) == (0, "你好")
    with pytest.raises(WeChatClientException) as caught:
        client.user.get("nobody")
    assert caught.value.errcode == 60111
    client._http.close()
