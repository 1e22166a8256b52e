"""Who is calling, by which door, and how Jira turns callers away: credentials, languages, write limits, 401, 429, 500."""

from __future__ import annotations

import base64
import binascii
import time
from collections import deque
from collections.abc import Callable

from sandbox.http import Request, Response, html_response, json_response, text_response
from sandbox.jira.state import Issue, Language, Site, User

ACCOUNT_EMAIL = "tieline@example.com"
API_TOKEN = "jira-cloud-api-token"  # classic: the site's own address
SCOPED_TOKEN = "jira-cloud-scoped-token"  # scoped: only through the gateway
PERSONAL_ACCESS_TOKEN = "jira-dc-personal-access-token"
LOGIN, PASSWORD = "tieline", "jira-dc-password"
CLOUD_ID = "11111111-2222-4333-8444-555555555555"
GATEWAY = f"/ex/jira/{CLOUD_ID}"
NOT_SIGNED_IN = "Client must be authenticated to access this resource."
WRITE_LIMITS = ((20, 2.0), (100, 30.0))  # writes on one issue, seconds
BURST = {"GET": 100, "POST": 100, "PUT": 50, "DELETE": 50}
SERVER_LIMIT_PAGE = (
    "<html><head><title>Rate limit exceeded</title></head><body><h1>HTTP Status 429</h1>"
    "<p>Rate limit exceeded. Please wait and try again.</p></body></html>"
)


class TurnedAway(Exception):
    """The call ends here with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


def caller_of(site: Site, request: Request) -> User | None:
    """The calling user, None for anonymous. Raises TurnedAway for credentials that Jira refuses outright.

    Cloud: Basic e-mail and token; classic tokens at the site, scoped ones (also as Bearer) at the gateway; else 401.
    Data Center: a bad Bearer token falls through to anonymous, a bad password is 401.
    """
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    me = site.users[site.account]
    if site.variant == "cloud":
        good = SCOPED_TOKEN if request.path.startswith("/ex/jira/") else API_TOKEN
        is_bearer = scheme == "Bearer" and value == good == SCOPED_TOKEN
        if is_bearer or (scheme == "Basic" and _pair(value) == (ACCOUNT_EMAIL, good)):
            return me
        if scheme:
            raise TurnedAway(refused(site))
        return None
    if scheme == "Bearer":
        return me if value == PERSONAL_ACCESS_TOKEN else None
    if scheme == "Basic":
        if _pair(value) == (LOGIN, PASSWORD):
            return me
        raise TurnedAway(refused(site))
    return None


def _pair(value: str) -> tuple[str, str]:
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return name, secret


def language_of(site: Site, request: Request) -> Language:
    """The user's own language; Accept-Language counts only with X-Force-Accept-Language: true."""
    if request.headers.get("x-force-accept-language", "").lower() == "true":
        wanted = request.headers.get("accept-language", "").lower()
        if wanted.startswith("en"):
            return "en"
        if wanted.startswith("zh"):
            return "zh"
    return site.language


def refused(site: Site) -> Response:
    """401. Cloud in plain text; Data Center as message and status-code."""
    if site.variant == "cloud":
        response = text_response(NOT_SIGNED_IN, 401)
        return Response(401, response.body, {**response.headers, "www-authenticate": 'OAuth realm="jira"'})
    return json_response(
        {"message": NOT_SIGNED_IN, "status-code": 401}, 401, {"x-seraph-loginreason": "AUTHENTICATED_FAILED"}
    )


def headers_for(site: Site, request: Request, user: User | None) -> dict[str, str]:
    """What every response carries. Data Center sends ``Retry-After: 0`` on good ones too."""
    if site.variant == "cloud":
        limit = BURST.get(request.method, 100)
        own = {"x-ratelimit-limit": str(limit), "x-ratelimit-remaining": str(limit - 1), "x-ratelimit-nearlimit": "false",
               "beta-ratelimit-policy": '"global-app-quota";q=65000;w=3600', "beta-ratelimit": '"global-app-quota";r=64999;t=600',
               "atl-traceid": "00000000000000000000000000000000"}  # fmt: skip
        return own | ({"x-aaccountid": user.account_id} if user else {})
    return {"x-ratelimit-limit": "300", "x-ratelimit-remaining": "299", "x-ratelimit-fillrate": "50",
            "x-ratelimit-interval-seconds": "1", "retry-after": "0", "x-anodeid": "node1",
            "x-ausername": user.login if user else "anonymous"}  # fmt: skip


def too_many(site: Site, request: Request, retry_after_s: int, reason: str) -> Response:
    """429. Cloud in JSON with the reason; Data Center an HTML page."""
    if site.variant == "dc":
        response = html_response(SERVER_LIMIT_PAGE, 429)
        own = {"x-ratelimit-remaining": "0", "retry-after": str(retry_after_s)}
        return Response(429, response.body, {**headers_for(site, request, None), **response.headers, **own})
    body = {
        "errorMessages": ["The request has been rate-limited. Please try again later."],
        "errors": {},
        "status": 429,
    }
    reset = time.strftime("%Y-%m-%dT%H:%MZ", time.gmtime(site.now().timestamp() + retry_after_s))
    return json_response(body, 429, {
        **headers_for(site, request, None), "retry-after": str(retry_after_s), "ratelimit-reason": reason,
        "x-ratelimit-remaining": "0", "x-ratelimit-nearlimit": "true", "x-ratelimit-reset": reset,
    })  # fmt: skip


class WriteMeter:
    """Counts the writes on each issue in real seconds, whatever the simulated clock says."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limits = WRITE_LIMITS
        self._monotonic = monotonic
        self._writes: dict[int, deque[float]] = {}

    def wait_s(self, issue: Issue) -> float:
        """0 when the write may go on (it is counted then), else the seconds until it may."""
        now = self._monotonic()
        writes = self._writes.setdefault(issue.id, deque(maxlen=max((most for most, _ in self.limits), default=1)))
        for most, window in self.limits:
            recent = [at for at in writes if at > now - window]
            if len(recent) >= most:
                return recent[-most] + window - now
        writes.append(now)
        return 0.0
