"""The schema's version: which one the database has, and the way up to the newest. There is no way down; restore a backup."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

FOLDER = Path(__file__).parent / "migrations"
# Any number will do as long as nobody else's program on the same server uses it.
_LOCK = 0x7469656C


def revisions(folder: Path = FOLDER) -> list[str]:
    """The revisions this code knows, oldest first: the first four characters of the files' names."""
    return sorted(path.name[:4] for path in (folder / "versions").glob("[0-9]*.py"))


def revision_of(connection: Connection) -> str:
    """The database's revision, or an empty text for a database without our tables."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def upgrade(connection: Connection, revision: str = "head", folder: Path = FOLDER) -> None:
    """Bring the schema up inside the caller's transaction: all of it or nothing. Of two that start at once, one waits."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    if revision == "head" and revision_of(connection) == revisions(folder)[-1]:
        return
    from alembic import command  # half a second of imports, needed once in a database's life
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    command.upgrade(config, revision)
