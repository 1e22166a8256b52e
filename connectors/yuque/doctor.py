"""What ``tieline doctor`` tries at Yuque: reading only, and what is missing in the words of its settings."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.yuque.answers import RIGHTS, SIGN_IN
from connectors.yuque.site import Site
from sync.core.ports import ConnectionSettings, Probe
from sync.core.probing import tried

SEE = "让 token 的主人加入知识库所在的团队，或把知识库对其开放（知识库 > 设置 > 权限）"
WORLD = (
    "知识库 > 设置 > 权限: 互联网可见 means that anybody on the internet reads it; 空间内可见 is what a company wants"
)


def probes_of(site: Site, settings: ConnectionSettings) -> Iterator[Probe]:
    """One probe per operation, nothing changed."""
    yield tried("sign in", SIGN_IN, lambda: f"as {site.me().get('name')}")
    for scope in settings.scopes:
        yield from _book_probes(site, scope)
    yield Probe("write documents", None, "cannot be told without writing", RIGHTS)


def _book_probes(site: Site, scope: str) -> Iterator[Probe]:
    def see() -> str:
        found = site.book(scope, is_fresh=True)
        return f"{found.name or scope}, id {found.id}"

    found = tried(f"see book {scope}", SEE, see)
    yield found
    if not found.is_ok:
        return
    yield tried(f"list documents of {scope}", SEE, lambda: f"{len(next(site.heads(scope), []))} or more")
    yield tried(f"read the table of contents of {scope}", SEE, lambda: f"{len(site.toc(site.book(scope).id))} lines")
    if site.book(scope).public == 1:
        yield Probe(f"openness of {scope}", None, "the whole internet may read this book", WORLD)
