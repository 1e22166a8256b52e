"""The demo's saved pages can be read when the simulated sites are gone."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.world import World
from sync.cli.demo_pages import LINK, save_pages


def test_every_saved_page_leads_to_saved_pages_and_pictures(tmp_path: Path) -> None:
    with World() as world:
        pages = list(world.pages())
        index = save_pages(tmp_path / "pages", world.urls(), pages)
    names = {path.name for path in index.parent.iterdir()}
    links = [link for path in index.parent.glob("*.html") for _, link in LINK.findall(path.read_text(encoding="utf-8"))]
    assert len(pages) > 20
    assert len(re.findall("<li>", index.read_text(encoding="utf-8"))) == len(pages)
    assert [link for link in links if link.partition("#")[0] not in names and not link.startswith("https://")] == []
