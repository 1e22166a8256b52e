"""Who is who: a tool's accounts as people, by what people.yaml says or by an e-mail address, never by a display name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from sync.core.values import Account, Person, Ref
from sync.mapping.rules import Directory

By = Literal["id", "login", "listed_email", "email"]


class Claim(Struct, frozen=True):
    """Why an account is taken for a person: by its id, login or e-mail listed in people.yaml, or by the same e-mail address."""

    person: Ref
    connection: str
    account: str
    by: By
    value: str


class Identity:
    """Finds people and departments. Made once per directory; lookups are dictionary reads."""

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self._listed: dict[tuple[str, str], Ref] = {}
        self._emails: dict[str, Ref] = {}
        for ref, person in directory.people.items():
            for connection, texts in person.accounts.items():
                self._listed |= {(connection, _folded(text)): ref for text in texts}
            if person.email:
                self._emails[_folded(person.email)] = ref

    def claim(self, connection: str, account: Account) -> Claim | None:
        """Who the account belongs to, and why; None when nobody claims it."""
        marks: tuple[tuple[By, str | None], ...] = (
            ("id", account.id),
            ("login", account.login),
            ("listed_email", account.email),
        )
        for by, text in marks:
            if text and (ref := self._listed.get((connection, _folded(text)))):
                return Claim(ref, connection, account.id, by, text)
        if account.email and (ref := self._emails.get(_folded(account.email))):
            return Claim(ref, connection, account.id, "email", account.email)
        return None

    def person(self, connection: str, account: Account) -> Ref:
        """The person behind an account; an account that nobody claims is a person of its own connection."""
        claim = self.claim(connection, account)
        return claim.person if claim else Ref.of(connection, "account", account.id)

    def person_from_text(self, connection: str, text: str) -> Ref | None:
        """The person of an id, login or e-mail address written as text; None when people.yaml does not list it."""
        return self._listed.get((connection, _folded(text))) or self._emails.get(_folded(text))

    def department(self, text: str) -> Ref | None:
        """The department of this key, name or English name."""
        return self.directory.department(text)

    def department_of(self, person: Ref | None) -> Ref | None:
        """The department people.yaml puts the person into."""
        found = self.directory.people.get(person) if person else None
        return found.department if found else None


def people_from_accounts(
    identity: Identity, accounts: Mapping[str, Iterable[Account]]
) -> tuple[dict[Ref, Person], tuple[Claim, ...]]:
    """Everybody: the directory's people with the ids of their accounts, and the accounts nobody claims; and why each is who.

    ``accounts`` are those seen, by connection. Independent of their order.
    """
    people = dict(identity.directory.people)
    claims: set[tuple[str, ...]] = set()
    found: dict[tuple[Ref, str], set[str]] = {}
    for connection, items in accounts.items():
        for account in items:
            if not account.id:
                continue
            claim = identity.claim(connection, account)
            if claim:
                claims.add((claim.person, connection, claim.account, claim.by, claim.value))
                found.setdefault((claim.person, connection), set()).add(account.id)
                continue
            ref = Ref.of(connection, "account", account.id)
            known = people.get(ref)
            if known is None or (account.name, account.email or "") > (known.name, known.email or ""):
                people[ref] = Person(ref, account.name or account.id, None, {connection: (account.id,)}, account.email)
    for (ref, connection), ids in found.items():
        person = people[ref]
        people[ref] = replace(person, accounts={**person.accounts, connection: tuple(sorted(ids))})
    made = (Claim(Ref(ref), connection, account, by, value) for ref, connection, account, by, value in sorted(claims))  # type: ignore[arg-type]
    return people, tuple(made)


def _folded(text: str) -> str:
    return text.strip().casefold()
