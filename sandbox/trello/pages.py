"""The plain pages of a board and a card: what a team would see in the browser."""

from __future__ import annotations

import re
from html import escape

from markdown_it import MarkdownIt

from sandbox.look import page
from sandbox.trello.state import State, Thing
from sandbox.trello.views import checklists

MARKDOWN = MarkdownIt("js-default", {"html": False, "breaks": True})


def page_paths(state: State) -> list[tuple[str, str]]:
    """(title, path) of every board, then of the cards that depend on others, then of the rest."""
    cards = sorted(state.cards.values(), key=lambda card: (not state.checklists_of_card.get(card["id"]), card["id"]))
    return [(board["name"], f"/b/{board['shortLink']}") for board in state.boards.values()] + [
        (card["name"], f"/c/{card['shortLink']}") for card in cards
    ]


def page_html(state: State, path: str) -> str | None:
    """The page under ``/b/{shortLink}`` or ``/c/{shortLink}`` (a slug may follow), or ``/``; None for anything else."""
    if path == "/":
        return page(
            "Trello",
            "<h1>Trello</h1>" + _bullets([_link(f"/b/{b['shortLink']}", b["name"]) for b in state.boards.values()]),
        )
    match = re.fullmatch(r"/([bc])/([A-Za-z0-9]{8})(?:/[^/]*)?", path)
    if match is None:
        return None
    kind, link = match.groups()
    if kind == "b" and link in state.board_by_link:
        return _board_page(state, state.boards[state.board_by_link[link]])
    if kind == "c" and link in state.card_by_link:
        return _card_page(state, state.cards[state.card_by_link[link]])
    return None


def _board_page(state: State, board: Thing) -> str:
    parts = [f"<h1>{escape(board['name'])}</h1>"]
    for id_list in state.lists_of_board[board["id"]]:
        parts.append(f"<h2>{escape(state.lists[id_list]['name'])}</h2>")
        cards = sorted((state.cards[key] for key in state.cards_of_list[id_list]), key=lambda card: float(card["pos"]))
        shown = [
            f"{_link('/c/' + card['shortLink'], card['name'])} <small>{escape(_day(card['due']))}</small>"
            for card in cards
        ]
        parts.append(_bullets(shown))
    return page(board["name"], "".join(parts))


def _card_page(state: State, card: Thing) -> str:
    board = state.boards[card["idBoard"]]
    members = "、".join(state.members[key]["fullName"] for key in card["idMembers"])
    labels = "、".join(state.labels[key]["name"] or state.labels[key]["color"] or "" for key in card["idLabels"])
    rows = [
        ("列表", escape(state.lists[card["idList"]]["name"])), ("成员", escape(members)), ("标签", escape(labels)),
        ("开始", escape(_day(card["start"]))), ("截止", escape(_day(card["due"]) + (" ✓" if card["dueComplete"] else ""))),
        *_field_rows(state, card),
    ]  # fmt: skip
    table = "".join(f"<tr><th>{escape(name)}</th><td>{value}</td></tr>" for name, value in rows)
    archived = "<p class='quiet'>已归档</p>" if card["closed"] else ""
    return page(
        card["name"],
        f"<p>{_link('/b/' + board['shortLink'], board['name'])}</p><h1>{escape(card['name'])}</h1>{archived}"
        f"<table>{table}</table><h2>描述</h2>{_formatted(card['desc'])}"
        f"{_checklists(state, card)}{_attachments(state, card)}{_comments(state, card)}",
    )


def _field_rows(state: State, card: Thing) -> list[tuple[str, str]]:
    rows = []
    for id_field, item in state.field_items.get(card["id"], {}).items():
        definition = state.custom_fields[id_field]
        texts = {option["id"]: option["value"]["text"] for option in definition.get("options", ())}
        value = texts.get(item["idValue"], "") if texts else next(iter((item["value"] or {"": ""}).values()))
        rows.append((definition["name"], escape(str(value))))
    return rows


def _checklists(state: State, card: Thing) -> str:
    parts = []
    for checklist in checklists(state, card["id"]):
        items = [
            f"{'☑' if item['state'] == 'complete' else '☐'} {_linked(item['name'])}" for item in checklist["checkItems"]
        ]
        parts.append(f"<h2>{escape(checklist['name'])}</h2>{_bullets(items)}")
    return "".join(parts)


def _attachments(state: State, card: Thing) -> str:
    items = [_link(item["url"], item["name"]) for item in state.attachments.get(card["id"], ())]
    return f"<h2>附件</h2>{_bullets(items)}" if items else ""


def _comments(state: State, card: Thing) -> str:
    told = (state.actions[key] for key in reversed(state.actions_of.get(card["id"], [])))
    boxes = [
        f"<div class='box'><small>{escape(state.members[action['idMemberCreator']]['fullName'])} · "
        f"{escape(action['date'][:16].replace('T', ' '))} UTC</small>{_formatted(action['data']['text'])}</div>"
        for action in told
        if action["type"] == "commentCard"
    ]
    return "<h2>评论</h2>" + "".join(boxes) if boxes else ""


def _bullets(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{item}</li>" for item in items) + "</ul>"


def _link(url: str, text: str) -> str:
    """A link where the URL is one that a browser may follow; the bare text otherwise."""
    if not url.startswith(("http://", "https://", "/")):
        return escape(text)
    return f'<a href="{escape(url)}">{escape(text)}</a>'


def _formatted(text: str) -> str:
    """Trello's Markdown as HTML: every line break shows, HTML is shown as typed, bare URLs are links."""
    return str(MARKDOWN.render(re.sub(r"(?<![(<\[])https?://[^\s<>\"'()\[\]]+", r"<\g<0>>", text)))


def _linked(text: str) -> str:
    """Escaped text whose URLs are links."""
    parts = re.split(r"(https?://[^\s<>\"'()\[\]]+)", text)
    return "".join(_link(part, part) if index % 2 else escape(part) for index, part in enumerate(parts))


def _day(instant: str | None) -> str:
    return "" if instant is None else instant[:16].replace("T", " ") + " UTC"
