"""v1 restrictions: who may read and who may edit a page."""

from __future__ import annotations

from typing import Any

from sandbox.confluence.call import Call, Route
from sandbox.confluence.errors import Refusal, bad_request, not_found
from sandbox.confluence.v1_shapes import listing, restrictions_shape
from sandbox.http import Response, json_response


def get_restrictions(call: Call, content_id: str) -> Response:
    page = call.site.seen_page(content_id, call.user)
    return json_response(listing(list(restrictions_shape(call, page).values())))


def get_restrictions_by_operation(call: Call, content_id: str) -> Response:
    return json_response(restrictions_shape(call, call.site.seen_page(content_id, call.user)))


def get_user_restriction(call: Call, content_id: str, operation: str) -> Response:
    """200 when the user is named in the restriction, 404 when not."""
    page = call.site.seen_page(content_id, call.user)
    names = page.readers if operation == "read" else page.editors
    if call.request.get("accountId") not in names:
        raise not_found("User is not restricted for this operation")
    return Response(200)


def put_restrictions(call: Call, content_id: str) -> Response:
    """Replaces the restrictions of each operation that is sent. Nobody is added: one can lock oneself out."""
    page = call.site.editable_page(content_id, call.user)
    if not call.settings.can_write_restrictions:
        raise Refusal(403, "Restrictions are not available on this plan")
    try:
        sent = call.json()
        wanted = {item["operation"]: _sent_names(call, item["restrictions"]) for item in sent}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise bad_request(f"Restrictions could not be read: {error}") from error
    if set(wanted) - {"read", "update"}:
        raise bad_request("Operation must be read or update")
    call.site.restrict(page, wanted.get("read"), wanted.get("update"))
    return json_response(listing(list(restrictions_shape(call, page).values())))


def _sent_names(call: Call, restrictions: Any) -> tuple[str, ...]:
    people, groups = restrictions.get("user") or [], restrictions.get("group") or []
    people = people.get("results", []) if isinstance(people, dict) else people
    groups = groups.get("results", []) if isinstance(groups, dict) else groups
    names: list[str] = []
    for person in people:
        word = person.get("accountId") or person.get("username") or person.get("userKey") or ""
        user = call.site.find_user(word)
        if user is None:
            raise bad_request(f"No user found with id: {word}")
        names.append(user.account_id)
    return (*names, *(f"group:{group['name']}" for group in groups))


def delete_restrictions(call: Call, content_id: str) -> Response:
    page = call.site.editable_page(content_id, call.user)
    call.site.restrict(page, (), ())
    return json_response(listing(list(restrictions_shape(call, page).values())))


BOTH: tuple[Route, ...] = (
    ("GET", "/rest/api/content/{content_id}/restriction/byOperation", get_restrictions_by_operation),
    ("PUT", "/rest/api/content/{content_id}/restriction", put_restrictions),
)
CLOUD: tuple[Route, ...] = (
    ("GET", "/rest/api/content/{content_id}/restriction", get_restrictions),
    ("DELETE", "/rest/api/content/{content_id}/restriction", delete_restrictions),
    ("GET", "/rest/api/content/{content_id}/restriction/byOperation/{operation}/user", get_user_restriction),
)
