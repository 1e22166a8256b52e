"""Environments of their own for third-party judges: published clients that must not share our dependencies."""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

NO_REGISTRY = ("Temporary failure in name resolution", "Connection refused", "Network is unreachable", "ProxyError")
INSTALL_TIMEOUT_S = 300


def judge_environment(*requirements: str) -> Path:
    """A virtual environment that holds these requirements, made once and kept in the user's cache.

    Skips the test when pip cannot reach a registry; any other failure to install is an error.
    """
    digest = hashlib.sha256("\n".join((sys.version, *sorted(requirements))).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "tieline-judges" / digest
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run in several processes; one of them makes it, the others wait
        if not (folder / "ready").exists():
            _make_environment(folder, requirements)
    return folder


def _make_environment(folder: Path, requirements: tuple[str, ...]) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True)
    pip = [
        str(folder / "bin" / "python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-compile",
        "--retries",
        "1",
        "--timeout",
        "15",
    ]
    done = subprocess.run([*pip, *requirements], capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    if done.returncode:
        if any(words in done.stderr for words in NO_REGISTRY):
            pytest.skip(f"no package registry within reach to install {', '.join(requirements)}")
        raise RuntimeError(f"could not install {', '.join(requirements)}: {done.stderr[-2000:]}")
    (folder / "ready").touch()


def run_judge(environment: Path, *arguments: str, cwd: Path) -> str:
    """Run ``python <arguments>`` in a judge's environment and give back what it printed; fails the test with its words when it fails."""
    variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        [str(environment / "bin" / "python"), *arguments],
        cwd=cwd,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    words = done.stdout + done.stderr
    assert done.returncode == 0, words[-4000:]
    return words
