"""Opening, snapshots, migrations, and every way in which a database fails an operator."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Integer, LargeBinary, MetaData, create_engine, event, insert, select

from sync.core.errors import ConfigError, StoreUnavailable
from sync.store import Store, schema
from sync.store.database import url_from_text
from sync.store.tables import DERIVED, LEDGER, METADATA, RAW
from tests.store.samples import NOON, a_record, task_ref


@pytest.mark.parametrize(
    "url", ["mysql://u:hunter2@h/d", "not a url hunter2", "", "sqlite://", "sqlite:///:memory:", "postgres//x:hunter2@"]
)
def test_a_wrong_url_is_a_configuration_error_without_its_password(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Store.open(url)
    assert "hunter2" not in str(caught.value)
    assert "sqlite:///folder/tieline.db" in str(caught.value)


def opened(url: str, timeout_s: float = 0.2) -> None:
    with Store.open(url, timeout_s) as store:
        store.migrate()
        store.save_raw([a_record(str(number), bytes(4000)) for number in range(200)])


def refusal(url: str) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        opened(url)
    return str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    text = refusal(f"sqlite:///{tmp_path}/nowhere/tieline.db")
    assert text.startswith(
        f"sqlite+pysqlite:///{tmp_path}/nowhere/tieline.db: the folder {tmp_path}/nowhere does not exist"
    )


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.db").write_bytes(b"this was a database once " * 400)
    assert "not a database or is damaged; put the last backup back" in refusal(f"sqlite:///{tmp_path}/t.db")


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    opened(url)
    content = bytearray((tmp_path / "t.db").read_bytes())
    content[8192:-8192] = b"\xa5" * (len(content) - 16384)
    (tmp_path / "t.db").write_bytes(content)
    assert "damaged; put the last backup back" in refusal(url)


def test_a_read_only_database_says_so(tmp_path: Path) -> None:
    url = f"sqlite:///file:{tmp_path}/t.db?uri=true"
    opened(url)
    with Store.open(url + "&mode=ro") as store:
        assert store.raw(task_ref("1"))
        with pytest.raises(StoreUnavailable, match="it is read-only"):
            store.mark_gone([task_ref("1")], "deleted", NOON)


def test_a_folder_where_a_file_should_be_is_named(tmp_path: Path) -> None:
    assert "cannot be opened" in refusal(f"sqlite:///{tmp_path}")


def test_a_full_disk_is_told_and_what_was_committed_stays(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    opened(url)
    with Store.open(url) as store:
        with closing(sqlite3.connect(tmp_path / "t.db")) as other:
            pages = other.execute("PRAGMA page_count").fetchone()[0]
        event.listen(store._engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count = {pages + 20}"))
        with pytest.raises(StoreUnavailable, match="the disk is full; free some space"):
            store.save_raw([a_record(f"more-{number}", bytes(4000)) for number in range(200)])
        assert len(list(store.iter_raw())) == 200
        store.mark_gone([task_ref("1")], "deleted", NOON)


def test_a_locked_database_is_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/t.db"
    opened(url)
    other = sqlite3.connect(tmp_path / "t.db")
    other.execute("BEGIN IMMEDIATE")
    assert "another process has been writing to it for too long" in refusal(url)
    with Store.open(url, timeout_s=0.2) as store:
        assert store.raw(task_ref("1")), "readers do not wait for a writer"
    other.close()


def test_sqlite_is_set_up_for_readers_beside_a_writer(tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{tmp_path}/t.db", timeout_s=3) as store, store._engine.connect() as connection:
        settings = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        assert [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in settings] == ["wal", 1, 1, 3000]


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    text = refusal("postgresql://me:hunter2@127.0.0.1:1/tieline")
    assert "postgresql+psycopg://me:***@127.0.0.1:1/tieline: the server cannot be reached" in text
    assert "hunter2" not in refusal("postgresql://me@127.0.0.1:1/tieline?password=hunter2")


def test_a_database_that_is_not_there_is_told(postgres_server: str) -> None:
    assert "the server has no such database" in refusal(f"{postgres_server}/nothing")


def test_a_read_only_server_says_so(postgres_url: str) -> None:
    assert "it is read-only" in refusal(f"{postgres_url}?options=-c%20default_transaction_read_only%3Don")


def test_a_lock_on_the_server_is_told(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as other:
        other.execute("LOCK TABLE raw_records IN ACCESS EXCLUSIVE MODE")
        assert "another process has held a lock for too long" in refusal(postgres_url)


def test_a_server_that_drops_us_is_told_and_found_again(postgres_server: str, postgres_url: str) -> None:
    kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
    with Store.open(postgres_url) as store, psycopg.connect(f"{postgres_server}/postgres", autocommit=True) as admin:
        with pytest.raises(StoreUnavailable), store.transaction():  # noqa: PT012
            store.save_raw([a_record()])
            admin.execute(kill, [postgres_url.rsplit("/", 1)[1]])
            store.raw(task_ref("1"))
        assert store.raw(task_ref("1")) is None


def test_missing_tables_are_told(empty_url: str) -> None:
    with Store.open(empty_url) as store, pytest.raises(StoreUnavailable, match="run `tieline collect`"):
        store.load_tasks()


def test_a_newer_schema_is_refused(store: Store, store_url: str) -> None:
    with store._writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreUnavailable, match="a newer Tieline made its schema \\(9999"):
        Store.open(store_url)


def test_a_snapshot_stays_as_it_was_while_others_write(store: Store, store_url: str) -> None:
    store.save_raw([a_record("1")])
    with Store.open(store_url) as other, store.snapshot():
        assert len(list(store.iter_raw())) == 1
        other.save_raw([a_record("2")])
        assert len(list(store.iter_raw())) == 1
        with pytest.raises(RuntimeError, match="a snapshot is for reading"):
            store.save_raw([a_record("3")])
    assert len(list(store.iter_raw())) == 2


def test_tables_are_in_exactly_one_class() -> None:
    assert sorted(table.name for table in (*RAW, *DERIVED, *LEDGER)) == sorted(METADATA.tables)


def test_the_migrations_make_exactly_the_tables(store: Store) -> None:
    with store._engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_migrating_again_does_nothing_and_two_at_once_do_not_collide(empty_url: str) -> None:
    with Store.open(empty_url) as one, Store.open(empty_url) as two:
        one.migrate()
        two.migrate()
        one.migrate()
        with one._connected(is_writing=True) as connection:
            schema.upgrade(connection)


NEXT_STEP = '''
"""A step that a careless colleague might write."""
from alembic import op
revision, down_revision = "9999", "{last}"
def upgrade() -> None:
    {step}
'''


def _migrations_with(step: str, folder: Path) -> Path:
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text((schema.FOLDER / "env.py").read_text())
    for path in (schema.FOLDER / "versions").glob("[0-9]*.py"):
        (folder / "versions" / path.name).write_text(path.read_text())
    (folder / "versions" / "9999_careless.py").write_text(NEXT_STEP.format(step=step, last=schema.revisions()[-1]))
    return folder


def _fill_every_table(connection: Connection) -> MetaData:
    """One row in every table that the database has, by plain SQL."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        if table.name != "alembic_version":
            kinds = {column.name: column.type for column in table.columns}
            row = {name: _sample(name, kind) for name, kind in kinds.items()}
            connection.execute(insert(table).values(row))
    return found


