"""What a digest says: the same news as a mail in the person's language and as the body of a webhook, and never a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_datetime

from database.reads.notices.names import ACTS, PEOPLE, Names
from database.tables.notices import NoticeRow
from domain.notices.kinds import NoticeKind
from domain.work.kinds import page_at, subject_of
from languages import LOCALES, has, translate
from services.notices.alert_words import in_words
from services.notices.quantities import worded

SHOWN_MAX = 50  # A longer digest says how many more there are.
CARD_SHOWN = 6  # The last characters of a card's id, as in the console.
# A notice holds no card number or PIN; if one does, it is not sent.
_DIGITS = re.compile(r"\d(?:[ -]?\d){4,}")
_FACTS = ("by", "reason")
# Facts that are codes, and the words that they have.
_WORDS = {
    "desk": "inside_desk", "goodwill_state": "goodwill_state",
    "repair_kind": "repair_kind", "repair_state": "repair_state", "news_of_repair": "notice.repair", "topic": "ops_topic",
    "news_of_ticket": "notice.ticket",
    "promise": "clock_kind", "proposal": "proposal",
}  # fmt: skip
ALERTS_PAGE = "/operations/alerts"
ALERT_KINDS = frozenset({NoticeKind.ALERT, NoticeKind.ALERT_OVER})
_MOMENTS = ("due_at", "from", "until")


@dataclass(frozen=True)
class DigestText:
    """A mail's subject and plain text."""

    subject: str
    text: str


@dataclass(frozen=True)
class Reader:
    """Whose eyes the words are for: their language and clock, and what the facts are called."""

    locale: str
    zone: ZoneInfo
    names: Names = field(default_factory=Names)


def sentence(
    kind: str, card_id: str | None, facts: Mapping[str, str], reader: Reader, task_id: str | None = None
) -> str:
    """Return one notification as a sentence. Digits in free-text facts are hidden; times are in the reader's time zone."""
    worded = {name: _fact(kind, name, value, reader) for name, value in facts.items()}
    card = (card_id or "")[-CARD_SHOWN:] or "–"
    about = f"notice.{kind}.promise" if "promise" in facts else _key(kind, card_id, task_id)
    said = [translate(about, reader.locale, {**worded, "card": card, "item": _item(task_id)})]
    said += [
        translate(f"notice.fact.{name}", reader.locale, {"value": worded[name]}) for name in _FACTS if worded.get(name)
    ]
    return (" " if reader.locale == "en" else "").join(said)


def digest_text(rows: Sequence[NoticeRow], reader: Reader, console_url: str) -> DigestText:
    """Write the mail of these notices, oldest first."""
    locale = reader.locale
    lines = [f"{_clock(row.at, reader)}  {_said(row, reader)}\n  {link(row, console_url)}" for row in rows[:SHOWN_MAX]]  # fmt: skip
    if len(rows) > SHOWN_MAX:
        lines.append(translate("notice.mail.more", locale, {"count": len(rows) - SHOWN_MAX}))
    subject = (
        _said(rows[0], reader) if len(rows) == 1 else translate("notice.mail.subject", locale, {"count": len(rows)})
    )
    foot = translate("notice.mail.foot", locale, {"link": f"{console_url}/account/notices"})
    return DigestText(f"[Cardloop] {subject}", "\n\n".join((*lines, foot)) + "\n")


def trial_digest(locale: str, console_url: str) -> DigestText:
    """Write the mail that only shows that mail arrives."""
    foot = translate("notice.mail.foot", locale, {"link": f"{console_url}/account/notices"})
    test = translate("notice.mail.test", locale)
    return DigestText(f"[Cardloop] {test}", f"{test}\n\n{foot}\n")


def digest_content(delivery_id: str, rows: Sequence[NoticeRow], reader: Reader, console_url: str) -> dict[str, Any]:
    """Build the body of a webhook; times are UTC, and each notice has the id by which a receiver recognizes it."""
    return {"id": delivery_id, "notices": [_entry(row, reader, console_url) for row in rows]}


def link(row: NoticeRow, console_url: str) -> str:
    """Where the person looks it up: the item or card, or their list of notices."""
    return console_url + (page_of(row) or "/notices")


def page_of(row: NoticeRow) -> str | None:
    """Return the page in the console that a notice is about: alerts, a repair, a proposal, a payment without a ticket, an item or a card; None where there is none."""
    if row.kind in ALERT_KINDS:
        return ALERTS_PAGE
    if row.kind == NoticeKind.REPAIR and "repair" in row.facts:
        return f"/operations/repairs/{row.facts['repair']}"
    if row.kind == NoticeKind.DECLINED or (row.kind == NoticeKind.GOODWILL and "page" in row.facts):
        return row.facts.get("page")
    return page_at(row.task_id, row.card_id)


def _entry(row: NoticeRow, reader: Reader, console_url: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "kind": row.kind,
        "at": row.at.astimezone(UTC).isoformat(timespec="seconds"),
        "card_id": row.card_id,
        "task_id": row.task_id,
        "text": _said(row, reader),
        "link": link(row, console_url),
    }


def _said(row: NoticeRow, reader: Reader) -> str:
    return sentence(row.kind, row.card_id, row.facts, reader, row.task_id)


def _key(kind: str, card_id: str | None, task_id: str | None) -> str:
    """The sentence of this kind, or its own for work without a card, such as `notice.assigned.ticket`."""
    parts = (task_id or "").split(":")
    own = f"notice.{kind}.{parts[2]}" if card_id is None and len(parts) == 4 else ""
    return own if own and has(own) else f"notice.{kind}"


def _item(task_id: str | None) -> str:
    return subject_of(task_id or "")[-CARD_SHOWN:] or "–"


def _fact(kind: str, name: str, value: str, reader: Reader) -> str:
    if name in _MOMENTS:
        return _clock(datetime.fromisoformat(value), reader)
    if name == "why":
        return translate(f"notice.why.{value}", reader.locale)
    if name == "news":
        return translate(f"notice.access.{value}", reader.locale)
    if name == "policy":
        return translate(f"policy_kind.{value}", reader.locale)
    if name in _WORDS:
        return translate(f"{_WORDS[name]}.{value}", reader.locale)
    if name == "measured":
        return worded(value, reader.locale)
    if name == "about":
        return (
            translate("notice.alert.about", reader.locale, {"value": in_words(value, reader.locale)}) if value else ""
        )
    if name == "step":
        return translate(f"notice.policy.{value}", reader.locale)
    if name in PEOPLE:
        return reader.names.people.get(value, "") or _hidden(value)
    if name == "reason" and kind in ACTS:
        listed = reader.names.reasons.get((ACTS[kind].value, value))
        return _hidden(value) if listed is None else listed[LOCALES.index(reader.locale)]
    return _hidden(value)


def _hidden(value: str) -> str:
    return _DIGITS.sub("••••", value)


def _clock(moment: datetime, reader: Reader) -> str:
    form = "M月d日 HH:mm" if reader.locale == "zh_CN" else "d MMM HH:mm"
    return format_datetime(moment, form, tzinfo=reader.zone, locale=reader.locale)
