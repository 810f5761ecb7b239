"""Hear what an outlet reports of a card: verified by the outlet's own secret, and kept on the row of the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from database.repositories import cards
from database.sealed import OUTLET_SECRET
from database.session import Database
from database.tables.cards import CardRow, OutletRequestRow, OutletRow
from database.tables.columns import now
from domain.cards.card import WaitingFor
from domain.errors.cards import OutletUnknown
from domain.errors.finance import AmountMismatch
from domain.errors.general import FieldInvalid, NotFound, SignatureInvalid
from domain.money import Money
from domain.sealing import KeyRing
from gateways.errors import ReportRefused
from gateways.outlet import SYSTEM, OutletGateway, OutletReport, Verdict, claimed_sender
from services.work import sla


@dataclass(frozen=True)
class OutletHeard:
    """An accepted report: the card's workflow is notified of it."""

    card_id: str
    request_id: str
    confirmed: bool


class OutletReports:
    """The doors at which outlets report."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        outlet: OutletGateway,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._outlet = outlet
        self._now = now

    async def receive(self, body: bytes, signature: str | None) -> OutletHeard | None:
        """Receive a callback, raw body and signature header; return None when no answer has been given yet (pending).

        The first answer counts. A repeated report is delivered again, since the card may not have received the first.
        Refuses SignatureInvalid, FieldInvalid, NotFound, OutletUnknown, and AmountMismatch when it confirms another
        face value than the card's; none of these changes anything.
        """
        report = await self._verified(body, signature)
        async with self._database.transaction() as session:
            request = await session.get(OutletRequestRow, report.request_id, with_for_update=True)
            if request is None:
                raise NotFound()
            if request.outlet_code != report.outlet_id:
                raise OutletUnknown(outlet=report.outlet_id[:32])
            card = await cards.load_for_update(session, request.card_id)
            _require_face_value(card, report)
            if report.verdict is Verdict.PENDING:
                return None
            if request.answered_at is None:
                request.answered_at, request.answer = now(), report.verdict.value
                if card.waiting_for is WaitingFor.OUTLET:  # A late answer may find the card waiting for another party.
                    await sla.follow(session, card.id, WaitingFor.MACHINE, self._now())
        return OutletHeard(request.card_id, request.id, request.answer == Verdict.CONFIRMED)

    async def _verified(self, body: bytes, signature: str | None) -> OutletReport:
        try:
            secrets = await self._secrets_of(claimed_sender(body))
            return self._outlet.verify_report(body, signature, secrets)
        except ReportRefused as refused:
            if refused.reason == "malformed":
                raise FieldInvalid(field="body", why="malformed") from None
            raise SignatureInvalid(why=refused.reason) from None

    async def _secrets_of(self, code: str) -> list[str]:
        """What this outlet alone signs with, two during a rotation: no outlet can speak for another.

        Raises ReportRefused("signature").
        """
        async with self._database.transaction() as session:
            outlet = await session.get(OutletRow, code)
        if outlet is None or not outlet.secret_sealed:
            raise ReportRefused(SYSTEM, "signature")
        kept = [sealed for sealed in (outlet.secret_sealed, outlet.previous_sealed) if sealed]
        return [OUTLET_SECRET.open(self._keyring, code, sealed) for sealed in kept]


def _require_face_value(card: CardRow, report: OutletReport) -> None:
    """Refuse a confirmation without a face value, or of another than the card claims, where it claims one."""
    if report.verdict is not Verdict.CONFIRMED:
        return
    if report.face_value is None:
        raise AmountMismatch()
    if card.face_value_minor is not None and report.face_value != Money(card.face_value_minor, card.currency):
        raise AmountMismatch()
