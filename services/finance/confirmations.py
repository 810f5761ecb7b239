"""Transfers that their receiver confirms in the provider's app: opened by the gateway's word, called off on the seller's wish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.reads.cards import submissions
from database.repositories import cards
from database.repositories.audit import by_person
from database.repositories.cards import Change
from database.sealed import CONFIRMATION
from database.session import Database
from database.tables.cards import CardRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankLineRow, ConfirmationRow
from domain.cards.card import Stage, WaitingFor
from domain.errors.cards import NotExpectedNow
from domain.errors.general import NotFound
from domain.finance.payout import PayoutReport, PayoutState
from domain.people.roles import Permission
from domain.sealing import KeyRing
from services.people.permissions import require
from services.work import sla

ASKED, CLOSING, CONFIRMED = "payout.to_confirm", "payout.closing", "payout.confirmed"
AT_BANK = "payout.at_bank"


@dataclass(frozen=True)
class Wait:
    """Whom a card waits for while its payment is under way, until when, and the key of its story's sentence."""

    waiting_for: WaitingFor
    until: datetime | None
    what: str


async def opened(
    session: AsyncSession, keyring: KeyRing, card_id: str | None, report: PayoutReport, until: datetime
) -> None:
    """Keep that the receiver has to confirm, once per order; `until` counts where the gateway did not say.

    A card that waits for the gateway waits for its seller from now on, and for the gateway again once the time is over.
    """
    turn = report.turn
    row = ConfirmationRow(
        key=report.key, card_id=card_id, expires_at=until if turn is None else turn.expires_at,
        package_sealed=None if turn is None else CONFIRMATION.seal(keyring, report.key, turn.package),
    )  # fmt: skip
    await insert_once(session, row, "key")
    if card_id is not None:
        await follow(session, card_id)


async def closed(session: AsyncSession, key: str) -> None:
    """Record that no confirmation is awaited any more: it was given, or the wait is over."""
    row = await session.get(ConfirmationRow, key, with_for_update=True)
    if row is None or row.closed_at is not None:
        return
    row.closed_at = now()
    if row.card_id is not None:
        await session.flush()
        await follow(session, row.card_id)


async def follow(session: AsyncSession, card_id: str) -> None:
    """Have a card whose payment is under way wait for whom it depends on now; nothing changes where it does already."""
    card = await cards.load_for_update(session, card_id)
    if card.stage is not Stage.PAYOUT or card.waiting_for not in (WaitingFor.GATEWAY, WaitingFor.SELLER_CONFIRM):
        return
    wait = await wait_of(session, card_id)
    if wait is None and card.waiting_for is WaitingFor.SELLER_CONFIRM:
        wait = Wait(WaitingFor.GATEWAY, None, CONFIRMED)
    if wait is not None and wait.waiting_for is not card.waiting_for:
        await cards.record(
            session, card_id, Change(Stage.PAYOUT, wait.waiting_for, wait.until, wait.what, actor="gateway")
        )
        await sla.follow(session, card_id, wait.waiting_for, now())


async def wait_of(session: AsyncSession, card_id: str) -> Wait | None:
    """Return for whom the card's unknown order waits, as its rail has it; None where it is plainly unknown."""
    unknown = (PayoutRow.card_id == card_id, PayoutRow.state == PayoutState.UNKNOWN)
    key = (await session.execute(select(PayoutRow.key).where(*unknown))).scalar_one_or_none()
    if key is None:
        return None
    confirmation = await session.get(ConfirmationRow, key, populate_existing=True)
    if confirmation is not None and confirmation.closed_at is None:
        if confirmation.expires_at > now() and confirmation.cancel_sent_at is None:
            return Wait(WaitingFor.SELLER_CONFIRM, confirmation.expires_at, ASKED)
        return Wait(WaitingFor.GATEWAY, None, CLOSING)
    line = await session.get(BankLineRow, key)
    return Wait(WaitingFor.BANK, None, AT_BANK) if line is not None and line.outcome is None else None


async def cancelling(session: AsyncSession, key: str) -> bool:
    """Return whether the transfer is to be called off and the gateway has not been asked yet."""
    row = await session.get(ConfirmationRow, key, populate_existing=True)
    return row is not None and row.closed_at is None and row.cancel_asked_at is not None and row.cancel_sent_at is None


async def cancel_sent(session: AsyncSession, key: str) -> None:
    """Keep that the gateway was asked to call the transfer off; it says itself when it is."""
    row = await session.get_one(ConfirmationRow, key, with_for_update=True)
    row.cancel_sent_at = now()
    if row.card_id is not None:
        await session.flush()
        await follow(session, row.card_id)


@dataclass(frozen=True)
class ToConfirm:
    """What a seller sees: `package` opens the confirmation, None where it is not known; `cancelling` after their wish."""

    key: str
    package: str | None
    expires_at: datetime
    cancelling: bool


class Confirmations:
    """What sellers see of their transfers to confirm, and their wish to have one called off."""

    def __init__(
        self, database: Database, keyring: KeyRing, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._clock = clock

    async def of_card(self, session: AsyncSession, card_id: str) -> ToConfirm | None:
        """Return the open confirmation of a card whose owner asks; None where there is none."""
        row = await _open(session, card_id)
        if row is None:
            return None
        package = CONFIRMATION.open(self._keyring, row.key, row.package_sealed)
        return ToConfirm(row.key, package, row.expires_at, row.cancel_asked_at is not None)

    async def cancel(self, owner: str, card_id: str) -> str:
        """Note that the owner wants another payee: the gateway is asked to call the transfer off. Return the order's key.

        What they are owed stays owed; it is over only when the gateway says so. Refuses NotFound for another's card, and
        NotExpectedNow where nothing is to be confirmed.
        """
        async with self._database.transaction() as session:
            await submissions.require_owner(session, owner, card_id)
            card = await cards.load_for_update(session, card_id)
            row = await _open(session, card_id)
            if row is None or card.waiting_for is not WaitingFor.SELLER_CONFIRM:
                raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)
            if row.cancel_asked_at is None:
                row.cancel_asked_at, row.cancel_asked_by = self._clock(), owner
                await cards.record(session, card_id, _wish(card, owner))
            return row.key

    async def call_off(self, person: str, key: str) -> str | None:
        """Note that finance wants a transfer called off, of any kind of order: the gateway is asked, and says itself when it is over.

        Return the card that waits for it, if one does. Nothing changes where it was asked for before. Refuses NotAllowed, and
        NotFound where nobody has to confirm.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            row = await session.get(ConfirmationRow, key[:80], with_for_update=True)
            if row is None or row.closed_at is not None:
                raise NotFound(payout=key[:80])
            if row.cancel_asked_at is None:
                row.cancel_asked_at, row.cancel_asked_by = self._clock(), f"person:{person}"
                session.add(by_person(person, "console:payout:call_off", row.key))
                if row.card_id is not None:
                    card = await cards.load_for_update(session, row.card_id)
                    actor = f"person:{person}"
                    change = Change(card.stage, card.waiting_for, card.until, "payout.called_off", actor=actor)
                    await cards.record(session, row.card_id, change)
            return row.card_id


def _wish(card: CardRow, owner: str) -> Change:
    return Change(card.stage, card.waiting_for, card.until, "payout.cancel_asked", actor=owner)


async def _open(session: AsyncSession, card_id: str) -> ConfirmationRow | None:
    wanted = (ConfirmationRow.card_id == card_id, ConfirmationRow.closed_at.is_(None))
    return (await session.execute(select(ConfirmationRow).where(*wanted))).scalar_one_or_none()
