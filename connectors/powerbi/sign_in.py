"""Tokens of a service principal, by msal over the guarded way out: one at a time, kept until it ends."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from sync.core.errors import AccessDenied, Nonsense, TielineError, TryLater
from sync.remote import Remote, Reply, keep_secret

# What an admin reads in the app's own pages, by the number that Entra gives (AADSTS…).
CURES = {
    "AADSTS7000215": "the client secret is wrong: copy its Value, not its Secret ID (App registrations > Certificates & secrets)",
    "AADSTS7000222": "the client secret has expired: make a new one (App registrations > Certificates & secrets)",
    "AADSTS700016": "there is no such app in this tenant: check client_id and tenant",
    "AADSTS90002": "there is no such tenant: check tenant, and the cloud (variant)",
}


def decipher_token(status: int, _headers: Mapping[str, str], body: bytes) -> None:
    """A refused sign-in is an answer for msal to read; only trouble on the way is an error here."""
    if status == 429 or status >= 500:
        raise TryLater(f"the sign-in service answered {status}", reason="rate_limited" if status == 429 else "server")
    if body.lstrip()[:1] != b"{":
        raise Nonsense(expected="JSON from the sign-in service", sample=body)


class _Answer:
    """What msal wants of an HTTP answer."""

    def __init__(self, reply: Reply) -> None:
        self.status_code, self.headers = reply.status, reply.headers
        self.text = reply.body.decode(errors="replace")

    def raise_for_status(self) -> None:
        """Every answer that reaches msal is one that it can read."""


class _Door:
    """msal's HTTP over our Remote: whichever host a document names, the authority that was configured is asked."""

    def __init__(self, remote: Remote) -> None:
        self._remote = remote

    def get(self, url: str, params: Mapping[str, str] | None = None, **_: Any) -> _Answer:
        parts = urlsplit(url)
        query = "&".join(text for text in (parts.query, urlencode(params or {})) if text)
        return _Answer(self._remote.send("GET", parts.path + (f"?{query}" if query else "")))

    def post(self, url: str, data: Mapping[str, str] | None = None, **_: Any) -> _Answer:
        return _Answer(self._remote.send("POST", urlsplit(url).path, data=dict(data or {}), is_safe=True))

    def close(self) -> None:
        """The Remote is closed by its owner."""


class SignIn:
    """Gives the token of now. Safe to use from several threads: one asks, the others wait for its answer."""

    def __init__(self, remote: Remote, tenant: str, client_id: str, secret: str, scope: str) -> None:
        self._remote, self._scope, self._lock = remote, scope, threading.Lock()
        self._tenant, self._client_id, self._secret = tenant, client_id, secret
        self._app: Any = None

    def token(self, *, is_fresh: bool = False) -> str:
        """A token; with ``is_fresh`` another one than before. Raises AccessDenied with what Entra says and what to do."""
        with self._lock:
            if self._app is None or is_fresh:
                self._app = self._new_app()
            answer = self._app.acquire_token_for_client(scopes=[self._scope])
        if token := answer.get("access_token"):
            keep_secret(str(token))
            return str(token)
        raise _denied(answer)

    def _new_app(self) -> Any:
        import msal

        library: Any = msal
        host = urlsplit(self._remote.base_url).netloc.partition(":")[0]
        try:
            return library.ConfidentialClientApplication(
                self._client_id,
                authority=f"https://{host}/{self._tenant}",
                client_credential=self._secret,
                http_client=_Door(self._remote),
                instance_discovery=False,
            )
        except ValueError as error:  # a tenant that the sign-in service does not know
            raise AccessDenied(
                f"Entra knows no tenant {self._tenant!r}: check tenant, and the cloud (variant)"
            ) from error


def _denied(answer: Mapping[str, Any]) -> TielineError:
    words = str(answer.get("error_description") or answer.get("error") or "no token").splitlines()[0]
    cure = next((cure for code, cure in CURES.items() if code in words), "check tenant, client_id and client_secret")
    return AccessDenied(f"Entra refuses the sign-in: {words[:300]}; {cure}")
