"""A requests session for vendor libraries (jira, atlassian-python-api) whose every request goes through a Remote."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from sync.core.errors import Refused
from sync.remote import SAFE_METHODS, Remote


class RemoteAdapter(BaseAdapter):
    """Carries what a library composed through the Remote: same pacing, retries, redaction and errors; its own retries stay off.

    The library's credentials are dropped: the Remote's are sent. A URL outside the Remote's site raises Refused.
    """

    def __init__(self, remote: Remote) -> None:
        super().__init__()
        self._remote = remote

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:
        url, method = request.url or "", request.method or "GET"
        if not self._remote.owns(url):
            raise Refused(f"{url.partition('?')[0]} is not on {self._remote.base_url}; nothing was sent")
        body = request.body.encode() if isinstance(request.body, str) else request.body
        kept = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in ("authorization", "cookie", "content-length", "connection", "accept-encoding")
        }
        reply = self._remote.carry(self._remote.compose(method, url, kept, body), method in SAFE_METHODS)
        return _response_from(reply.status, reply.headers, reply.body, request)

    def close(self) -> None:
        """Nothing of its own to close; the Remote outlives its sessions."""


def _response_from(
    status: int, headers: Mapping[str, str], body: bytes, request: requests.PreparedRequest
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    # The body is already decompressed, so the length and encoding of the wire no longer hold.
    kept = {key: value for key, value in headers.items() if key not in ("content-encoding", "content-length")}
    response.headers = CaseInsensitiveDict(kept)
    response.raw = BytesIO(body)
    response.url = request.url or ""
    response.request = request
    response.encoding = requests.utils.get_encoding_from_headers(response.headers) or "utf-8"
    response.reason = httpx.codes.get_reason_phrase(status)
    return response


def mount(session: requests.Session, remote: Remote) -> None:
    """Make the session send everything through the Remote."""
    for prefix in list(session.adapters):
        del session.adapters[prefix]
    session.mount("http://", RemoteAdapter(remote))
    session.mount("https://", RemoteAdapter(remote))
    session.trust_env = False
