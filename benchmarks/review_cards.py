"""Cards that wait for a reviewer, put into the database as the workflow leaves them: read, answered about, and priced."""

from __future__ import annotations

import json
import secrets
from datetime import UTC, date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from stdnum import luhn

from database.repositories import cards as stored
from database.repositories.cards import Change
from database.tables.cards import AnswerRow, CardRow, PhotoRow, QuoteRow, ReadingRow, SubmissionRow
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain import identifiers
from domain.cards.card import CardStatus, CardType, Stage, WaitingFor
from domain.cards.verification import Party
from domain.money import Currency
from domain.people.roles import Role
from domain.sealing import KeyRing
from services.work.ordering import placed

FACE_MINOR, OFFER_MINOR = 50_000, 44_100
EXPIRY = date(2031, 3, 31)


async def a_reviewer(session: AsyncSession) -> str:
    """Create a reviewer who decides; return their id."""
    row = PersonRow(id=identifiers.new_id(), email=f"{identifiers.new_id()}@example.com", name="Bench", password_hash="", roles=[Role.REVIEWER.value])  # fmt: skip
    session.add(row)
    await session.flush()
    return row.id


async def a_waiting_card(session: AsyncSession, keyring: KeyRing, photo_sha256: str) -> str:
    """A dining card that a person decides, with its photo, reading, answer and quote; returns the card's id."""
    card_id, number, pin = identifiers.new_id(), _number(), f"{secrets.randbelow(10**8):08d}"
    submission = _submission(card_id, keyring)
    session.add(submission)
    await session.flush()
    session.add(_card(card_id, submission.id, keyring, number, pin))
    await session.flush()
    photo = PhotoRow(
        id=identifiers.new_id(), card_id=card_id, position=0, original_sha256=photo_sha256, stored_sha256=photo_sha256, width=600, height=400
    )  # fmt: skip
    session.add_all([photo, _reading(photo, keyring, number, pin), _answer(card_id), _quote(card_id), _task(card_id)])
    await session.flush()
    facts = {"task": identifiers.review_task(card_id, 1)}
    await stored.record(session, card_id, Change(Stage.REVIEW, WaitingFor.REVIEWER, None, "review.opened", facts))
    return card_id


def _submission(card_id: str, keyring: KeyRing) -> SubmissionRow:
    submission_id = identifiers.new_id()
    account, name = (
        keyring.seal_text(value, purpose="submission", aad=f"submission:{submission_id}:{field}")
        for field, value in (("payee_account", "13800000021"), ("payee_name", "王芳"))
    )
    return SubmissionRow(
        id=submission_id, owner=f"seller:{card_id}", idempotency_key=card_id, request_hash="-", channel="web", locale="zh_CN",
        payee_account_sealed=account, payee_name_sealed=name, payee_masked="138****0021",
    )  # fmt: skip


def _card(card_id: str, submission_id: str, keyring: KeyRing, number: str, pin: str) -> CardRow:
    sealed = {
        name: keyring.seal_text(value, purpose="card", aad=f"card:{card_id}:{name}")
        for name, value in (("number", number), ("pin", pin))
    }
    return CardRow(
        id=card_id, submission_id=submission_id, position=0, card_type=CardType.DINING, brand="starbucks", currency=Currency.CNY,
        face_value_minor=FACE_MINOR, expires_on=EXPIRY, stage=Stage.REVIEW, waiting_for=WaitingFor.REVIEWER,
        number_sealed=sealed["number"], pin_sealed=sealed["pin"], number_tail=number[-4:],
    )  # fmt: skip


def _reading(photo: PhotoRow, keyring: KeyRing, number: str, pin: str) -> ReadingRow:
    reading_id = identifiers.new_id()
    values = json.dumps({"number": number, "pin": pin, "face_value": "500.00 CNY", "expiry": EXPIRY.isoformat()})
    box = {"x": 40, "y": 200, "width": 360, "height": 40}
    fields = [{"name": name, "confidence": 0.97, "confidence_bp": 9_700, "box": box, "source": "ocr", "use": "taken"} for name in ("number", "pin")]  # fmt: skip
    return ReadingRow(
        id=reading_id, card_id=photo.card_id, photo_id=photo.id, reader="bench", duration_ms=700, fields=fields,
        values_sealed=keyring.seal_text(values, purpose="reading", aad=f"reading:{reading_id}:values"),
    )  # fmt: skip


def _answer(card_id: str) -> AnswerRow:
    return AnswerRow(
        card_id=card_id, party=Party.POS, operation="check", request_id=identifiers.request_key(card_id, "store", 1), fields_revision=0,
        status=CardStatus.ACTIVE, balance_minor=FACE_MINOR, currency=Currency.CNY, details={"pin": "right"}, cost_fen=10, latency_ms=200,
    )  # fmt: skip


def _quote(card_id: str) -> QuoteRow:
    return QuoteRow(
        id=identifiers.quote(card_id, 1), card_id=card_id, fields_revision=0, amount_minor=OFFER_MINOR, rate_bp=8_820,
        lines=[{"kind": "face_value", "basis_points": None, "amount_minor": FACE_MINOR}], internal={"resale_minor": 47_531},
        rule_set=CardType.DINING.value, rule_version="bench",
    )  # fmt: skip


def _task(card_id: str) -> WorkItemRow:
    now = datetime.now(UTC)
    row = WorkItemRow(
        id=identifiers.review_task(card_id, 1), card_id=card_id, card_type=CardType.DINING, brand="starbucks", seller=f"seller:{card_id}",
        value_minor=OFFER_MINOR, reasons=["card_type"], opened_at=now, warn_at=now + timedelta(hours=3), due_at=now + timedelta(hours=4),
    )  # fmt: skip
    placed(row, now)
    return row


def _number() -> str:
    body = "81" + "".join(secrets.choice("0123456789") for _ in range(13))
    return body + str(luhn.calc_check_digit(body))
