"""Who is calling: the accepted credentials of both variants, and the scopes the gateway asks for."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from sandbox.confluence.errors import Refusal
from sandbox.confluence.state import User
from sandbox.http import Request, Response, json_response, text_response

CLOUD_ID = "0f1e2d3c-4b5a-4968-8776-95a4b3c2d1e0"
EMAIL = "tieline@example.com"
CLASSIC_TOKEN = "sandbox-cloud-token"  # Basic EMAIL:CLASSIC_TOKEN on the site URL
SCOPED_TOKEN = "sandbox-scoped-token"  # Basic EMAIL:SCOPED_TOKEN on the gateway
OAUTH_TOKEN = "sandbox-oauth-token"  # Bearer on the gateway
PAT = "sandbox-confluence-pat"  # Bearer on Data Center
DC_USER, DC_PASSWORD = "tieline", "sandbox-password"  # Basic on Data Center

TIELINE = User("5b1000000000000000000001", DC_USER, "8a7f00000000000000000001", "Tieline", EMAIL)
ANONYMOUS = User("", "", "", "Anonymous", "", groups=())

ALL_SCOPES = frozenset(
    [
        "read:page:confluence",
        "write:page:confluence",
        "delete:page:confluence",
        "read:space:confluence",
        "read:attachment:confluence",
        "delete:attachment:confluence",
        "read:comment:confluence",
        "write:comment:confluence",
        "read:label:confluence",
        "read:user:confluence",
        "read:confluence-content.all",
        "write:confluence-content",
        "write:confluence-file",
        "search:confluence",
        "read:confluence-props",
        "write:confluence-props",
        "read:confluence-user",
        "read:confluence-space.summary",
        "offline_access",
    ]
)


@dataclass(frozen=True)
class Caller:
    """An authenticated (or, on Data Center with a bad PAT, anonymous) caller. ``scopes`` is None when unlimited."""

    user: User
    scopes: frozenset[str] | None = None

    @property
    def is_anonymous(self) -> bool:
        return self.user is ANONYMOUS


def basic_credentials(request: Request) -> tuple[str, str] | None:
    """User and password of a Basic header; None when there is none that can be read."""
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def bearer_token(request: Request) -> str | None:
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def cloud_caller(request: Request, *, is_gateway: bool, scopes: frozenset[str]) -> Caller | None:
    """Classic tokens work on the site URL, scoped and OAuth tokens on the gateway; anything else is nobody."""
    if is_gateway:
        is_known = basic_credentials(request) == (EMAIL, SCOPED_TOKEN) or bearer_token(request) == OAUTH_TOKEN
        return Caller(TIELINE, scopes) if is_known else None
    return Caller(TIELINE) if basic_credentials(request) == (EMAIL, CLASSIC_TOKEN) else None


def dc_caller(request: Request) -> Caller | None:
    """A bad PAT degrades to anonymous (fact sheet section 2); a bad password or no credentials at all is nobody."""
    token = bearer_token(request)
    if token is not None:
        return Caller(TIELINE if token == PAT else ANONYMOUS)
    return Caller(TIELINE) if basic_credentials(request) == (DC_USER, DC_PASSWORD) else None


def unauthorized(*, is_gateway: bool, is_v2: bool) -> Response:
    """The vendor's 401 in the shape of the door that was knocked on."""
    if is_gateway:
        return json_response({"code": 401, "message": "Unauthorized"}, 401)
    if is_v2:
        error = {"status": 401, "code": "UNAUTHORIZED", "title": "Unauthorized", "detail": None}
        return json_response({"errors": [error]}, 401)
    body = {"message": "Client must be authenticated to access this resource.", "status-code": 401}
    return json_response(body, 401, {"www-authenticate": 'Basic realm="Confluence"'})


def basic_failure() -> Response:
    """Data Center's answer to a wrong password: an HTML-less text with Seraph's words."""
    text = "Basic Authentication Failure - Reason : AUTHENTICATED_FAILED"
    return text_response(text, 401, "text/html;charset=UTF-8")


def check_may(caller: Caller, method: str, path: str) -> None:
    """Granular scopes for v2, classic ones for v1; a scope of the other family does not help (fact sheet section 2).

    Anonymous callers may only read.
    """
    if caller.is_anonymous and method != "GET":
        raise Refusal(403, "The calling user does not have permission to change content")
    if caller.scopes is None:
        return
    needed = _granular_scope(method, path) if "/api/v2" in path else _classic_scope(method, path)
    if needed not in caller.scopes:
        raise Refusal(401, "Unauthorized; scope does not match")


def _granular_scope(method: str, path: str) -> str:
    action = {"GET": "read", "DELETE": "delete"}.get(method, "write")
    if "/properties" in path:
        return f"{'read' if method == 'GET' else 'write'}:page:confluence"
    if "/users-bulk" in path:
        return "read:user:confluence"
    if "comments" in path:
        return f"{'read' if method == 'GET' else 'write'}:comment:confluence"
    if "/labels" in path:
        return "read:label:confluence"
    if "/attachments" in path:
        return f"{'read' if method == 'GET' else 'delete'}:attachment:confluence"
    if path.partition("/api/v2/")[2].startswith("spaces") and not path.endswith("/pages"):
        return "read:space:confluence"
    return f"{action}:page:confluence"


def _classic_scope(method: str, path: str) -> str:
    if "/search" in path:
        return "search:confluence"
    if "/rest/api/user" in path:
        return "read:confluence-user"
    if "/property" in path:
        return "read:confluence-props" if method == "GET" else "write:confluence-props"
    if "/child/attachment" in path and method != "GET":
        return "write:confluence-file"
    if "/rest/api/space" in path:
        return "read:confluence-space.summary"
    return "read:confluence-content.all" if method == "GET" else "write:confluence-content"
