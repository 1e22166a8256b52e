"""Read the directories of chats once a day: who people are there, so that they can be named and told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

import structlog
from msgspec.structs import replace

from sync.core.answering import Speaker
from sync.core.errors import TielineError
from sync.core.organisation import Organisation
from sync.core.values import Account, Finding, Ref
from sync.core.view import ConnectionFacts
from sync.mapping.identity import Identity
from sync.noticed import ENGINE
from sync.remote import redact
from sync.store.organisations import House, ReadHouse
from sync.store.store import Store

READ_EVERY = timedelta(hours=24)
TRIED_EVERY = timedelta(hours=1)

log = structlog.get_logger()


def read_directories(store: Store, organisations: Mapping[str, Callable[[], Organisation]], at: datetime) -> None:
    """Read those that are due. One that cannot be read keeps what it told before, and is tried again after an hour."""
    known = store.organisations()
    for name, open_one in organisations.items():
        last = known.get(name)
        if last and at - last.read_at < (TRIED_EVERY if last.error else READ_EVERY):
            continue
        try:
            store.put_organisation(ReadHouse(name, _house(open_one()), at))
        except TielineError as error:
            log.warning("directory_not_read", connection=name, error=redact(str(error)))
            before = last or ReadHouse(name, House(), at)
            store.put_organisation(replace(before, read_at=at, error=redact(str(error))))


def _house(organisation: Organisation) -> House:
    departments = tuple(item for page in organisation.departments() for item in page)
    return House(departments, tuple(item for page in organisation.employees() for item in page))


def known_accounts(identity: Identity, houses: Mapping[str, ReadHouse]) -> dict[str, dict[str, Account]]:
    """The accounts of people whom people.yaml lists, by connection: by their id or the same e-mail, never by a name."""
    return {
        name: {
            item.account.id: item.account
            for item in read.house.employees
            if item.account.is_active and identity.claim(name, item.account)
        }
        for name, read in houses.items()
    }


def speaker_of(identity: Identity, house: ReadHouse | None, facts: ConnectionFacts, account: Account) -> Speaker:
    """Who answers with an account: by people.yaml, which may know it or the e-mail that the directory tells of it, else by the directory;
    the name is "" for nobody whom either knows.
    """
    employees = house.house.employees if house else ()
    known = next((item.account for item in employees if item.account.id == account.id), account)
    ref, directory = identity.person(facts.name, known), identity.directory
    person = directory.people.get(ref)
    if person is None:
        return Speaker(ref, known.name, facts.zone)
    department = directory.departments.get(person.department) if person.department else None
    name = person.english_name if facts.language == "en" and person.english_name else person.name
    return Speaker(ref, name, person.zone or (department.zone if department else facts.zone))


def directory_findings(houses: Mapping[str, ReadHouse]) -> Iterator[Finding]:
    """One finding for each directory that cannot be read: nobody there can be named."""
    for name, read in houses.items():
        if read.error:
            yield Finding(
                key=f"{ENGINE}:directory_not_read:{name}",
                kind="directory_not_read",
                severity="warning",
                subjects=(Ref.of(name, "connection", name),),
                message="directory_not_read",
                parameters={"connection": name, "detail": read.error},
            )
