"""The demo's pages as files: what a team sees, kept after the simulated sites are gone, with links and pictures that work offline."""

from __future__ import annotations

import html
import mimetypes
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import httpx

LINK = re.compile(r'(?<=\s)(href|src)="([^"]*)"')
INDEX = """<!doctype html><meta charset="utf-8"><title>Tieline demo</title>
<style>body {{ font: 16px/1.6 sans-serif; max-width: 50rem; margin: 2rem auto; }}</style>
<h1>Tieline demo</h1>
{sections}
"""


@dataclass(frozen=True)
class Saved:
    """One page or file: where it was and what it held."""

    name: str
    address: str
    content: bytes

    @property
    def is_page(self) -> bool:
        return self.name.endswith(".html")


@dataclass
class _Copies:
    """What was fetched, once per content however many addresses it has, and the file name behind each address."""

    by_content: dict[bytes, Saved] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    def keep(self, site: str, address: str, answer: httpx.Response) -> Saved | None:
        """The copy of this content when it is new, otherwise None."""
        known = self.by_content.get(answer.content)
        media_type = answer.headers.get("content-type", "").partition(";")[0]
        suffix = mimetypes.guess_extension(media_type) or ""
        saved = known or Saved(f"{len(self.by_content) + 1:02}-{site}{suffix}", str(answer.url), answer.content)
        self.by_content[answer.content] = saved
        self.names[address] = saved.name
        return None if known else saved


def save_pages(folder: Path, urls: Mapping[str, str], pages: list[tuple[str, str, str]]) -> Path:
    """Save pages, given as (site, title, address), and all they link to on these sites; returns the list of them, index.html."""
    folder.mkdir()
    copies = _fetch(urls, pages)
    for saved in copies.by_content.values():
        content = _with_local_links(saved, copies.names) if saved.is_page else saved.content
        (folder / saved.name).write_bytes(content)
    sections = "".join(
        _section(site, list(group), copies.names) for site, group in groupby(pages, lambda page: page[0])
    )
    index = folder / "index.html"
    index.write_text(INDEX.format(sections=sections), encoding="utf-8")
    return index


def _fetch(urls: Mapping[str, str], pages: list[tuple[str, str, str]]) -> _Copies:
    copies = _Copies()
    waiting = deque((site, address) for site, _, address in pages)
    seen: set[str] = set()
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        while waiting:
            site, address = waiting.popleft()
            if address in seen:
                continue
            seen.add(address)
            answer = client.get(address)
            saved = copies.keep(site, address, answer) if answer.status_code == 200 else None
            if saved and saved.is_page:
                waiting += ((owner, link) for link in _links(saved) for owner in _owners(link, urls))
    return copies


def _links(page: Saved) -> Iterator[str]:
    for _, link in LINK.findall(page.content.decode()):
        yield urldefrag(urljoin(page.address, html.unescape(link))).url


def _owners(address: str, urls: Mapping[str, str]) -> list[str]:
    return [site for site, url in urls.items() if f"{address}/".startswith(url.rstrip("/") + "/")]


def _with_local_links(page: Saved, names: Mapping[str, str]) -> bytes:
    def rewritten(match: re.Match[str]) -> str:
        address, fragment = urldefrag(urljoin(page.address, html.unescape(match[2])))
        name = names.get(address)
        return f'{match[1]}="{name}{"#" if fragment else ""}{html.escape(fragment)}"' if name else match[0]

    return LINK.sub(rewritten, page.content.decode()).encode()


def _section(site: str, pages: list[tuple[str, str, str]], names: Mapping[str, str]) -> str:
    rows = "".join(
        f'<li><a href="{names[address]}">{html.escape(title)}</a></li>'
        for _, title, address in pages
        if address in names
    )
    return f"<h2>{html.escape(site)}</h2><ul>{rows}</ul>\n"
