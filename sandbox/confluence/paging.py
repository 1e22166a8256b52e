"""Cursor pages of v2 and start/limit pages of v1, and the faults that strike between pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar
from urllib.parse import urlencode

from sandbox.confluence.call import Call
from sandbox.confluence.errors import bad_request
from sandbox.faults import PAGE_FAULTS
from sandbox.http import Response, json_response

T = TypeVar("T")
V2_LIMIT, V2_MAX_LIMIT = 25, 250
Place = tuple[Any, int]  # (sort value, id): what the cursor stands on

Touch = Callable[[T], None]


def encode_cursor(place: Place | None) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": place}).encode()).decode()


def decode_cursor(text: str) -> Place | None:
    """The place after which to go on; None is the start. 400 for a cursor that the vendor did not give out."""
    try:
        place = json.loads(base64.urlsafe_b64decode(text))["after"]
        return None if place is None else (place[0], int(place[1]))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise bad_request(f"Invalid cursor: {text}") from error


def v2_page(
    call: Call,
    items: Iterable[T],
    key: Callable[[T], Place],
    shape: Callable[[T], dict[str, Any]],
    *,
    is_descending: bool = False,
    admits: Callable[[T], bool] = lambda _item: True,
    touch: Touch[T] | None = None,
) -> Response:
    """One page of a v2 listing, ordered by ``key``: results, ``_links.next`` and the Link header.

    The cursor holds the sort value of the last item, so an item that is edited between pages moves, as it does there.
    ``admits`` is asked only for what the page needs. ``touch`` plays the human of *edited_between_pages*.
    """
    limit = call.number("limit", V2_LIMIT, V2_MAX_LIMIT)
    text = call.request.get("cursor")
    after = decode_cursor(text) if text else None
    keyed = [(key(item), item) for item in items]
    if after is not None:
        keyed = [pair for pair in keyed if (pair[0] < after if is_descending else pair[0] > after)]
    keyed.sort(key=itemgetter(0), reverse=is_descending)
    found = list(islice((item for _, item in keyed if admits(item)), limit + 1))
    shown, follows = found[:limit], len(found) > limit
    place = key(shown[-1]) if shown and follows else None
    fault = call.faults.take(call.request.method, call.request.path, PAGE_FAULTS)
    kind = fault.kind if fault else None
    if kind == "short_page" and len(shown) > 1:
        shown, follows = shown[: len(shown) // 2], True
        place = key(shown[-1])
    elif kind == "empty_page":
        shown, follows, place = [], True, after
    elif kind == "repeated_page":
        follows, place = True, after
    answer = _v2_answer(call, [shape(item) for item in shown], encode_cursor(place) if follows else None)
    if kind == "edited_between_pages" and found and touch is not None:
        touch(found[-1])
    return answer


def _v2_answer(call: Call, results: list[dict[str, Any]], cursor: str | None) -> Response:
    links = {"base": call.base}
    headers: dict[str, str] = {}
    if cursor is not None:
        query = [(k, v) for k, values in call.request.query.items() for v in values if k != "cursor"]
        path = call.context + call.request.path[call.request.path.index("/api/v2") :]
        links["next"] = f"{path}?{urlencode([*query, ('cursor', cursor)])}"
        headers["link"] = f'<{links["next"]}>; rel="next", <{call.base}>; rel="base"'
    return json_response({"results": results, "_links": links}, headers=headers)


def v1_page(
    call: Call,
    items: Sequence[T],
    shape: Callable[[T], dict[str, Any]],
    *,
    limit: int = 25,
    most: int = 200,
    touch: Touch[T] | None = None,
    start: int | None = None,
    extra: dict[str, Any] | None = None,
) -> Response:
    """One page of a v1 listing: results, start, limit, size and ``_links.next``. Limits are silently lowered to ``most``.

    ``start`` overrides the request's parameter (searches on Cloud go on by cursor). ``extra`` joins the answer.
    """
    limit = call.number("limit", limit, most, least=0)
    start = call.number("start", 0, 10**9, least=0) if start is None else start
    shown = list(items[start : start + limit])
    position = start + len(shown)
    fault = call.faults.take(call.request.method, call.request.path, PAGE_FAULTS)
    kind = fault.kind if fault else None
    follows = position < len(items)
    if kind == "short_page" and len(shown) > 1:
        shown = shown[: len(shown) // 2]
        position, follows = start + len(shown), True
    elif kind == "empty_page":
        shown, position, follows = [], start, True
    elif kind == "repeated_page":
        position, follows = start, True
    links = {"base": call.base, "context": call.context, "self": call.base + _own_path(call)}
    if follows:
        links["next"] = _next_link(call, position, limit)
    body = {"results": [shape(item) for item in shown], "start": start, "limit": limit, "size": len(shown)}
    if kind == "edited_between_pages" and items and touch is not None:
        touch(items[min(position, len(items) - 1)])
    return json_response({**body, **(extra or {}), "_links": links})


def _own_path(call: Call) -> str:
    return call.request.path[call.request.path.index("/rest/api") :]


def _next_link(call: Call, position: int, limit: int) -> str:
    """v1 links leave the context path out: they are meant to be joined to ``_links.base``."""
    dropped = ("start", "limit", "cursor", "next")
    query = [(k, v) for k, values in call.request.query.items() for v in values if k not in dropped]
    paging: list[tuple[str, Any]] = [("limit", limit), ("start", position)]
    if call.is_cloud and "search" in call.request.path:
        paging = [("next", "true"), ("cursor", encode_cursor((position, 0))), *paging]
    return f"{_own_path(call)}?{urlencode([*query, *paging])}"
