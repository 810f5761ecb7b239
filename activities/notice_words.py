"""What a digest says: the same news as a mail in the person's language and as the body of a webhook, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from database.tables.notices import NoticeRow
from languages import has, translate

SHOWN_MAX = 50  # A longer digest says how many more there are.
CARD_SHOWN = 6  # The last characters of a card's id, as in the console.
# Nobody writes a card number or PIN into a notice; should it happen, it does not leave the house.
_DIGITS = re.compile(r"\d(?:[ -]?\d){4,}")
_FACTS = ("by", "reason")


@dataclass(frozen=True)
class DigestText:
    """A mail's subject and plain text."""

    subject: str
    text: str


def sentence(kind: str, card_id: str | None, facts: Mapping[str, str], locale: str) -> str:
    """One notice as a sentence; of its facts those that have words of their own, digits in them hidden."""
    hidden = {name: _DIGITS.sub("••••", value) for name, value in facts.items()}
    said = translate(f"notice.{kind}", locale, **{**hidden, "card": (card_id or "")[-CARD_SHOWN:] or "–"})
    more = [translate(f"notice.fact.{name}", locale, value=_worded(hidden[name], locale)) for name in _FACTS if hidden.get(name)]  # fmt: skip
    return " ".join((said, *more)) if locale == "en" else "".join((said, *more))


def digest_text(rows: Sequence[NoticeRow], locale: str, zone: ZoneInfo, console_url: str) -> DigestText:
    """The mail of these notices, oldest first; times are on the person's own clock."""
    lines = [f"{_clock(row.at, locale, zone)}  {_said(row, locale)}\n  {link(row, console_url)}" for row in rows[:SHOWN_MAX]]  # fmt: skip
    if len(rows) > SHOWN_MAX:
        lines.append(translate("notice.mail.more", locale, count=len(rows) - SHOWN_MAX))
    subject = _said(rows[0], locale) if len(rows) == 1 else translate("notice.mail.subject", locale, count=len(rows))
    foot = translate("notice.mail.foot", locale, link=f"{console_url}/account/notices")
    return DigestText(f"[Cardloop] {subject}", "\n\n".join((*lines, foot)) + "\n")


def trial_digest(locale: str, console_url: str) -> DigestText:
    """The mail that only shows that mail arrives."""
    foot = translate("notice.mail.foot", locale, link=f"{console_url}/account/notices")
    test = translate("notice.mail.test", locale)
    return DigestText(f"[Cardloop] {test}", f"{test}\n\n{foot}\n")


def digest_content(delivery_id: str, rows: Sequence[NoticeRow], locale: str, console_url: str) -> dict[str, Any]:
    """The body of a webhook; times are UTC, and each notice has the id by which a receiver knows it again."""
    return {"id": delivery_id, "notices": [_entry(row, locale, console_url) for row in rows]}


def link(row: NoticeRow, console_url: str) -> str:
    """Where the person looks it up: the card, or their list of notices."""
    return f"{console_url}/cards/{row.card_id}" if row.card_id else f"{console_url}/notices"


def _entry(row: NoticeRow, locale: str, console_url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "at": row.at.astimezone(UTC).isoformat(timespec="seconds"),
        "card_id": row.card_id,
        "task_id": row.task_id,
        "text": _said(row, locale),
        "link": link(row, console_url),
    }


def _said(row: NoticeRow, locale: str) -> str:
    return sentence(row.kind, row.card_id, row.facts, locale)


def _worded(value: str, locale: str) -> str:
    key = f"notice.reason.{value}"
    return translate(key, locale) if has(key, locale) else value


def _clock(moment: datetime, locale: str, zone: ZoneInfo) -> str:
    return format_datetime(moment, "M月d日 HH:mm" if locale == "zh_CN" else "d MMM HH:mm", tzinfo=zone, locale=locale)