def _sample(name: str, kind: object) -> object:
    if isinstance(kind, Integer):
        return 1
    if isinstance(kind, LargeBinary):
        return b"\x00payload"
    return {"value": "{}", "counts": "{}"}.get(name, "支付")


def _rows(connection: Connection, tables: MetaData) -> dict[str, list[tuple[object, ...]]]:
    named = [table for table in tables.sorted_tables if table.name != "alembic_version"]
    return {table.name: [tuple(row) for row in connection.execute(select(table))] for table in named}


def _upgrade_with_data(url: str, revision: str, folder: Path = schema.FOLDER) -> None:
    """Upgrade to the revision before, fill every table, upgrade: the data must still be there."""
    known = schema.revisions(folder)
    engine = create_engine(url_from_text(url))
    with engine.begin() as connection:
        if known.index(revision):
            schema.upgrade(connection, known[known.index(revision) - 1], folder)
        tables = _fill_every_table(connection)
        before = _rows(connection, tables)
        schema.upgrade(connection, revision, folder)
        after = _rows(connection, tables)
        assert schema.revision_of(connection) == revision
    engine.dispose()
    assert after == before


@pytest.mark.parametrize("revision", schema.revisions())
def test_each_step_keeps_the_data_of_the_version_before(empty_url: str, revision: str) -> None:
    _upgrade_with_data(empty_url, revision)


def test_a_step_that_keeps_the_data_passes_the_same_check(empty_url: str, tmp_path: Path) -> None:
    folder = _migrations_with("op.execute('ALTER TABLE tasks ADD COLUMN more TEXT')", tmp_path / "m")
    _upgrade_with_data(empty_url, "9999", folder)


def test_a_step_that_loses_data_is_caught(empty_url: str, tmp_path: Path) -> None:
    folder = _migrations_with("op.execute('DELETE FROM answers')", tmp_path / "m")
    with pytest.raises(AssertionError):
        _upgrade_with_data(empty_url, "9999", folder)


def test_a_step_that_fails_leaves_the_version_before(empty_url: str, tmp_path: Path) -> None:
    folder = _migrations_with("op.execute('DROP TABLE answers'); op.execute('DROP TABLE nothing')", tmp_path / "m")
    with Store.open(empty_url) as store:
        store.migrate()
        with pytest.raises(StoreUnavailable), store._connected(is_writing=True) as connection:
            schema.upgrade(connection, "9999", folder)
        assert store.answers() == {}
        assert store._revision() == schema.revisions()[-1]


def test_there_is_no_way_down() -> None:
    for path in (schema.FOLDER / "versions").glob("[0-9]*.py"):
        assert "def downgrade" not in path.read_text()
