"""The guard of tests/conftest.py: no test reaches the world."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("198.51.100.7", 443)])
def test_the_world_cannot_be_reached(address: tuple[str, int]) -> None:
    with socket.socket() as opened:
        with pytest.raises(RuntimeError, match=r"loopback only; this one tried .*" + address[0]):
            opened.connect(address)
        with pytest.raises(RuntimeError, match="loopback only"):
            opened.connect_ex(address)
    with pytest.raises(RuntimeError, match="loopback only"):
        httpx.get(f"http://{address[0]}:{address[1]}/", trust_env=False)


def test_loopback_and_unix_sockets_can(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()):
        pass
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(tmp_path / "s"))
        server.listen()
        client.connect(str(tmp_path / "s"))
