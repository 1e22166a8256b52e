"""Links as Trello knows them: URLs in names. Pure."""

from __future__ import annotations

import re

# The documented pattern (support.atlassian.com, task dependencies): a checklist on the dependent card, one card link per item.
CHECKLIST_NAMES = {"zh-CN": "依赖", "en": "Depends on"}
_URL = re.compile(r"https?://[^\s<>\"\])，。；、）】》]+")


def checklist_name(language: str) -> str:
    """The checklist that says what a card waits for."""
    return CHECKLIST_NAMES["zh-CN" if language.startswith("zh") else "en"]


def urls_from(text: str) -> list[str]:
    """The URLs in a text; a smart link (``[url](url "smartCard-inline")``) gives its own."""
    whole = text.strip()
    if whole.startswith(("http://", "https://")) and not re.search(r"\s", whole):
        return [whole]
    return [url.rstrip(".,;") for url in _URL.findall(text)]
