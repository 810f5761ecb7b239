"""Cards that wait for a reviewer, in the database, with a planted number and PIN that no page may show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import delete, update

from database.repositories import cards as stored
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import AnswerRow, CardRow, PhotoRow, QuoteRow, ReadingRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import PersonRow
from database.tables.quality import ReadingLabelRow
from database.tables.work import WorkItemRow
from domain import identifiers
from domain.cards.card import CardStatus, CardType, Stage, WaitingFor
from domain.cards.verification import Party
from domain.finance.payout import PayoutState
from domain.money import Currency
from domain.people.roles import Role
from domain.rules.brands import brand
from domain.sealing import KeyRing
from services.people.kinship import people_linked
from services.work.ordering import placed

NUMBER = "8104223199076643"  # Starbucks: 16 digits whose last is the Luhn digit.
PIN = "60412877"
OTHER_NUMBER = "8104223199076650"


@dataclass
class Waiting:
    """A card in the queue and its task."""

    card_id: str
    task_id: str
    photo_id: str


class Cards:
    """Builders with defaults; `digest` names the photo they all show."""

    def __init__(self, database: Database, keyring: KeyRing, digest: str) -> None:
        self._database = database
        self._keyring = keyring
        self._digest = digest

    async def person(self, role: Role, name: str = "") -> str:
        person_id = identifiers.new_id()
        row = PersonRow(
            id=person_id,
            email=f"{person_id.lower()}@cardloop.test",
            name=name or role.value.title(),
            password_hash="-",
            roles=[role.value],
        )
        async with self._database.transaction() as session:
            session.add(row)
        return person_id

    async def waiting(
        self, *, brand_code: str = "starbucks", due_in_min: int = 37, escalated: bool = False,
        reasons: tuple[str, ...] = ("card_type",), number: str | None = NUMBER,
    ) -> Waiting:  # fmt: skip
        """A card that a reviewer must decide, read, answered about, and priced."""
        kind, card_id = brand(brand_code), identifiers.new_id()
        waiting = Waiting(card_id, identifiers.review_task(card_id, 1), identifiers.new_id())
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            session.add(_submission(card_id, self._keyring))
            await session.flush()
            card = CardRow(
                id=card_id, submission_id=f"S{card_id}", position=0, card_type=kind.card_type, brand=brand_code, currency=kind.currency,
                face_value_minor=50_000, expires_on=date(2031, 3, 31), stage=Stage.REVIEW, waiting_for=WaitingFor.REVIEWER,
            )  # fmt: skip
            if number is not None:
                card.number_sealed = self._sealed(number, card_id, "number")
                card.pin_sealed = self._sealed(PIN, card_id, "pin")
                card.number_tail = number[-4:]
            session.add(card)
            await session.flush()
            session.add_all([*self._seen(waiting), _answer(card_id), _quote(card_id)])
            task = WorkItemRow(
                id=waiting.task_id, card_id=card_id, card_type=kind.card_type, brand=brand_code, value_minor=44_100,
                reasons=list(reasons), warn_at=now, due_at=now + timedelta(minutes=due_in_min), escalated=escalated,
            )  # fmt: skip
            task.linked = sorted(await people_linked(session, self._keyring, card_id))
            placed(task, now)
            session.add(task)
            await session.flush()
            change = Change(Stage.REVIEW, WaitingFor.REVIEWER, None, "review.opened", {"task": waiting.task_id})
            await stored.record(session, card_id, change)
        return waiting

    async def payout(self, waiting: Waiting, state: PayoutState) -> None:
        async with self._database.transaction() as session:
            session.add(
                PayoutRow(
                    key=identifiers.payout_key(waiting.card_id, 1),
                    card_id=waiting.card_id,
                    amount_minor=44_100,
                    state=state,
                )
            )

    async def hold(self, waiting: Waiting, person_id: str) -> None:
        """The task is in this person's hand for ten minutes."""
        now = datetime.now(UTC)
        async with self._database.transaction() as session:
            task = await session.get_one(WorkItemRow, waiting.task_id)
            task.leased_by, task.leased_at, task.leased_until = person_id, now, now + timedelta(minutes=10)

    async def run_out(self, waiting: Waiting) -> None:
        """The lease ended a second ago."""
        past = datetime.now(UTC) - timedelta(seconds=1)
        async with self._database.transaction() as session:
            this_task = WorkItemRow.id == waiting.task_id
            await session.execute(update(WorkItemRow).where(this_task).values(leased_until=past))

    async def empty_the_queue(self) -> None:
        """Closes what earlier tests left open, and removes labels that were sealed with their keys."""
        async with self._database.transaction() as session:
            await session.execute(delete(ReadingLabelRow))
            left_open = update(WorkItemRow).where(WorkItemRow.closed_at.is_(None))
            await session.execute(left_open.values(closed_at=datetime.now(UTC)))

    async def task(self, waiting: Waiting) -> WorkItemRow:
        async with self._database.transaction() as session:
            return await session.get_one(WorkItemRow, waiting.task_id)

    async def card(self, waiting: Waiting) -> CardRow:
        async with self._database.transaction() as session:
            return await session.get_one(CardRow, waiting.card_id)

    def _sealed(self, secret: str, card_id: str, name: str) -> bytes:
        return self._keyring.seal_text(secret, purpose="card", aad=f"card:{card_id}:{name}")

    def _seen(self, waiting: Waiting) -> list[PhotoRow | ReadingRow]:
        photo = PhotoRow(
            id=waiting.photo_id, card_id=waiting.card_id, position=0, original_sha256=self._digest, stored_sha256=self._digest,
            width=600, height=400,
        )  # fmt: skip
        reading_id = identifiers.new_id()
        box = {"x": 40, "y": 200, "width": 360, "height": 40}
        values = json.dumps({"number": NUMBER, "pin": PIN, "face_value": "500.00 CNY", "expiry": "2031-03-31"})
        reading = ReadingRow(
            id=reading_id, card_id=waiting.card_id, photo_id=waiting.photo_id, reader="test", duration_ms=700,
            fields=[{"name": "number", "confidence": 0.93, "box": box, "source": "ocr"}, {"name": "pin", "confidence": 0.71, "box": None, "source": "ocr"}],
            values_sealed=self._keyring.seal_text(values, purpose="reading", aad=f"reading:{reading_id}:values"),
        )  # fmt: skip
        return [photo, reading]


