"""Who is asked: absences, deputies of deputies, circles, rotas, and who is asked where nobody is named."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from msgspec.structs import replace

from sync.core.asking import AskedPerson, Parties, asked_instead, people_asked
from sync.core.duty import Leave, OnCall
from sync.core.escalation import Asked
from sync.core.values import Department, Person, Ref
from sync.core.view import View

DAY = date(2026, 12, 2)
NOON = datetime(2026, 12, 2, 4, tzinfo=UTC)  # noon in Shanghai
TECH, PRODUCT = Ref("tieline:department:tech"), Ref("tieline:department:product")


def who(name: str) -> Ref:
    return Ref.of("tieline", "person", name)


def person(
    name: str, deputy: str = "", away: bool = False, instead: str = "", manager: str = "", at: Ref | None = TECH
) -> Person:
    leave = Leave(DAY - timedelta(days=1), DAY, who(instead) if instead else None)
    return Person(
        who(name), name, at,
        manager=who(manager) if manager else None, deputy=who(deputy) if deputy else None, absences=(leave,) if away else (),
    )  # fmt: skip


def asked(*people: Person, first: str = "a", head: str = "", day: date = DAY) -> str:
    departments = {TECH: Department(TECH, "Tech", head=who(head) if head else None)}
    found = asked_instead({item.ref: item for item in people}, departments, who(first), day)
    return found.key if found else ""


def test_who_is_there_is_asked_themselves() -> None:
    assert asked(person("a", "b"), person("b")) == "a"
    assert asked(first="stranger") == "stranger"  # an account that people.yaml does not know


def test_absences_hold_from_their_first_to_their_last_day() -> None:
    people = person("a", "b", away=True), person("b")
    days = [DAY + timedelta(days=n) for n in range(-2, 2)]
    assert [asked(*people, day=day) for day in days] == ["a", "b", "b", "a"]


def test_the_deputy_of_these_days_comes_before_the_usual_one() -> None:
    assert asked(person("a", "b", away=True, instead="c"), person("b"), person("c")) == "c"
    assert asked(person("a", "b", away=True, instead="c"), person("b"), person("c", away=True)) == "b"


def test_deputies_of_deputies() -> None:
    assert asked(person("a", "b", away=True), person("b", "c", away=True), person("c")) == "c"


def test_a_circle_of_deputies_ends_where_it_began() -> None:
    circle = person("a", "b", away=True), person("b", "c", away=True), person("c", "a", away=True)
    assert asked(*circle) == ""
    assert asked(person("a", "a", away=True)) == ""
    assert asked(*circle, person("h"), head="h") == "h"


def test_then_the_manager_then_the_head_each_with_their_deputies() -> None:
    away = person("a", away=True, manager="m")
    assert asked(away, person("m"), person("h"), head="h") == "m"
    assert asked(away, person("m", "n", away=True), person("n"), person("h"), head="h") == "n"
    assert asked(away, person("m", away=True), person("h", "i", away=True), person("i"), head="h") == "i"
    assert asked(away, person("m", away=True), person("h", away=True), head="h") == ""


def view(*people: Person, tech: Department | None = None, product: Department | None = None) -> View:
    departments = {
        TECH: tech or Department(TECH, "技术部", head=who("head")),
        PRODUCT: product or Department(PRODUCT, "产品部", head=who("waiting")),
    }
    return View(NOON, {}, people={item.ref: item for item in people}, departments=departments)


PARTIES = Parties(who("a"), TECH, (PRODUCT,))


def names(found: View, *asks: Asked, parties: Parties = PARTIES, now: datetime = NOON) -> list[str]:
    return [item.person.key for item in people_asked(found, asks, parties, now)]


def test_each_word_means_somebody() -> None:
    tech = Department(
        TECH,
        "技术部",
        head=who("head"),
        on_call=OnCall((who("x"), who("y"))),
        coordination_group=(who("g"), who("head")),
    )
    product = Department(PRODUCT, "产品部", head=who("waiting"), coordination_group=(who("k"),))
    all_ = view(person("a", "b"), tech=tech, product=product)
    assert names(all_, "owner") == ["a"]
    assert names(all_, "deputy") == ["b"]
    assert names(all_, "head", "waiting_head") == ["head", "waiting"]
    assert names(all_, "on_call", "owner") == ["x", "y", "a"]
    assert names(all_, "head", "coordination_group") == ["head", "g", "k"]  # nobody twice


def test_who_is_asked_in_whose_place_is_told() -> None:
    found = people_asked(view(person("a", "b", away=True), person("b")), ("owner", "deputy"), PARTIES, NOON)
    assert found == (AskedPerson(who("b"), "owner", who("a")),)


def test_where_nobody_is_named_the_heads_are_asked() -> None:
    nobody = Parties(None, TECH, (PRODUCT,))
    assert names(view(), "owner", parties=nobody) == ["head"]
    assert names(view(), "on_call") == ["head"]
    assert names(view(), "coordination_group") == ["head", "waiting"]
    assert names(view(person("a")), "deputy") == ["head"]
    assert names(view(tech=Department(TECH, "技术部")), "deputy") == ["waiting"]
    assert names(view(), "owner", parties=Parties()) == []


@pytest.mark.parametrize(
    ("now", "on"),
    [
        ("2026-11-01T15:59+00:00", "y"),  # before the first turn they are counted backwards
        ("2026-11-01T16:00+00:00", "x"),  # midnight in Shanghai
        ("2026-11-08T15:59+00:00", "x"),
        ("2026-11-08T16:00+00:00", "y"),
        ("2026-11-15T16:00+00:00", "x"),
    ],
)
def test_a_turn_on_call_begins_at_midnight_in_the_departments_zone(now: str, on: str) -> None:
    tech = Department(TECH, "技术部", on_call=OnCall((who("x"), who("y")), date(2026, 11, 2)))
    assert names(view(tech=tech), "on_call", now=datetime.fromisoformat(now)) == [on]


def test_somebody_is_away_by_the_date_where_they_work() -> None:
    """On 12-02 at 17:00 UTC it is 12-03 in Shanghai, where the absence is over, and still 12-02 in Berlin."""
    late = datetime(2026, 12, 2, 17, tzinfo=UTC)
    people = person("a", "b", away=True, at=TECH), person("b")
    assert names(view(*people), "owner", now=late) == ["a"]
    stranger = person("a", "b", away=True, at=None), person("b")
    assert names(view(*stranger), "owner", now=late) == ["a"]  # the late department's date
    abroad = replace(people[0], zone="Europe/Berlin"), person("b")
    assert names(view(*abroad), "owner", now=late) == ["b"]
    berlin = Department(TECH, "Technik", zone="Europe/Berlin")
    assert names(view(*people, tech=berlin), "owner", now=late) == ["b"]
