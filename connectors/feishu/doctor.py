"""What ``doctor`` tries at Feishu."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.feishu.people import IDS, ROOT
from connectors.feishu.site import Site
from sync.core.errors import TielineError, Unreachable
from sync.core.ports import Probe
from sync.core.probing import tried

APP = "开发者后台 > 凭证与基础信息：核对 App ID 和 App Secret；国际版 Lark 要设 host: lark"
CHATS = "开发者后台 > 权限管理：开通 im:chat:readonly，应用能力里加上「机器人」，再发布版本"
PEOPLE = "开发者后台 > 权限管理：开通 contact:contact.base:readonly、contact:department.organize:readonly；通讯录权限范围选「全部成员」"
FIND = "开发者后台 > 权限管理：开通 contact:user.id:readonly（通过手机号或邮箱获取用户 ID）"
SAY = "开发者后台 > 权限管理：开通 im:message:send_as_bot；收消息的人要在应用的可用范围里，群里要先加机器人"


def probes_of(site: Site) -> Iterator[Probe]:
    """Reach and sign in first; without them nothing else can be told."""
    try:
        site.token()
    except Unreachable as error:
        yield Probe("reach", is_ok=False, detail=str(error), cure=f"let this machine reach {site.remote.base_url}")
        return
    except TielineError as error:
        yield Probe("reach", is_ok=True)
        yield Probe("sign in", is_ok=False, detail=str(error), cure=APP)
        return
    yield Probe("reach", is_ok=True)
    yield Probe("sign in", is_ok=True, detail=f"application {site.app_id}")
    users = {**IDS, "department_id": ROOT, "page_size": 1}
    children = {**IDS, "page_size": 1}
    contact = {"emails": ["tieline@example.com"]}
    yield tried("list chats", CHATS, lambda: site.ask("GET", "/im/v1/chats", {"page_size": 1}))
    yield tried("read departments", PEOPLE, lambda: site.ask("GET", "/contact/v3/departments/0/children", children))
    yield tried("read people", PEOPLE, lambda: site.ask("GET", "/contact/v3/users/find_by_department", users))
    yield tried("find people", FIND, lambda: site.ask(
        "POST", "/contact/v3/users/batch_get_id", {"user_id_type": "open_id"}, contact, is_safe=True))  # fmt: skip
    yield Probe("send messages", is_ok=None, detail="cannot be told without writing", cure=SAY)
    yield Probe("make groups", is_ok=None, detail="cannot be told without writing", cure="权限管理：开通 im:chat")