def _submission(card_id: str, keyring: KeyRing) -> SubmissionRow:
    account, name = (
        keyring.seal_text(value, purpose="submission", aad=f"submission:S{card_id}:{field}")
        for field, value in (("payee_account", "13800000021"), ("payee_name", "王芳"))
    )
    return SubmissionRow(
        id=f"S{card_id}", owner="seller:1", idempotency_key=card_id, request_hash="-", channel="web", locale="zh_CN",
        payee_account_sealed=account, payee_name_sealed=name, payee_masked="138****0021",
    )  # fmt: skip


def _answer(card_id: str) -> AnswerRow:
    return AnswerRow(
        card_id=card_id, party=Party.POS, operation="check", request_id=identifiers.request_key(card_id, "store", 1), fields_revision=0,
        status=CardStatus.ACTIVE, balance_minor=50_000, currency=Currency.CNY, details={"pin": "right"}, cost_fen=10, latency_ms=200,
    )  # fmt: skip


def _quote(card_id: str) -> QuoteRow:
    return QuoteRow(
        id=identifiers.quote(card_id, 1), card_id=card_id, fields_revision=0, amount_minor=44_100, rate_bp=8820,
        lines=[{"kind": "face_value", "basis_points": None, "amount_minor": 50_000}], internal={"resale_minor": 47_531},
        rule_set=CardType.DINING.value, rule_version="v12",
    )  # fmt: skip
