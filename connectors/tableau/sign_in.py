"""How a connection signs in: by a personal access token, or by a token that a connected app (direct trust) signs for one user."""

from __future__ import annotations

import hashlib
import time
import uuid
from typing import Any

import jwt
import tableauserverclient

from connectors.tableau.answers import APP_SIGN_IN, SIGN_IN
from sync.core.errors import AccessDenied
from sync.core.ports import ConnectionSettings
from sync.core.secrets import keep_secret

tsc: Any = tableauserverclient  # annotated by halves
# What each call of ours needs (help.tableau.com, "Access Scopes for Connected Apps"; tableau-mcp names them per method).
SCOPES = (
    "tableau:content:read",
    "tableau:views:download",
    "tableau:datasources:create",
    "tableau:datasources:update",
    "tableau:datasources:delete",
    "tableau:file_uploads:create",
)
FIRST_VERSION = "3.17"  # the first REST API that takes them
LIVES_S, BACKDATED_S = 300, 5  # Tableau takes none that lives longer than ten minutes; clocks differ a little


class SignIn:
    """What a connection shows at the door. ``cure`` is what to look at when it is refused; ``pool`` is the account, untold."""

    def __init__(self, settings: ConnectionSettings) -> None:
        self._said = {name: value.strip() for name, value in settings.credentials.items()}
        self._site = str(settings.options.get("site") or "")
        self.is_app = "secret_value" in self._said
        secret = self._said["secret_value" if self.is_app else "token_secret"]
        keep_secret(secret)
        self.cure = APP_SIGN_IN if self.is_app else SIGN_IN
        whose = f"{secret} {self._said['user']}" if self.is_app else settings.credentials["token_secret"]
        self.pool = hashlib.sha256(whose.encode()).hexdigest()[:12]

    def credentials(self) -> Any:
        """What tableauserverclient signs in with now: a connected app's token is made anew each time and used once."""
        if not self.is_app:
            return tsc.PersonalAccessTokenAuth(self._said["token_name"], self._said["token_secret"], self._site)
        token = signed_token(self._said, time.time())
        keep_secret(token)
        return tsc.JWTAuth(token, site_id=self._site)


def signed_token(said: dict[str, str], now_s: float) -> str:
    """A token for ``user``, signed with the app's secret. Pure but for its ``jti``, which is never the same. Raises AccessDenied where
    nothing can be signed with the secret."""
    issued = int(now_s) - BACKDATED_S
    claims = {
        "iss": said["client_id"], "sub": said["user"], "aud": "tableau", "jti": str(uuid.uuid4()), "scp": list(SCOPES),
        "iat": issued, "nbf": issued, "exp": int(now_s) + LIVES_S,
    }  # fmt: skip
    names = {"kid": said["secret_id"], "iss": said["client_id"]}
    try:
        return jwt.encode(claims, said["secret_value"], "HS256", headers=names)
    except jwt.PyJWTError as error:
        trouble = type(error).__name__
    raise AccessDenied(
        f"secret_value is no secret of a connected app, and nothing can be signed with it ({trouble}); {APP_SIGN_IN}"
    )
