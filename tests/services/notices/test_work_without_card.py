"""A notice about work without a card names what that work is about, in the reader's language."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from domain.notices.kinds import NoticeKind
from languages import LOCALES
from services.notices.digest_text import Reader, sentence

TASK = "ticket:01KB0000000000000000ABCDEF:ticket:1"
ABOUT_WORK = (
    NoticeKind.ASSIGNED, NoticeKind.CAME_BACK, NoticeKind.TAKEN_OVER, NoticeKind.WARNING, NoticeKind.BREACH,
    NoticeKind.CHAIN, NoticeKind.MENTIONED,
)  # fmt: skip


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", ABOUT_WORK)
def test_a_notice_about_a_ticket_names_the_ticket(kind: NoticeKind, locale: str) -> None:
    said = sentence(kind, None, {"due_at": "2026-11-29T06:00:00+00:00"}, Reader(locale, ZoneInfo("UTC")), TASK)
    assert "ABCDEF" in said
    assert "–" not in said


def test_a_notice_about_a_card_names_the_card() -> None:
    said = sentence("assigned", "01KB0000000000000000QQQQQQ", {}, Reader("en", ZoneInfo("UTC")), "card:x:review:1")
    assert said == "Card QQQQQQ was assigned to you."
