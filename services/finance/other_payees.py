"""Ask the seller for another payee while their payment is held: nothing was sent, no order is made, and the money stays owed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.routing import PayoutWaitRow
from domain.cards.card import Stage, WaitingFor
from domain.errors.finance import NoPayeeToAsk, OtherPayeeAsked
from domain.finance.routing import LOOKED_AT, NEVER_ENDS
from domain.people.roles import Permission
from domain.sealing import KeyRing
from services.finance.held_payments import locked_wait, reasons_of, require_uninvolved
from services.finance.rail_switches import required_reason
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.finance.waiting import ask_seller, not_asked
from services.people.permissions import require
from services.work.secret_scan import require_no_number

PAGE = "/held"
HELD = frozenset({WaitingFor.FINANCE, WaitingFor.RAIL})


class OtherPayees:
    """Asks sellers for another payee. `person` is a person's id, `key` that of the payment that waits."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def ask(self, person: str, key: str, reason: str) -> None:
        """Ask for another payee: at once where a limit never ends, else once a second person agrees. Nothing leaves meanwhile.

        Asked by them already, nothing changes. Refuses NotAllowed, NotFound, FieldInvalid (`reason`), SecretInWords,
        NoPayeeToAsk, OtherPayeeAsked where another person has asked, and OwnWork as a release does.
        """
        said = required_reason(reason)
        require_no_number(said)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RELEASE_PAYMENTS)
            row = await locked_wait(session, key)
            if row.asked_by == person and (row.ended_at is None or row.turned_down_at is not None):
                return
            await _require_askable(session, row)
            if row.asked_at is not None:
                raise OtherPayeeAsked()
            who = await require_uninvolved(session, self._keyring, person, row, self._now())
            row.asked_by, row.asked_at, row.asked_reason = person, self._now(), said
            row.askers = sorted(who.circle)
            facts = {"reasons": list(row.reasons), "payee": row.payee_masked}
            session.add(by_person(person, "console:payout:ask_payee", row.key, reason=said, facts=facts))
            if not LOOKED_AT & reasons_of(row):
                await self._turn_down(session, person, row)

    async def agree(self, person: str, key: str) -> None:
        """Agree as the second person: the wait is over, and the seller is asked. Agreed to already by them, nothing changes.

        Refuses NotAllowed, NotFound, NoPayeeToAsk, and OwnWork to who asked and as a release does.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RELEASE_PAYMENTS)
            row = await locked_wait(session, key)
            if row.turned_down_by == person:
                return
            await _require_askable(session, row)
            if row.asked_at is None:
                raise NoPayeeToAsk()
            who = await require_uninvolved(session, self._keyring, person, row, self._now())
            await require_apart(session, who, row.askers, self._now())
            facts = {"asked_by": row.asked_by, "payee": row.payee_masked}
            session.add(by_person(person, "console:payout:agree_payee", row.key, reason=row.asked_reason, facts=facts))
            await self._turn_down(session, person, row)

    async def decline(self, person: str, key: str) -> None:
        """Discard the question, one's own too: the payment goes on as its reasons say. Refuses NotAllowed, NotFound, NoPayeeToAsk."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RELEASE_PAYMENTS)
            row = await locked_wait(session, key)
            if row.asked_at is None or row.ended_at is not None:
                raise NoPayeeToAsk()
            facts = {"asked_by": row.asked_by}
            session.add(
                by_person(person, "console:payout:decline_payee", row.key, reason=row.asked_reason, facts=facts)
            )
            await notify_declined(session, row.asked_by, person, Proposal.OTHER_PAYEE, PAGE)
            not_asked(row)
            row.signalled_at = None

    async def _turn_down(self, session: AsyncSession, person: str, row: PayoutWaitRow) -> None:
        row.turned_down_at, row.turned_down_by, row.ended_at = self._now(), person, self._now()
        await ask_seller(session, row, f"person:{person}", self._now())


async def _require_askable(session: AsyncSession, row: PayoutWaitRow) -> None:
    """Refuse NoPayeeToAsk unless the card's payment waits, to the payee as named now, for what only another payee or a person ends."""
    if row.card_id is None or row.ended_at is not None:
        raise NoPayeeToAsk()
    card = await session.get_one(CardRow, row.card_id)
    submission = await session.get_one(SubmissionRow, card.submission_id, with_for_update=True, populate_existing=True)
    reasons = reasons_of(row)
    doubted, released = LOOKED_AT & reasons, row.released_at is not None
    waits = card.outcome is None and card.stage is Stage.PAYOUT and card.waiting_for in HELD
    if not waits or submission.payee_index != row.payee_index or (released if doubted else not NEVER_ENDS & reasons):
        raise NoPayeeToAsk()
