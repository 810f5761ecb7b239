"""What tests of background loops share."""

from __future__ import annotations

from datetime import timedelta

import pytest

from database.repositories import set_aside


@pytest.fixture
def set_aside_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set aside stays so for the rest of the test, however slow the machine is."""
    monkeypatch.setattr(set_aside, "FIRST_WAIT", timedelta(hours=1))
