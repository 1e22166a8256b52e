"""What is learnt in one thread while another masks."""

from __future__ import annotations

import pytest

from sync.core import secrets
from sync.core.secrets import keep_secret, redact


def test_a_secret_learnt_while_the_forms_are_being_made_is_masked_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = secrets._forms

    def learn_another(secret: str) -> set[str]:
        keep_secret("learnt-just-now-5d1f", "learnt-just-now-77aa", "learnt-just-now-90bb")
        return plain(secret)

    monkeypatch.setattr(secrets, "_secrets", set())
    keep_secret("known-before-3c9e")
    monkeypatch.setattr(secrets, "_forms", learn_another)
    assert redact("known-before-3c9e") == "***"
    monkeypatch.setattr(secrets, "_forms", plain)
    assert redact("learnt-just-now-5d1f and known-before-3c9e") == "*** and ***"
