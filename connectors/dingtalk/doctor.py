"""What ``doctor`` tries at DingTalk."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.dingtalk.answers import APP, CONSOLE
from connectors.dingtalk.people import ROOT
from connectors.dingtalk.site import Site
from sync.core.errors import TielineError, Unreachable
from sync.core.ports import Probe
from sync.core.probing import tried

PEOPLE = f"{CONSOLE}：开通 qyapi_get_member、qyapi_get_department_list，通讯录接口范围选「全部员工」，再发布版本"
SAY = f"{CONSOLE}：开通 Card.Instance.Write、qyapi_robot_sendmsg；群里要先加上应用机器人"
CARDS = "卡片平台 open-dev.dingtalk.com/fe/card：按文档搭一个模板，模板 ID 填进 card_template_id；没有模板就没有按钮，也改不了"
GROUPS = (
    f"{CONSOLE}：开通 qyapi_chat_manage；开发者后台 > 场景群模板建一个带应用机器人的模板，ID 填进 group_template_id"
)


ROUTE = "API Explorer：注册卡片回调地址，callbackRouteKey 填进 callback_route_key，apiSecret 填进 callback_secret"


def probes_of(site: Site, card_template: str, group_template: str, callback_route: str) -> Iterator[Probe]:
    """Reach and sign in first, to both APIs; without them nothing else can be told."""
    for name, token, remote in (("", site.new_token, site.remote), (" (old API)", site.old_token, site.old_remote)):
        try:
            token.get()
        except Unreachable as error:
            yield Probe(
                f"reach{name}", is_ok=False, detail=str(error), cure=f"let this machine reach {remote.base_url}"
            )
            return
        except TielineError as error:
            yield Probe(f"sign in{name}", is_ok=False, detail=str(error), cure=APP)
            return
        yield Probe(f"sign in{name}", is_ok=True, detail=f"application {site.client_id}")
    yield tried("read departments", PEOPLE, lambda: site.look("v2/department/listsub", {"dept_id": ROOT}))
    yield tried("read people", PEOPLE, lambda: site.look("v2/user/list", {"dept_id": ROOT, "cursor": 0, "size": 1}))
    yield Probe(
        "card template", is_ok=bool(card_template), detail=card_template or "none", cure="" if card_template else CARDS
    )
    has_secret = "callback_secret" in site.settings.credentials
    if callback_route or has_secret:
        is_ok = bool(callback_route) and has_secret
        detail = f"by HTTP, route {callback_route or 'not set'}" + ("" if has_secret else ", no callback_secret")
        yield Probe("hear pressed cards", is_ok=is_ok, detail=detail, cure="" if is_ok else ROUTE)
    yield Probe("send messages", is_ok=None, detail="cannot be told without writing", cure=SAY)
    detail = "cannot be told without writing" if group_template else "no group_template_id"
    yield Probe("make groups", is_ok=None, detail=detail, cure=GROUPS)
