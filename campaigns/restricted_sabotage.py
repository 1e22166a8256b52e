"""Ways to break the product on purpose that the campaign of restricted records must notice."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

SABOTAGES: dict[str, Callable[[], AbstractContextManager[None]]] = {}
