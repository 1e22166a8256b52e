"""Feishu's quirks over HTTP against the simulator, and every request against the contract."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.feishu import FeishuSimulator, seed
from sandbox.story import story
from sync.core.errors import AccessDenied, CannotExpress, NotFound
from sync.core.messages import Button, Message
from sync.core.rich_text import Paragraph, Text
from sync.core.values import Ref
from tests.conformance.subjects import MARK, served
from tests.conformance.test_feishu import FeishuSubject
from tests.connectors.contract import assert_request_in_contract, feishu_contracts

SAID = Message((Paragraph((Text("支付接口晚了"),)),), "延期", "red", (Button("我来处理", "ack:1", is_primary=True),))


class Clock:
    now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


def stage(variant: str, *, enforce_limits: bool = False) -> tuple[FeishuSubject, Clock]:
    clock = Clock()
    simulator = FeishuSimulator("feishu-live", clock, enforce_limits=enforce_limits)
    seed(simulator, story(date(2026, 11, 24)))
    return FeishuSubject(simulator, served(simulator), variant, 0 if enforce_limits else 5000), clock


@pytest.fixture
def app() -> Iterator[tuple[FeishuSubject, Clock]]:
    made = stage("app")
    yield made
    made[0].connection.close()


def test_a_token_that_ended_is_renewed_once(app: tuple[FeishuSubject, Clock]) -> None:
    subject, _ = app
    subject.messenger.send_message(subject.room, MARK, SAID)
    subject.simulator.drop_tokens()
    subject.wire.forget()
    list(subject.organisation.departments())
    assert [one.rpartition("/")[2] for one in subject.wire.requests()] == ["children", "internal", "children"]


def test_the_vendor_repeats_for_an_hour_and_no_longer(app: tuple[FeishuSubject, Clock]) -> None:
    subject, clock = app
    first = subject.messenger.send_message(subject.room, MARK, SAID)
    assert subject.messenger.send_message(subject.room, MARK, SAID).id == first.id
    clock.now += timedelta(seconds=subject.messenger.repeatable_s(subject.room, SAID) + 1)
    assert subject.messenger.send_message(subject.room, MARK, SAID).id != first.id


def test_a_card_is_changed_for_14_days_and_not_when_recalled(app: tuple[FeishuSubject, Clock]) -> None:
    subject, clock = app
    made = subject.messenger.send_message(subject.room, MARK, SAID)
    subject.state_.messages[made.id].is_recalled = True
    with pytest.raises(NotFound):
        subject.messenger.edit_message(subject.room, made, MARK, SAID)
    subject.state_.messages[made.id].is_recalled = False
    clock.now += timedelta(days=15)
    with pytest.raises(CannotExpress):
        subject.messenger.edit_message(subject.room, made, MARK, SAID)


def test_a_room_is_found_again_after_10_hours(app: tuple[FeishuSubject, Clock]) -> None:
    subject, clock = app
    owner = subject.colleague[0]
    made = subject.messenger.make_room(MARK, "突发：支付", [owner], owner)
    clock.now += timedelta(hours=11)
    assert subject.messenger.make_room(MARK, "突发：支付", [owner], owner).key == made.key


def test_members_come_in_by_fifty(app: tuple[FeishuSubject, Clock]) -> None:
    subject, _ = app
    people = [subject.join(f"同事 {number}") for number in range(120)]
    made = subject.messenger.make_room(MARK, "突发：支付", [*people, "ou_gone", "x"])
    assert made.missing == ("ou_gone", "x")
    assert subject.state_.chats[made.key].members == set(people)
    assert sum(one.endswith("/members") for one in subject.wire.requests()) == 3


def test_a_bot_outside_the_chat_is_told_how_to_come_in(app: tuple[FeishuSubject, Clock]) -> None:
    subject, _ = app
    elsewhere = Ref.of("feishu-main", "room", subject.simulator.add_chat("别的群", has_bot=False))
    with pytest.raises(AccessDenied, match="添加机器人"):
        subject.messenger.send_message(elsewhere, MARK, SAID)


def test_doctor_names_each_missing_scope(app: tuple[FeishuSubject, Clock]) -> None:
    subject, _ = app
    assert all(probe.is_ok is not False for probe in subject.connection.probes())
    subject.simulator.take_scopes("contact:user.id")
    bad = [probe for probe in subject.connection.probes() if probe.is_ok is False]
    assert [probe.operation for probe in bad] == ["find people"]
    assert "contact:user.id:readonly" in bad[0].detail


@pytest.mark.parametrize("variant", ["app", "robot"])
def test_no_limit_of_the_vendor_is_met_by_a_burst(variant: str) -> None:
    subject, _ = stage(variant, enforce_limits=True)
    for number in range(7):
        subject.messenger.send_message(subject.room, f"{MARK}{number}", SAID)
    assert len(subject.said()) == 7
    subject.connection.close()


def test_a_robots_token_is_in_no_error() -> None:
    subject, _ = stage("robot")
    subject.state_.robots.clear()
    with pytest.raises(AccessDenied) as caught:
        subject.messenger.send_message(subject.room, MARK, SAID)
    assert subject.connection.token not in str(caught.value)
    subject.connection.close()


def test_every_request_is_in_the_contract(app: tuple[FeishuSubject, Clock], tmp_path: Path) -> None:
    subject, _ = app
    account, contact = subject.colleague
    made = subject.messenger.send_message(subject.room, MARK, SAID)
    subject.messenger.send_message(Ref.of("feishu-main", "person", account), MARK, SAID)
    subject.messenger.edit_message(subject.room, made, MARK, SAID)
    subject.messenger.make_room(MARK, "突发：支付", [account], account)
    subject.messenger.find_people([contact])
    assert list(subject.organisation.employees())
    contracts = feishu_contracts(tmp_path, "auth", "im", "contact")
    for one in subject.wire._sandbox.requests("feishu-live"):
        name = one.path.split("/")[2]
        assert_request_in_contract(contracts / f"{name}.json", one.method, one.path, one.query, one.body)
