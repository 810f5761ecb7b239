"""Correct a payee that the gateway rejected: the seller alone, or two people here. The money is owed until it is paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards import submissions
from database.repositories import cards
from database.repositories.audit import by_person
from database.repositories.cards import Change
from database.repositories.set_aside import left_out
from database.sealed import CORRECTED_ACCOUNT, CORRECTED_NAME, PAYEE_ACCOUNT, PAYEE_NAME
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.people import AuditRow
from database.tables.support.payee_requests import PayeeRequestRow
from domain.cards.card import WaitingFor
from domain.errors.cards import NotExpectedNow
from domain.errors.finance import CorrectionOver, CorrectionWaits
from domain.errors.work import OwnWork
from domain.finance.payee import masked_account, payee_index_of, require_payee
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.review.four_eyes import apart
from domain.sealing import KeyRing
from domain.support.second_payout import UNDER_WAY, PayeeRequestState
from domain.typed import plain, plain_name
from domain.work.reason_codes import ReasonedAct
from services.finance.second_person import Proposal, notify_declined
from services.finance.waiting import judged_again
from services.people.acting import handled_by, standing
from services.people.kinship import people_linked
from services.people.permissions import require
from services.work.reason_codes import require_reason

LOOP = "payees"


@dataclass(frozen=True)
class Correction:
    """A card that waits for another payee, and the correction that it has not heard of."""

    card_id: str
    correction_id: str


@dataclass(frozen=True)
class Named:
    """A payee as it was named."""

    account: str = field(repr=False)
    name: str = field(repr=False)
    rail: Rail


class Payees:
    """Corrects payees. A correction counts for every card of its submission that waits for one."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def correct(self, owner: str, card_id: str, account: str, name: str, rail: Rail = Rail.ALIPAY) -> str:
        """Record another payee named by the owner (`seller:<id>` or `partner:<id>`); returns the correction's id.

        Refuses NotFound for another's card, NotExpectedNow unless the card waits for a payee, FieldInvalid. What staff
        have proposed meanwhile falls: the owner's word is the newer one.
        """
        async with self._database.transaction() as session:
            await submissions.require_owner(session, owner, card_id)
            card, submission = await _waiting(session, card_id)
            if (open_one := await _open(session, submission.id)) is not None:
                open_one.refused_at = self._now()
            await session.flush()
            row = self._row(submission, Named(account, name, rail), owner, "")
            session.add(row)
            asked = await _asked_by_support(session, submission.id)
            if asked is None:
                await self._apply(session, card, submission, row, owner)
                return row.id
            row.proposers, row.reason = list(asked.askers), asked.reason_code
            await session.flush()
            asked.state, asked.correction_id = PayeeRequestState.SUPPLIED, row.id
            facts = {"payee": row.masked, "reason": asked.reason_code}
            await _record(session, card, "payout.payee_proposed", facts, owner)
        return row.id

    async def propose(
        self, person: str, card_id: str, account: str, name: str, reason_code: str, rail: Rail = Rail.ALIPAY
    ) -> None:
        """Propose another payee, to be approved by a second person.

        Refuses NotAllowed, ReasonUnknown, NotFound, NotExpectedNow, FieldInvalid, OwnWork to a person linked to the
        seller, and CorrectionWaits when one waits already.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.CORRECT_PAYEE)
            await require_reason(session, ReasonedAct.CORRECT_PAYEE, reason_code)
            card, submission = await _waiting(session, card_id)
            row = self._row(submission, Named(account, name, rail), f"person:{person}", reason_code)
            circle = (await standing(session, person, self._now())).circle
            await self._require_unlinked(session, card_id, circle)
            row.proposers = sorted(circle)
            session.add(row)
            session.add(_audited(person, "propose", card_id, reason_code, row))
            try:
                await session.flush()
            except IntegrityError:
                raise CorrectionWaits() from None
            facts = {"payee": row.masked, "reason": reason_code}
            await _record(session, card, "payout.payee_proposed", facts, f"person:{person}")

    async def agree(self, person: str, card_id: str, correction_id: str) -> None:
        """Agree as the second person: the payee counts, and the card is paid again. Agreed to already by them, nothing changes.

        Refuses NotAllowed, OwnWork to a person who is no independent second person or is linked to the seller, CorrectionOver when it
        no longer waits.
        """
        async with self._database.transaction() as session:
            card, submission, row = await self._checked(session, person, card_id, correction_id)
            if row.applied_at is not None:
                return
            row.checked_by = f"person:{person}"
            session.add(_audited(person, "agree", card_id, "", row))
            await self._apply(session, card, submission, row, f"person:{person}")

    async def refuse(self, person: str, card_id: str, correction_id: str) -> None:
        """Discard the proposal, as a second person or its proposer. Refuses NotAllowed, NotFound and CorrectionOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.CORRECT_PAYEE)
            card, submission = await _waiting(session, card_id)
            row = await _open(session, submission.id)
            if row is None or row.id != correction_id:
                raise CorrectionOver()
            row.checked_by, row.refused_at = f"person:{person}", self._now()
            session.add(_audited(person, "refuse", card_id, "", row))
            if (kind_and_id := row.proposed_by.partition(":"))[0] == "person":
                await notify_declined(session, kind_and_id[2], person, Proposal.PAYEE, f"/cards/{card_id}")
            await _record(session, card, "payout.payee_not_changed", {"payee": row.masked}, f"person:{person}")

    async def untold(self, limit: int) -> tuple[Correction, ...]:
        """Cards that wait for a payee who was named after their last order was refused, the longest waiting first.

        Not those whose next payment was held: it is judged again, and goes on as a payment that waited does.
        """
        refused_at = select(func.max(PayoutRow.settled_at)).where(PayoutRow.card_id == CardRow.id).scalar_subquery()
        newest = (
            select(PayeeCorrectionRow.id)
            .where(
                PayeeCorrectionRow.submission_id == CardRow.submission_id, PayeeCorrectionRow.applied_at > refused_at
            )
            .order_by(PayeeCorrectionRow.applied_at.desc())
            .limit(1)
            .scalar_subquery()
        )
        statement = (
            select(CardRow.id, newest)
            .where(
                CardRow.waiting_for == WaitingFor.SELLER_PAYEE,
                newest.is_not(None),
                ~_held_again(),
                ~left_out(LOOP, CardRow.id, self._now()),
            )
            .order_by(CardRow.since)
            .limit(limit)
        )
        async with self._database.reading() as session:
            return tuple(Correction(*found) for found in await session.execute(statement))

    def _row(self, submission: SubmissionRow, named: Named, proposed_by: str, reason: str) -> PayeeCorrectionRow:
        account, name = plain(named.account), plain_name(named.name)
        require_payee(account, name, named.rail)
        correction_id = new_id()
        return PayeeCorrectionRow(
            id=correction_id, submission_id=submission.id, proposed_by=proposed_by, reason=reason,
            account_sealed=CORRECTED_ACCOUNT.seal(self._keyring, correction_id, account),
            name_sealed=CORRECTED_NAME.seal(self._keyring, correction_id, name),
            masked=masked_account(account), rail=named.rail, proposed_at=self._now(),
        )  # fmt: skip

    async def _checked(
        self, session: AsyncSession, person: str, card_id: str, correction_id: str
    ) -> tuple[CardRow, SubmissionRow, PayeeCorrectionRow]:
        await require(session, person, Permission.CORRECT_PAYEE)
        card, submission = await _waiting(session, card_id)
        row = await session.get(PayeeCorrectionRow, correction_id, populate_existing=True)
        agreed = row is not None and row.applied_at is not None and row.checked_by == f"person:{person}"
        if row is None or row.submission_id != submission.id or not (agreed or _is_open(row)):
            raise CorrectionOver()
        proposers, circle = frozenset(row.proposers), (await standing(session, person, self._now())).circle
        if not apart(proposers, circle, await handled_by(session, proposers | circle, self._now())):
            raise OwnWork()
        await self._require_unlinked(session, card_id, circle)
        return card, submission, row

    async def _require_unlinked(self, session: AsyncSession, card_id: str, circle: frozenset[str]) -> None:
        """Refuses OwnWork to a person who is linked to the card's seller, or acts for one who is."""
        if await people_linked(session, self._keyring, card_id, circle):
            raise OwnWork()

    async def _apply(
        self, session: AsyncSession, card: CardRow, submission: SubmissionRow, row: PayeeCorrectionRow, actor: str
    ) -> None:
        """The payee becomes the submission's; orders that were made before keep theirs."""
        account = CORRECTED_ACCOUNT.open(self._keyring, row.id, row.account_sealed)
        name = CORRECTED_NAME.open(self._keyring, row.id, row.name_sealed)
        submission.payee_account_sealed = PAYEE_ACCOUNT.seal(self._keyring, submission.id, account)
        submission.payee_name_sealed = PAYEE_NAME.seal(self._keyring, submission.id, name)
        submission.payee_index = payee_index_of(self._keyring, account)
        submission.payee_masked, submission.payee_rail = row.masked, row.rail
        row.applied_at = self._now()
        await judged_again(session, submission.id)
        await _record(session, card, "payout.payee_corrected", {"payee": row.masked}, actor)


