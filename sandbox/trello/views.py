"""How Trello shows its objects: every field by name, the fields a request asked for, and what hangs on a card or board."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote

from sandbox.trello.ids import SHORT_LINK
from sandbox.trello.params import Params
from sandbox.trello.state import Refusal, State, Thing

View = Callable[[State, Thing], object]


def slug(name: str) -> str:
    """The readable end of a URL: lower case, words joined by hyphens, punctuation gone."""
    return quote(re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", name.lower()).strip()))


def card_url(state: State, card: Thing) -> str:
    return f"{state.public_url}/c/{card['shortLink']}/{card['idShort']}-{slug(card['name'])}"


def _short_card_url(state: State, card: Thing) -> str:
    return f"{state.public_url}/c/{card['shortLink']}"


def _board_url(state: State, board: Thing) -> str:
    return f"{state.public_url}/b/{board['shortLink']}/{slug(board['name'])}"


def _short_board_url(state: State, board: Thing) -> str:
    return f"{state.public_url}/b/{board['shortLink']}"


def _items(state: State, card: Thing) -> list[Thing]:
    ids = state.checklists_of_card.get(card["id"], ())
    return [item for identifier in ids for item in state.checklists[identifier]["checkItems"]]


def _badges(state: State, card: Thing) -> Thing:
    items = _items(state, card)
    attachments = state.attachments.get(card["id"], ())
    dues = [item["due"] for item in items if item.get("due") and item["state"] == "incomplete"]
    to_card, to_board = (re.compile(rf"https?://[^/]+/{kind}/{SHORT_LINK.pattern}") for kind in "cb")
    return {
        "attachmentsByType": {"trello": {
            "board": sum(bool(to_board.match(item["url"])) for item in attachments),
            "card": sum(bool(to_card.match(item["url"])) for item in attachments),
        }},
        "location": False, "votes": len(card["idMembersVoted"]), "viewingMemberVoted": False, "subscribed": False,
        "fogbugz": "", "checkItems": len(items),
        "checkItemsChecked": sum(item["state"] == "complete" for item in items),
        "checkItemsEarliestDue": min(dues, default=None), "comments": state.comment_counts.get(card["id"], 0),
        "attachments": len(attachments), "description": bool(card["desc"]), "due": card["due"],
        "dueComplete": card["dueComplete"], "start": card["start"], "lastUpdatedByAi": False,
    }  # fmt: skip


def _check_item_states(state: State, card: Thing) -> list[Thing]:
    return [
        {"idCheckItem": item["id"], "state": "complete"} for item in _items(state, card) if item["state"] == "complete"
    ]


def stored(names: str) -> dict[str, View | None]:
    """Fields, named in one text, that are shown as they are kept."""
    return dict.fromkeys(names.split())


def nothing(names: str) -> dict[str, View | None]:
    """Fields that the vendor knows and this site has nothing in: asking for them is no mistake."""
    return dict.fromkeys(names.split(), lambda _, __: None)


CARD: dict[str, View | None] = {
    **stored(
        "id address closed coordinates cover creationMethod dateClosed dateCompleted dateLastActivity desc due dueComplete "
        "dueReminder idAttachmentCover idBoard idLabels idList idMembers idMembersVoted idShort isTemplate locationName "
        "mirrorSourceId name pos shortLink start subscribed cardRole"
    ),
    **nothing("agent email limits staticMapUrl"),
    "badges": _badges,
    "checkItemStates": _check_item_states,
    "descData": lambda _, card: {"emoji": {}} if card["desc"] else None,
    "idChecklists": lambda state, card: list(state.checklists_of_card.get(card["id"], ())),
    "labels": lambda state, card: [state.labels[item] for item in card["idLabels"] if item in state.labels],
    "manualCoverAttachment": lambda _, card: bool(card.get("manualCoverAttachment")),
    "nodeId": lambda _, card: f"ari:cloud:trello::card/{card['id']}",
    "shortUrl": _short_card_url,
    "url": card_url,
}  # fmt: skip
BOARD: dict[str, View | None] = {
    **stored("id name desc closed dateClosed dateLastActivity idOrganization idMemberCreator prefs shortLink"),
    "descData": lambda _, board: {"emoji": {}} if board["desc"] else None,
    **nothing(
        "idEnterprise idBoardSource creationMethod dateLastView datePluginDisable enterpriseOwned ixUpdate premiumFeatures "
        "templateGallery"
    ),
    "idTags": lambda _, __: [],
    "labelNames": lambda state, board: _label_names(state, board),
    "limits": lambda state, board: _board_limits(state, board),
    "memberships": lambda state, board: list(state.memberships[board["id"]].values()),
    "nodeId": lambda _, board: f"ari:cloud:trello::board/workspace/{board['idOrganization']}/{board['id']}",
    "pinned": lambda _, __: False,
    "powerUps": lambda _, __: [],
    "shortUrl": _short_board_url,
    "starred": lambda _, __: False,
    "subscribed": lambda _, __: False,
    "url": _board_url,
}  # fmt: skip
BOARD_DEFAULT = "id,name,desc,descData,closed,idOrganization,idEnterprise,pinned,url,shortUrl,prefs,labelNames"
LIST: dict[str, View | None] = {
    **stored("id name closed pos softLimit creationMethod idBoard subscribed"),
    **nothing("limits color type datasource"),
}
LABEL: dict[str, View | None] = stored("id idBoard name color")
ATTACHMENT: dict[str, View | None] = stored(
    "id bytes date edgeColor idMember isUpload mimeType name previews url pos fileName"
)
CHECKLIST: dict[str, View | None] = {
    **stored("id name idCard pos"),
    "idBoard": lambda state, item: state.cards[item["idCard"]]["idBoard"],
    "checkItems": lambda _, item: sorted(item["checkItems"], key=lambda entry: float(entry["pos"])),
}
MEMBER: dict[str, View | None] = {
    **stored("id username fullName initials memberType confirmed idOrganizations"),
    **nothing(
        "avatarHash avatarUrl email idMemberReferrer aaId aaEmail aaEnrolledDate avatarSource bioData gravatarHash "
        "idBoardsPinned idEnterprise idEnterprisesAdmin idEnterprisesDeactivated idPremOrgsAdmin isAaMastered ixUpdate limits "
        "loginTypes marketingOptIn messagesDismissed oneTimeMessagesDismissed prefs premiumFeatures products trophies "
        "uploadedAvatarHash uploadedAvatarUrl"
    ),
    "activityBlocked": lambda _, __: False,
    "bio": lambda _, __: "",
    "idBoards": lambda state, member: [key for key in state.boards if member["id"] in state.memberships[key]],
    "nonPublic": lambda _, __: {},
    "nonPublicAvailable": lambda _, __: True,
    "status": lambda _, __: "disconnected",
    "url": lambda state, member: f"{state.public_url}/{member['username']}",
}
MEMBER_SHORT = (
    "id,username,activityBlocked,avatarHash,avatarUrl,fullName,idMemberReferrer,initials,nonPublic,nonPublicAvailable"
)
ORGANIZATION: dict[str, View | None] = {
    **stored("id name displayName desc idMemberCreator"),
    **nothing(
        "descData logoHash logoUrl teamType website dateLastActivity idEnterprise memberships offering premiumFeatures"
    ),
    "idBoards": lambda state, item: [
        key for key, board in state.boards.items() if board["idOrganization"] == item["id"]
    ],
    "powerUps": lambda _, __: [],
    "prefs": lambda _, __: {"permissionLevel": "private"},
    "products": lambda _, __: [],
    "url": lambda state, item: f"{state.public_url}/{item['name']}",
}
CUSTOM_FIELD: dict[str, View | None] = stored("id idModel modelType fieldGroup name pos type display options")


def show(state: State, kind: dict[str, View | None], thing: Thing, fields: str = "all", name: str = "fields") -> Thing:
    """The asked fields of an object (comma-separated, or ``all``); the id always comes along.

    Raises Refusal(400) for a field this kind of object does not have, naming the parameter that asked.
    """
    wanted: Iterable[str] = kind if fields == "all" else ["id", *[part.strip() for part in fields.split(",") if part]]
    shown: Thing = {}
    for field in wanted:
        if field not in kind:
            raise Refusal(400, f"invalid value for {name}")
        view = kind[field]
        if view is not None:
            shown[field] = view(state, thing)
        elif field in thing:
            shown[field] = thing[field]
    return shown


def show_card(state: State, card: Thing, params: Params, prefix: str = "") -> Thing:
    """A card with what hangs on it, as the parameters ask. In a board's read they are prefixed ``card_``."""
    fields_name = f"{prefix}fields"
    shown = show(state, CARD, card, params.text(fields_name, "all") or "all", fields_name)
    if params.text(f"{prefix}attachments") in ("true", "cover"):
        attachments = state.attachments.get(card["id"], ())
        fields = params.text(f"{prefix}attachment_fields", "all")
        shown["attachments"] = [show(state, ATTACHMENT, item, fields) for item in attachments]
    if params.flag(f"{prefix}customFieldItems"):
        shown["customFieldItems"] = list(state.field_items.get(card["id"], {}).values())
    if params.flag(f"{prefix}members"):
        fields = params.text(f"{prefix}member_fields", MEMBER_SHORT)
        shown["members"] = [show(state, MEMBER, state.members[item], fields) for item in card["idMembers"]]
    if params.text(f"{prefix}checklists", "none") == "all":
        fields = params.text(f"{prefix}checklist_fields", "all")
        shown["checklists"] = [show(state, CHECKLIST, item, fields) for item in checklists(state, card["id"])]
    if params.flag(f"{prefix}pluginData"):
        shown["pluginData"] = list(state.plugin_data.get(card["id"], ()))
    if params.flag(f"{prefix}stickers"):
        shown["stickers"] = []
    return shown


