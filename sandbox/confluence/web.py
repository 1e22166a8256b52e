"""What a team sees in the browser: rendered pages, space trees, downloads and the media host. No sign-in is asked."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, unquote_plus

from sandbox.confluence.access import cloud_caller
from sandbox.confluence.rendering import Links, html_from_storage
from sandbox.confluence.state import Attachment, Comment, Page, Space
from sandbox.confluence.v2_shapes import slug
from sandbox.http import Request, Response, html_response, text_response
from sandbox.look import page as html_page

if TYPE_CHECKING:
    from sandbox.confluence.simulator import Confluence

MEDIA = "/_media/"
STYLE = """<style>
.panel { border-left: 4px solid #6554c0; background: #eae6ff; border-radius: 3px; padding: .4rem .9rem; margin: .6rem 0; }
.panel-info { border-color: #0052cc; background: #deebff; } .panel-warning { border-color: #de350b; background: #ffebe6; }
.panel-tip { border-color: #00875a; background: #e3fcef; } .panel-panel { border-color: #6b778c; background: #f4f5f7; }
.status { border-radius: 3px; padding: 0 .4em; white-space: nowrap; font-size: .8em; font-weight: 700; background: #dfe1e6; }
.status-green { background: #abf5d1; } .status-yellow { background: #ffe380; } .status-red { background: #ffbdad; }
.status-blue { background: #b3d4ff; } .status-purple { background: #c0b6f2; } .mention { color: #0052cc; }
mark.commented { background: #fff0b3; } ul.tasks { list-style: none; padding-left: .5rem; } .missing { color: #6b778c; }
pre code { font-family: ui-monospace, "Noto Sans Mono CJK SC", monospace; } img { max-width: 100%; }
.label { background: #f4f5f7; border-radius: 3px; padding: 0 .4em; } .toc-h3 { padding-left: 1em; }
</style>"""


def answer_browser(simulator: Confluence, request: Request) -> Response | None:
    """The answer to a browser's request, or None when the path belongs to the API."""
    if request.method not in ("GET", "HEAD"):
        return None
    if request.path.startswith(MEDIA):
        return _media(simulator, request)
    if request.path in ("/", simulator.context, f"{simulator.context}/", f"{simulator.context}/spaces"):
        return _home(simulator)
    if not request.path.startswith(f"{simulator.context}/"):
        return None
    path = request.path.removeprefix(simulator.context)
    words = [unquote(word) for word in path.split("/") if word]
    if words[:2] == ["rest", "api"] and words[-1] == "download" and "attachment" in words:
        return _api_download(simulator, request, words[-2])
    if words[:2] == ["download", "attachments"] and len(words) == 4:
        return _download(simulator, request, words[2], words[3])
    return _cloud(simulator, words) if simulator.variant == "cloud" else _dc(simulator, request, path, words)


def _cloud(simulator: Confluence, words: list[str]) -> Response | None:
    """``/spaces/KEY`` and ``/spaces/KEY/pages/ID[/slug]``."""
    if words[:1] == ["x"] and len(words) == 2:
        return _page_or_404(simulator, words[1])
    if words[:1] != ["spaces"] or len(words) < 2:
        return None
    if len(words) >= 4 and words[2] == "pages":
        return _page_or_404(simulator, words[3])
    return _space_or_404(simulator, words[1])


def _dc(simulator: Confluence, request: Request, path: str, words: list[str]) -> Response | None:
    """``/pages/viewpage.action?pageId=``, ``/display/KEY[/Title]`` and ``/x/ID``."""
    if words[:1] == ["x"] and len(words) == 2:
        return _page_or_404(simulator, words[1])
    if words == ["pages", "viewpage.action"]:
        return _page_or_404(simulator, request.get("pageId"))
    if words[:1] != ["display"] or len(words) < 2:
        return None
    space = simulator.site.space_by_key(words[1])
    if space is None or len(words) == 2:
        return _space_or_404(simulator, words[1])
    found = simulator.site.page_titled(space.id, unquote_plus(path.split("/")[3]))
    return _page_or_404(simulator, found.id if found else "")


def _not_found() -> Response:
    body = "<h1>找不到页面</h1><p>页面不存在，或者您没有权限查看。</p>"
    return html_response(html_page("Page Not Found", body), 404)


def page_address(simulator: Confluence, page: Page) -> str:
    if simulator.variant == "cloud":
        key = simulator.site.spaces[page.space_id].key
        return f"{simulator.context}/spaces/{quote(key)}/pages/{page.id}/{slug(page.title)}"
    return f"{simulator.context}/pages/viewpage.action?pageId={page.id}"


def _space_address(simulator: Confluence, space: Space) -> str:
    middle = "spaces" if simulator.variant == "cloud" else "display"
    return f"{simulator.context}/{middle}/{quote(space.key)}"


def listed_pages(simulator: Confluence) -> list[tuple[str, str]]:
    """Every space and its newest pages, for the sandbox's list of what to look at."""
    shown: list[tuple[str, str]] = []
    for space in simulator.site.spaces.values():
        pages = [simulator.site.pages[page_id] for page_id in simulator.site.pages_of_space[space.id]]
        shown += [(page.title, page_address(simulator, page)) for page in pages if page.status == "current"][:20]
        shown.append((f"{space.name} ({space.key})", _space_address(simulator, space)))
    return shown


def _home(simulator: Confluence) -> Response:
    spaces = "".join(
        f'<li><a href="{escape(_space_address(simulator, space))}">{escape(space.name)}</a> '
        f"<small>{escape(space.key)}</small></li>"
        for space in simulator.site.spaces.values()
    )
    return html_response(html_page("Confluence", f"<h1>空间</h1><ul>{spaces}</ul>"))


def _space_or_404(simulator: Confluence, key: str) -> Response:
    space = simulator.site.space_by_key(key)
    if space is None:
        return _not_found()
    tops = [
        p for p in map(simulator.site.pages.__getitem__, simulator.site.pages_of_space[space.id]) if not p.parent_id
    ]
    body = f"<h1>{escape(space.name)} <small>{escape(space.key)}</small></h1>{_tree(simulator, tops)}"
    return html_response(html_page(space.name, body))


def _tree(simulator: Confluence, pages: list[Page]) -> str:
    items = "".join(
        f'<li><a href="{escape(page_address(simulator, page))}">{escape(page.title)}</a>'
        f"{_tree(simulator, [simulator.site.pages[each] for each in page.children])}</li>"
        for page in pages
        if page.status == "current"
    )
    return f"<ul>{items}</ul>" if items else ""


def _page_or_404(simulator: Confluence, page_id: str) -> Response:
    page = simulator.site.pages.get(page_id)
    return html_response(_page_html(simulator, page)) if page else _not_found()


def _page_html(simulator: Confluence, page: Page) -> str:
    site, latest = simulator.site, page.latest
    crumbs = [(site.spaces[page.space_id].name, _space_address(simulator, site.spaces[page.space_id]))]
    crumbs += [(each.title, page_address(simulator, each)) for each in site.ancestors(page)]
    trail = " / ".join(f'<a href="{escape(address)}">{escape(title)}</a>' for title, address in crumbs)
    when = latest.when.strftime("%Y-%m-%d %H:%M UTC")
    by = escape(site.user(latest.by).display_name)
    note = f" · {escape(latest.message)}" if latest.message else ""
    state = "" if page.status == "current" else f' <span class="status">{escape(page.status)}</span>'
    lock = " · 🔒 限制访问" if page.readers or page.editors else ""
    body = html_from_storage(latest.storage, _links(simulator, page))
    return html_page(
        page.title,
        f'{STYLE}<p class="quiet">{trail}</p><h1>{escape(page.title)}{state}</h1>'
        f'<p class="quiet">版本 {latest.number} · {by} · {when}{note}{lock}</p><main>{body}</main>'
        f"{_labels(page)}{_attachments(simulator, page)}{_comments(simulator, page)}{_children(simulator, page)}",
    )


def _links(simulator: Confluence, page: Page) -> Links:
    site = simulator.site

    def attachment(name: str) -> str | None:
        known = name in page.attachments
        return f"{simulator.context}/download/attachments/{page.id}/{quote(name)}" if known else None

    def linked(space_key: str, title: str) -> str | None:
        space = site.space_by_key(space_key) if space_key else site.spaces[page.space_id]
        found = site.page_titled(space.id, title) if space else None
        return page_address(simulator, found) if found else None

    def user(word: str) -> str:
        found = site.find_user(word)
        return found.display_name if found else word

    return Links(
        attachment, linked, user, [(p.title, page_address(simulator, p)) for p in _shown_children(simulator, page)]
    )


def _shown_children(simulator: Confluence, page: Page) -> list[Page]:
    children = [simulator.site.pages[each] for each in page.children]
    return [child for child in children if child.status == "current"]


def _labels(page: Page) -> str:
    names = " ".join(f'<span class="label">{escape(label.partition(":")[2])}</span>' for label in page.labels)
    return f'<p class="labels">标签：{names}</p>' if names else ""


def _attachments(simulator: Confluence, page: Page) -> str:
    items: list[Attachment] = [simulator.site.attachments[each] for each in page.attachments.values()]
    rows = "".join(
        f'<li><a href="{simulator.context}/download/attachments/{page.id}/{quote(item.title)}">{escape(item.title)}</a> '
        f"<small>v{item.latest.number} · {len(item.latest.data)} B</small></li>"
        for item in items
    )
    return f"<h2>附件</h2><ul>{rows}</ul>" if rows else ""


def _comments(simulator: Confluence, page: Page) -> str:
    comments: list[Comment] = [simulator.site.comments[each] for each in page.comments]
    boxes = "".join(
        f'<div class="box"><small>{escape(simulator.site.user(comment.latest.by).display_name)}'
        f"{_about(comment)}</small>{html_from_storage(comment.latest.storage)}</div>"
        for comment in comments
    )
    return f"<h2>评论</h2>{boxes}" if boxes else ""


def _about(comment: Comment) -> str:
    if comment.kind != "inline" or comment.parent_id:
        return ""
    return f" · 批注“{escape(comment.selection)}” · {escape(comment.resolution)}"


def _children(simulator: Confluence, page: Page) -> str:
    tree = _tree(simulator, _shown_children(simulator, page))
    return f"<h2>子页面</h2>{tree}" if tree else ""


# -- files


def _download(simulator: Confluence, request: Request, page_id: str, name: str) -> Response:
    """The file itself; on Cloud the API's ``downloadLink`` (``api=v2``) is a redirect to the media host."""
    page = simulator.site.pages.get(page_id)
    attachment_id = page.attachments.get(name) if page else None
    if attachment_id is None:
        return _not_found()
    item = simulator.site.attachments[attachment_id]
    if simulator.variant == "cloud" and request.get("api") == "v2":
        return _to_media(simulator, request, item)
    return _file(item, request.get("version"))


def _api_download(simulator: Confluence, request: Request, attachment_id: str) -> Response | None:
    """Cloud v1 ``child/attachment/{id}/download``."""
    item = simulator.site.attachments.get("att" + attachment_id.removeprefix("att"))
    if simulator.variant != "cloud" or item is None:
        return None
    return _to_media(simulator, request, item)


def _to_media(simulator: Confluence, request: Request, item: Attachment) -> Response:
    """302 to another host name, so that clients drop their credentials on the way, as they must."""
    if cloud_caller(request, is_gateway=False, scopes=frozenset()) is None:
        return simulator.unauthorized(request)
    host = request.base_url.replace("//127.0.0.1", "//localhost")
    version = request.get("version") or str(item.latest.number)
    return Response(
        302, headers={"location": f"{host}{MEDIA}{item.file_id}/binary?version={version}&name={quote(item.title)}"}
    )


def _media(simulator: Confluence, request: Request) -> Response:
    file_id = request.path.removeprefix(MEDIA).partition("/")[0]
    if "authorization" in request.headers:
        simulator.media_leaks += 1
    found = next((item for item in simulator.site.attachments.values() if item.file_id == file_id), None)
    return _file(found, request.get("version")) if found else text_response("no such file", 404)


def _file(item: Attachment, number: str) -> Response:
    """As a download or picture, never as a page: an uploaded HTML file must not run on this origin."""
    version = next((each for each in item.versions if str(each.number) == number), item.latest)
    is_picture = version.media_type.startswith("image/") and "svg" not in version.media_type
    how = "inline" if is_picture else "attachment"
    headers = {
        "content-type": version.media_type if "html" not in version.media_type else "application/octet-stream",
        "content-disposition": f"{how}; filename*=UTF-8''{quote(item.title)}",
        "x-content-type-options": "nosniff",
    }
    return Response(200, version.data, headers)