async def _waiting(session: AsyncSession, card_id: str) -> tuple[CardRow, SubmissionRow]:
    """The card, locked, and its submission, locked. Refuses NotFound, and NotExpectedNow unless it waits for a payee."""
    card = await cards.load_for_update(session, card_id)
    if card.waiting_for is not WaitingFor.SELLER_PAYEE:
        raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)
    return card, await session.get_one(SubmissionRow, card.submission_id, with_for_update=True)


def _held_again() -> ColumnElement[bool]:
    """Whether the card's next payment has been held: its order is not made."""
    made = exists().where(PayoutRow.key == PayoutWaitRow.key)
    return exists().where(PayoutWaitRow.card_id == CardRow.id, ~made)


def _is_open(row: PayeeCorrectionRow) -> bool:
    return row.applied_at is None and row.refused_at is None


async def _open(session: AsyncSession, submission_id: str) -> PayeeCorrectionRow | None:
    columns = (PayeeCorrectionRow.submission_id == submission_id, PayeeCorrectionRow.applied_at.is_(None))
    statement = select(PayeeCorrectionRow).where(*columns, PayeeCorrectionRow.refused_at.is_(None))
    return (await session.execute(statement)).scalar_one_or_none()


async def _asked_by_support(session: AsyncSession, submission_id: str) -> PayeeRequestRow | None:
    """The open request of support for another payee, locked: what its seller enters waits for a second person."""
    wanted = (PayeeRequestRow.submission_id == submission_id, PayeeRequestRow.state.in_(UNDER_WAY))
    return (await session.execute(select(PayeeRequestRow).where(*wanted).with_for_update())).scalar_one_or_none()


async def _record(session: AsyncSession, card: CardRow, what: str, facts: dict[str, str], actor: str) -> None:
    """An entry in the card's story that leaves it where it is: the workflow moves it when it has heard."""
    await cards.record(session, card.id, Change(card.stage, card.waiting_for, card.until, what, facts, actor=actor))


def _audited(person: str, act: str, card_id: str, reason: str, row: PayeeCorrectionRow) -> AuditRow:
    facts = {"correction": row.id, "payee": row.masked}
    return by_person(person, f"console:payee:{act}", card_id, reason=reason, facts=facts)
