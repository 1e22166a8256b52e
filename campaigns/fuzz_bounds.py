"""Run something hostile in a process of its own with bounded time and memory, and tell how it ended and what it took."""

from __future__ import annotations

import os
import pickle
import resource
import signal
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from sync.core.errors import ConfigError, TielineError
from sync.mapping.paths import BadPath
from sync.mapping.patterns import BadPattern

MOST_S, MOST_MB = 30.0, 500
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Ending:
    """``refused`` names the error that said no, empty when it went well; ``broken`` tells what no user should see."""

    refused: str = ""
    broken: str = ""
    seconds: float = 0.0
    megabytes: float = 0.0


def ending_of(act: Callable[[], object]) -> Ending:
    """How it ended, in this process: only errors that name what to do next are clear."""
    started = time.process_time()
    try:
        act()
        refused = broken = ""
    except (BadPath, BadPattern) as error:
        refused, broken = type(error).__name__, "" if str(error) else "an error without words"
    except ConfigError as error:
        refused, broken = "ConfigError", _unclear(error)
    except TielineError as error:
        refused, broken = type(error).__name__, "" if str(error) else "an error without words"
    except BaseException as error:  # noqa: BLE001  # a traceback is what must never be
        at = traceback.extract_tb(error.__traceback__)
        refused = ""
        broken = f"{type(error).__name__}: {error}"[:200] + f" at {at[-1].filename.rpartition('/')[2]}:{at[-1].lineno}"
    return Ending(refused, broken, time.process_time() - started)


def _unclear(error: ConfigError) -> str:
    """What a ConfigError lacks: every problem has a file and a sentence, and is not endless."""
    if not error.problems:
        return "a ConfigError without a problem"
    for problem in error.problems:
        if not problem.file or not problem.text or problem.line < 0:
            return f"an unclear problem: {problem}"
    return "" if len(str(error)) < MEGABYTE else "an endless message"


def bounded(act: Callable[[], object], most_s: float = MOST_S) -> Ending:
    """The same in a forked process that may take ``most_s`` seconds and ``MOST_MB`` more memory than now."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _live(act, writing, most_s)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        told = pipe.read()
    _, status, usage = os.wait4(child, 0)
    seconds, megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000 - _idle_megabytes()
    if not told:
        return Ending("", f"ended by signal {os.WTERMSIG(status)} after {seconds:.1f} s", seconds, megabytes)
    ending: Ending = pickle.loads(told)
    broken = ending.broken or ("" if ending.seconds <= most_s else f"took {ending.seconds:.1f} s")
    return Ending(ending.refused, broken, ending.seconds, max(0.0, megabytes))


def _live(act: Callable[[], object], pipe: int, most_s: float) -> None:
    """The child: limits, the act, one answer."""
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, most_s * 8)
        resource.setrlimit(resource.RLIMIT_CPU, (int(most_s) + 1, int(most_s) + 2))
        most = _address_space() + MOST_MB * MEGABYTE
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with os.fdopen(pipe, "wb") as answer:
            answer.write(pickle.dumps(ending_of(act)))
    finally:
        os._exit(0)


def _address_space() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * resource.getpagesize()


def _idle_megabytes() -> float:
    """What a child that does nothing takes: the memory it shares with us."""
    child = os.fork()
    if not child:
        os._exit(0)
    return float(os.wait4(child, 0)[2].ru_maxrss / 1000)
