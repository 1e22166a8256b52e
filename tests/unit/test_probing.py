"""What doctor tried, as a probe."""

from __future__ import annotations

import pytest

from sync.core.errors import AccessDenied
from sync.core.ports import Probe
from sync.core.probing import tried


def refused() -> str:
    raise AccessDenied("the token is refused")


def broken() -> str:
    raise ZeroDivisionError


def test_a_probe_tells_what_came_or_what_to_change() -> None:
    assert tried("sign in", "make another token", lambda: "as 张伟") == Probe("sign in", True, "as 张伟")
    assert tried("list", "ask an admin", lambda: {"items": []}) == Probe("list", True)
    assert tried("list", "ask an admin", refused) == Probe("list", False, "the token is refused", "ask an admin")


def test_a_mistake_of_ours_is_no_refusal_of_theirs() -> None:
    with pytest.raises(ZeroDivisionError):
        tried("sign in", "make another token", broken)
