"""Where the vendors' contracts and real payloads lie: beside the checkout. Tests that need them skip with a reason elsewhere."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("TIELINE_SHARED") or Path(__file__).resolve().parents[2] / "shared")
