"""One call as a handler sees it: strict about parameters and bodies, and how listings are paged."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.faults import Faults
from sandbox.feishu.state import Refusal, State
from sandbox.http import BadRequest, Request


@dataclass(frozen=True)
class Call:
    state: State
    faults: Faults
    request: Request
    ids: Mapping[str, str]

    def params(self, **known: Collection[str]) -> None:
        """Refuse values that are not among those known; no others are looked at, as Feishu's gateway ignores them."""
        for name, values in known.items():
            given = self.request.get(name)
            if given and values and given not in values:
                raise Refusal(99992402, f"field validation failed: {name}")

    def body(self) -> dict[str, Any]:
        try:
            said = self.request.json()
        except BadRequest as error:
            raise Refusal(9499, f"Bad Request: {error}") from error
        if not isinstance(said, dict):
            raise Refusal(9499, "Bad Request")
        return said

    def page(self, items: Sequence[dict[str, Any]], most: int) -> dict[str, Any]:
        """A page from ``page_token`` on; faults make it short, empty or the same again."""
        size = int(self.request.get("page_size") or 20)
        if not 1 <= size <= most:
            raise Refusal(40011, f"page size is more than {most} error")
        token = self.request.get("page_token")
        if token and not token.startswith("pt-"):
            raise Refusal(40012, "page token is invalid error")
        at = int(token.removeprefix("pt-")) if token else 0
        chosen, end = list(items[at : at + size]), at + size
        has_more = end < len(items)
        fault = self.faults.take(
            self.request.method, self.request.path, ("short_page", "empty_page", "repeated_page")
        ) if has_more else None  # fmt: skip
        if fault and fault.kind == "short_page":
            chosen, end = chosen[: size // 2], at + size // 2
        elif fault:
            chosen, end = ([] if fault.kind == "empty_page" else chosen), at
        return {"items": chosen, "has_more": has_more, **({"page_token": f"pt-{end}"} if has_more else {})}


def texts(value: object, name: str, most: int = 50) -> list[str]:
    """A list of texts within its limit."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or len(value) > most:
        raise Refusal(99992402, f"field validation failed: {name}, at most {most}")
    return value
