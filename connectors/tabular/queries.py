"""Reads a table out of a database by an admin's SELECT, never changing anything there."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

import tenacity
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from connectors.tabular.sheets import MOST_LINES, check_columns
from connectors.tabular.tables import TableRules
from sync.core.cells import Line, Sheet, header_from, plain
from sync.core.errors import AccessDenied, ConfigError, NotFound, Problem, Refused, TielineError, TryLater, Unreachable
from sync.core.secrets import keep_secret, redact_pieces

T = TypeVar("T")
# SQLSTATE classes (ISO 9075; PostgreSQL appendix A): connection, resources, operator intervention, locks.
_PASSING = ("08", "53", "57P", "55P", "40")
_DENIED = ("28", "42501")
_MYSQL_DENIED = {1044, 1045, 1142, 1143, 1227}
_MYSQL_PASSING = {1040, 1205, 1213, 2002, 2003, 2006, 2013}
_TIMED_OUT = ("57014",)


def url_from_text(text: str, connection: str) -> URL:
    """A database's URL. Its password is kept secret from here on. Raises ConfigError, which quotes nothing of it."""
    place = f"connections.{connection}"
    hint = "such as postgresql+psycopg://reader:…@db.example.org/reports or sqlite:////data/reports.db"
    try:
        url = make_url(text)
        driver = url.get_dialect()
    except NoSuchModuleError:
        url, driver, wrong = None, None, "its driver is not known to SQLAlchemy here"
    except (ArgumentError, ValueError):
        url, driver, wrong = None, None, "not a database URL"
    except ImportError:
        url, driver, wrong = None, None, "its driver is not installed"
    if url is None or driver is None:
        raise ConfigError([Problem(place, 0, "url", wrong, hint)])
    if url.password:
        keep_secret(str(url.password))
    return url


def engine_for(url: URL, connection: str, table: str, timeout_s: float) -> Engine:
    """An engine that only reads. Raises ConfigError when the driver is not installed, NotFound for an SQLite file that is not there."""
    is_sqlite = url.get_backend_name() == "sqlite"
    if is_sqlite and (not url.database or not Path(url.database).is_file()):
        raise NotFound(f"{table}: the database {url.database or '(in memory)'} is not there")
    missing = ""
    try:
        engine = create_engine(url, pool_pre_ping=True, pool_size=2, max_overflow=0, hide_parameters=True)
    except ImportError as error:
        missing = str(error.name)
    if missing:
        hint = f"install it beside Tieline: pip install {missing}"
        raise ConfigError([Problem(f"connections.{connection}", 0, "url", f"the driver {missing} is not here", hint)])
    event.listen(engine, "connect", _only_reading(url.get_backend_name(), timeout_s))
    return engine


def _only_reading(backend: str, timeout_s: float) -> Callable[[Any, Any], None]:
    """What is said to a new connection, so that whatever a query says changes nothing and ends."""
    timeout_ms = int(timeout_s * 1000)
    words = {
        "postgresql": ("SET default_transaction_read_only = on", f"SET statement_timeout = {timeout_ms}"),
        "mysql": ("SET SESSION TRANSACTION READ ONLY", f"SET SESSION max_execution_time = {timeout_ms}"),
        "mariadb": ("SET SESSION TRANSACTION READ ONLY", f"SET SESSION max_statement_time = {timeout_s}"),
        "sqlite": ("PRAGMA query_only = ON",),
    }.get(backend, ())

    def say(driver_connection: Any, _record: Any) -> None:
        with closing(driver_connection.cursor()) as cursor:
            for word in words:
                cursor.execute(word)
        if words and backend == "postgresql":
            driver_connection.commit()  # a SET in a transaction that is rolled back is forgotten

    return say


def sheet_from_query(engine: Engine, table: str, rules: TableRules, zone: str) -> Sheet:
    """The rows of the table's SELECT. A database that does not answer is asked three times. Raises AccessDenied, Refused in the
    database's own words, Unreachable or TryLater.
    """

    def read() -> Sheet:
        return _read(engine, table, rules, zone)

    return again(lambda: asked(read, table))


def asked(ask: Callable[[], T], table: str) -> T:
    """What the database answers; its library's errors as ours. These hold the statement and its rows, so they end here."""
    try:
        return ask()
    except SQLAlchemyError as error:
        trouble = _trouble(error, table)
    raise trouble


def again(ask: Callable[[], T]) -> T:
    """Asking changes nothing, so a connection that was lost is made anew."""
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unreachable),
        stop=tenacity.stop_after_attempt(3),
        wait=tenacity.wait_random_exponential(0.2, max=5),
        reraise=True,
    )
    return retrying(ask)


def _read(engine: Engine, table: str, rules: TableRules, zone: str) -> Sheet:
    with engine.connect() as connection:
        # No parameters at all: a % or a : in the admin's SELECT is itself.
        result = connection.execution_options(no_parameters=True, stream_results=True).exec_driver_sql(rules.query)
        if not result.returns_rows:
            raise Refused(f"{table}: the query brings no rows; write a SELECT")
        columns = header_from(tuple(result.keys()))
        check_columns(columns, f"the query of {table}", rules)
        lines: list[Line] = []
        for number, row in enumerate(result, 1):
            if number > MOST_LINES:
                return Sheet(f"the query of {table}", columns, tuple(lines), is_whole=False)
            lines.append(Line(number, tuple(_cell(cell, zone) for cell in row)))
    return Sheet(f"the query of {table}", columns, tuple(lines))


def _cell(cell: Any, zone: str) -> Any:
    """JSON columns stay what they are."""
    return cell if isinstance(cell, dict | list) else plain(cell, zone)


def _trouble(error: SQLAlchemyError, table: str) -> TielineError:
    original = getattr(error, "orig", None)
    words = redact_pieces(str(original or error).strip().splitlines()[0] if str(original or error).strip() else "")
    state = str(getattr(original, "sqlstate", None) or "")
    number = original.args[0] if original is not None and original.args and isinstance(original.args[0], int) else 0
    if state.startswith(_DENIED) or number in _MYSQL_DENIED or _says(words, "authentication failed", "login failed"):
        return AccessDenied(f"{table}: the database says: {words}; give the user of `url` SELECT rights")
    if state.startswith(_TIMED_OUT):
        return Refused(f"{table}: the query took longer than `statement_timeout_s`: {words}", vendor_code=state)
    if _says(words, "database is locked"):
        return TryLater(f"{table}: {words}", reason="server")
    is_lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if is_lost or state.startswith(_PASSING) or number in _MYSQL_PASSING or _is_no_connection(error, state, words):
        return Unreachable(f"{table}: no connection to the database: {words}")
    code = state or str(number or type(original or error).__name__)
    return Refused(
        f"{table}: the database does not take the query (one SELECT, which changes nothing): {words}",
        vendor_code=code,
        vendor_message=words,
    )


def _says(words: str, *signs: str) -> bool:
    return any(sign in words.lower() for sign in signs)


def _is_no_connection(error: SQLAlchemyError, state: str, words: str) -> bool:
    """An operational error without a code of its own, but for SQLite's, which are about the query or the file."""
    if state or type(error).__name__ not in ("OperationalError", "InterfaceError", "TimeoutError"):
        return False
    return not re.search(r"no such (table|column|function)|syntax error|readonly|attempt to write", words)
