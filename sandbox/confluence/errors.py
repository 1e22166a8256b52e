"""The vendor's refusals: one exception, and the three shapes of body it is told in (v2, v1, gateway)."""

from __future__ import annotations

from typing import Any

from sandbox.http import Response, json_response

CODES = {
    400: "INVALID_REQUEST_PARAMETER",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    410: "GONE",
    413: "PAYLOAD_TOO_LARGE",
    415: "UNSUPPORTED_MEDIA_TYPE",
    429: "RATE_LIMITED",
    500: "INTERNAL_SERVER_ERROR",
}


class Refusal(Exception):
    """A request that the vendor refuses, with HTTP status and the vendor's words."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def bad_request(message: str) -> Refusal:
    return Refusal(400, message)


def not_found(message: str = "Not Found") -> Refusal:
    """404; also what the vendor says when the caller may not see the thing."""
    return Refusal(404, message)


def no_content(content_id: str) -> Refusal:
    return not_found(f"No content found with id: ContentId{{id={content_id}}}")


def v2_error(status: int, message: str) -> Response:
    error = {"status": status, "code": CODES.get(status, "ERROR"), "title": message, "detail": None}
    return json_response({"errors": [error]}, status)


def v1_error(status: int, message: str) -> Response:
    """The v1 body. A 401 and the gateway's 410 have shapes of their own, made where they arise."""
    data: dict[str, Any] = {
        "authorized": status not in (401, 403),
        "valid": status != 400,
        "allowedInReadOnlyMode": True,
        "errors": [],
        "successful": False,
    }
    return json_response({"statusCode": status, "data": data, "message": message}, status)


def gateway_error(status: int, message: str) -> Response:
    return json_response({"code": status, "message": message}, status)
