"""What ``doctor`` tries at WeCom."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from connectors.wecom.answers import APP, BOT, DENIED
from connectors.wecom.bot import TALK_FIRST
from connectors.wecom.line import Line
from connectors.wecom.site import Site
from connectors.wecom.switchboard import ELSEWHERE, TAKEN
from sync.core.errors import TielineError, Unreachable
from sync.core.ports import Probe
from sync.core.probing import tried

SIGN_IN = f"{DENIED[40001]}；{DENIED[40013]}"
AGENT = f"{DENIED[301002]}；{DENIED[60020]}"
PEOPLE = f"{APP} > 可见范围：选到根部门；2022-06-20 以后建的应用读不到手机号和邮箱，人要在 people.yaml 里写"
SAY = f"{APP} > 可见范围：收消息的人都要在里面"
GROUPS = f"{APP} > 可见范围：选到根部门，只有这样的应用能建群"


def probes_of(site: Site, agent_id: int) -> Iterator[Probe]:
    """Reach and sign in first; without them nothing else can be told."""
    try:
        site.token()
    except Unreachable as error:
        yield Probe("reach", is_ok=False, detail=str(error), cure=f"let this machine reach {site.remote.base_url}")
        return
    except TielineError as error:
        yield Probe("reach", is_ok=True)
        yield Probe("sign in", is_ok=False, detail=str(error), cure=SIGN_IN)
        return
    yield Probe("reach", is_ok=True)
    yield Probe("sign in", is_ok=True, detail=f"company {site.corp_id}")
    yield tried(
        "act as the application (trusted IP)", AGENT, lambda: site.ask("GET", "agent/get", {"agentid": agent_id})
    )
    yield tried("read departments", PEOPLE, lambda: site.ask("GET", "department/list"))
    yield Probe("send messages", is_ok=None, detail="cannot be told without writing", cure=SAY)
    yield Probe("make groups", is_ok=None, detail="cannot be told without writing", cure=GROUPS)


def bot_probes(line: Callable[[], Line], url: str) -> Iterator[Probe]:
    """Sign in over the long connection, unless another process has it: a second one would end that."""
    try:
        line()
    except Unreachable as error:
        if error.reason == ELSEWHERE:
            yield Probe("long connection", is_ok=None, detail=str(error), cure="its own log tells how it fares")
        elif error.reason == TAKEN:
            yield Probe("long connection", is_ok=False, detail=str(error), cure=f"{BOT}：每个程序用自己的机器人")
        else:
            yield Probe("reach", is_ok=False, detail=str(error), cure=f"let this machine reach {url}")
    except TielineError as error:
        yield Probe("reach", is_ok=True)
        yield Probe("sign in", is_ok=False, detail=str(error), cure=DENIED[853000])
    else:
        yield Probe("reach", is_ok=True)
        yield Probe("long connection", is_ok=True)
    yield Probe("send messages", is_ok=None, detail="cannot be told without writing", cure=TALK_FIRST)
    detail = "pressed buttons are heard while `tieline serve` runs"
    yield Probe("hear answers", is_ok=None, detail=detail, cure=f"{BOT}：连接方式一直选「使用长连接」")