ACTION_FIELDS = (
    "id",
    "idMemberCreator",
    "data",
    "type",
    "date",
    "appCreator",
    "limits",
    "display",
    "memberCreator",
    "reactions",
)


def show_action(state: State, action: Thing, params: Params, prefix: str = "") -> Thing:
    """An action with its creator, unless ``memberCreator=false``; ``fields`` narrows it."""
    fields = params.text(f"{prefix}fields", "all") or "all"
    shown = dict(action) if fields == "all" else {"id": action["id"]}
    for field in () if fields == "all" else fields.split(","):
        if field not in ACTION_FIELDS:
            raise Refusal(400, f"invalid value for {prefix}fields")
        shown[field] = action.get(field)
    creator = state.members.get(action["idMemberCreator"])
    if creator and params.flag(f"{prefix}memberCreator", default=True):
        fields = params.text(f"{prefix}memberCreator_fields", MEMBER_SHORT)
        shown["memberCreator"] = show(state, MEMBER, creator, fields)
    return shown


def checklists(state: State, id_card: str) -> list[Thing]:
    return [state.checklists[item] for item in state.checklists_of_card.get(id_card, ())]


def _label_names(state: State, board: Thing) -> Thing:
    names = dict.fromkeys(("green", "yellow", "orange", "red", "purple", "blue", "sky", "lime", "pink", "black"), "")
    for identifier in state.labels_of_board[board["id"]]:
        label = state.labels[identifier]
        if label["color"] in names and not names[label["color"]]:
            names[label["color"]] = label["name"]
    return names


def _board_limits(state: State, board: Thing) -> Thing:
    """Vendor's numbers: 5,000 open cards, warning at 4,500; two million cards in all."""
    ids = state.cards_of_board[board["id"]]
    is_open = sum(not state.cards[item]["closed"] for item in ids)
    return {
        "cards": {
            "openPerBoard": _limit(is_open, 4500, 5000),
            "totalPerBoard": _limit(len(ids), 1_600_000, 2_000_000),
        },
        "attachments": {"perCard": _limit(0, 800, 1000), "perBoard": _limit(0, 28_800, 36_000)},
        "checklists": {"perCard": _limit(0, 400, 500), "perBoard": _limit(0, 1_600_000, 2_000_000)},
        "labels": {"perBoard": _limit(len(state.labels_of_board[board["id"]]), 800, 1000)},
        "lists": {"openPerBoard": _limit(len(state.lists_of_board[board["id"]]), 400, 500)},
    }


def _limit(count: int, warn_at: int, disable_at: int) -> Thing:
    status = "disabled" if count >= disable_at else "warn" if count >= warn_at else "ok"
    return {"status": status, "disableAt": disable_at, "warnAt": warn_at}
