"""Ways of breaking the writers and readers on purpose: under each the short form must find divergences."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import SimpleNamespace
from typing import Any
from unittest import mock

from connectors.confluence import storage, tree
from connectors.jira import adf, wiki
from connectors.trello import markdown as trello
from jobs.status_view import picture
from sync.cli import demo_pages, log
from sync.core import markdown_text
from sync.mapping import patterns, yaml

NEVER = re.compile("(?!)")


def _replaced(module: Any, name: str, value: object) -> Callable[[], AbstractContextManager[None]]:
    @contextmanager
    def broken() -> Iterator[None]:
        with mock.patch.object(module, name, value):
            yield

    return broken


def _same(text: str, *_: object, **__: object) -> str:
    return text


def _cdata_unsplit(original: Callable[[Any], str]) -> Callable[[Any], str]:
    def serialised(node: Any) -> str:
        return f"<![CDATA[{tree.clean(node.text)}]]>" if isinstance(node, tree.Cdata) else original(node)

    return serialised


SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {
    "raw_html_title": _replaced(demo_pages, "html", SimpleNamespace(escape=_same, unescape=_same)),
    "raw_svg_text": _replaced(picture, "_text", _same),
    "raw_storage_text": _replaced(tree, "_escaped", lambda text: tree.clean(text).replace("&", "&amp;")),
    "storage_attributes_unquoted": _replaced(tree, "_quoted", tree._escaped),
    "storage_controls_kept": _replaced(tree, "clean", _same),
    "cdata_end_unsplit": _replaced(tree, "_serialised", _cdata_unsplit(tree._serialised)),
    "any_address_is_a_link": _replaced(storage, "is_web_url", bool),
    "adf_empty_text": _replaced(adf, "_text", lambda text, marks: {"type": "text", "text": text, "marks": marks}),
    "adf_headings_in_lists": _replaced(adf, "IN_LIST", adf.IN_LIST | {"heading"}),
    "wiki_unescaped_braces": _replaced(wiki, "_SIGNS", re.compile(r"[\[\]|*_+^~!()]")),
    "wiki_heading_at_line_start": _replaced(wiki, "_LINE_START", NEVER),
    "wiki_code_not_kept_open": _replaced(wiki, "clean_lines", lambda text: text.replace("{code", "{code}\n{code")),
    "trello_mentions_live": _replaced(trello, "_MENTION", NEVER),
    "trello_neighbours_apart": _replaced(trello, "_merged", lambda content, _names: iter(content)),
    "markdown_unescaped_html": _replaced(markdown_text, "_SPECIAL", re.compile(r"([\\`*_{}\[\]|~&#!])")),
    "log_lines_live": _replaced(log, "without_live_characters", _same),
    "yaml_no_alias_limit": _replaced(yaml, "MAX_NODES", 10**40),
    "yaml_no_depth_limit": _replaced(yaml, "MAX_DEPTH", 10**9),
    "patterns_may_explode": _replaced(patterns, "_MAX_COST", 10**30),
}
