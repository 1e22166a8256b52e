"""The departments and people of each directory as last read, and why the last try brought nothing."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, select

from sync.core.organisation import Employee, OrgDepartment
from sync.store.bulk import merge
from sync.store.codec import clean, decoder, instant_from_text, json_from_value, text_from_instant
from sync.store.tables import ORGANISATIONS


class House(Struct, frozen=True):
    """What a directory tells."""

    departments: tuple[OrgDepartment, ...] = ()
    employees: tuple[Employee, ...] = ()


class ReadHouse(Struct, frozen=True):
    """A directory as last read; with an ``error`` it is older than ``read_at``, when it was tried again in vain."""

    connection: str
    house: House
    read_at: datetime
    error: str = ""


_house_from_text = decoder(House)


def put_organisation(connection: Connection, entry: ReadHouse) -> None:
    """Keep it in place of the one before."""
    row = (entry.connection, text_from_instant(entry.read_at), clean(entry.error), json_from_value(entry.house))
    merge(connection, ORGANISATIONS, [row])


def organisations(connection: Connection) -> dict[str, ReadHouse]:
    """Every directory that was read, by connection."""
    return {
        row["connection"]: ReadHouse(
            row["connection"], _house_from_text(row["value"]), instant_from_text(row["read_at"]), row["error"]
        )
        for row in connection.execute(select(ORGANISATIONS)).mappings()
    }
