"""One payment order as its page shows it: its story, calls, notices, postings, tickets, and what two people stated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import part_returns
from database.reads.finance.awaited import awaited, carried_out_by, may_call_off
from database.reads.finance.part_returns import PartView, total
from database.reads.finance.stated import staters, with_staters
from database.repositories.orders import OrderRow
from database.repositories.orders import order as an_order
from database.tables.cards import CardEventRow, CardRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.ledger import AccountRow, EntryRow, LedgerTransactionRow
from database.tables.finance.payout import PaymentNotificationRow, PayoutRow
from database.tables.finance.rails import ContradictionRow, ReturnRow
from database.tables.finance.rollback import RollbackOffsetRow, RollbackRow, StatedOutcomeRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.finance.settlement import CounterpartyRow, SettlementOrderRow, SettlementRunRow
from database.tables.people import AuditRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from database.tables.support.tickets import TicketLinkRow, TicketRow
from domain.cards.card import StoryEntry, WaitingFor
from domain.errors.general import NotFound
from domain.finance.order_kinds import OrderCode, code_of
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.rollback import OVER_FOR_NOTHING
from domain.money import Money
from domain.support.tickets import LinkedKind, TicketState

SHOWN_MAX = 50


@dataclass(frozen=True)
class PostedLine:
    """One line of the books that the order caused."""

    what: str
    at: datetime
    account: str
    amount: Money


@dataclass(frozen=True)
class HeardNotice:
    """A notification about the order, with our verdict on it."""

    verdict: str
    amount: Money | None
    at: datetime
    times: int


@dataclass(frozen=True)
class AboutTicket:
    """A ticket about the order's card."""

    id: str
    subject: str
    state: TicketState
    opened_at: datetime


@dataclass(frozen=True)
class Stated:
    """What a person stated; people are ids."""

    id: str
    outcome: PayoutOutcome
    reason: str
    reference: str
    evidence: str
    by: str
    staters: tuple[str, ...]
    at: datetime
    agreed_by: str | None
    agreed_at: datetime | None
    declined_by: str | None
    declined_at: datetime | None

    @property
    def waits(self) -> bool:
        """Return whether it waits for a second person."""
        return self.agreed_at is None and self.declined_at is None


@dataclass(frozen=True)
class OrderView:
    """An order and everything about it. `subject` is the id of the card, the payment or the run that it is for. `amount` is what is sent, `offset` what the seller owed us of it."""

    key: str
    code: OrderCode
    subject: str
    ticket_id: str | None
    owner: str
    rail: Rail
    payee: str
    amount: Money
    offset: Money
    state: PayoutState
    answered: PayoutOutcome | None
    stated_id: str | None
    attempt: int
    reference: str
    refusal_code: str
    prepared_at: datetime
    tried_at: datetime | None
    settled_at: datetime | None
    routing_version: str
    routed: Mapping[str, str]
    story: tuple[tuple[StoryEntry, datetime], ...]
    notices: tuple[HeardNotice, ...]
    lines: tuple[PostedLine, ...]
    tickets: tuple[AboutTicket, ...]
    stated: tuple[Stated, ...]
    acts: tuple[AuditRow, ...]
    claims: tuple[str, ...]
    wait: PayoutWaitRow | None
    came_back: (
        Money | None
    )  # Another amount than was paid and is booked, by the gateway's word: people decide about it.
    came_back_at: datetime | None
    parts: tuple[PartView, ...]
    dismissed: ReturnRow | None  # Where a person found that what the gateway says did not come back.
    awaited: WaitingFor | None  # The party that has to act next, while the outcome is unknown.
    carried_out_by: WaitingFor | None  # The party that can still carry it out, so that nobody states its outcome.
    may_call_off: bool
    contradicted: ContradictionRow | None
    twice: RollbackRow | None  # The claim of what this order paid beside another one.

    @property
    def booked(self) -> Money:
        """Return what is booked as returned in parts."""
        return total(self.parts, self.amount)

    @property
    def to_book(self) -> Money:
        """Return what came back and is not booked; nothing where people book nothing here: it is no card's payment, or not paid."""
        if self.came_back is None or self.code is not OrderCode.CARD or self.state is not PayoutState.PAID:
            return self.amount - self.amount
        most = min(self.came_back.amount_minor, self.amount.amount_minor) - self.booked.amount_minor
        return Money(max(0, most), self.amount.currency)

    def money_of(self, name: str) -> Money:
        """Return a sum that the routing kept, such as `day_minor`."""
        return Money(int(self.routed[name]))


async def order(session: AsyncSession, key: str) -> OrderView:
    """Return the order of this key. Refuses NotFound."""
    row = await an_order(session, key)
    if row is None:
        raise NotFound(payout=key[:80])
    whose = await _whose(session, row)
    card_id = whose.card_id
    claim, said = await session.get(ReturnRow, row.key), await part_returns.came_back(session, row.key)
    return OrderView(
        key=row.key, code=code_of(row.key), subject=whose.subject, ticket_id=whose.ticket_id, owner=whose.owner, rail=row.rail,
        payee=whose.payee, amount=Money(row.amount_minor, row.currency),
        offset=Money(row.offset_minor if isinstance(row, PayoutRow) else 0, row.currency),
        state=row.state, answered=row.answered, stated_id=row.stated_id,
        attempt=1 if isinstance(row, GoodwillOrderRow) else row.attempt,
        reference=row.gateway_reference or "", refusal_code=row.refusal_code or "", prepared_at=row.prepared_at,
        tried_at=row.tried_at, settled_at=row.settled_at, routing_version=row.routing_version or "", routed=row.routed,
        story=await _story(session, row.key, card_id) if isinstance(row, PayoutRow) and card_id else (),
        notices=await _notices(session, row.key), lines=await _lines(session, row.key),
        tickets=await _tickets(session, card_id, whose.ticket_id),
        stated=await _stated(session, row.key), acts=await _acts(session, row.key), claims=await _claims(session, row.key),
        wait=await session.get(PayoutWaitRow, row.key), came_back=None if said is None else Money(said.confirmed_minor or 0, said.currency),
        came_back_at=None if said is None else said.confirmed_at, parts=await part_returns.of_order(session, row.key),
        dismissed=claim if claim is not None and claim.dismissed_at is not None else None,
        awaited=(await awaited(session, [row.key])).get(row.key) if row.state is PayoutState.UNKNOWN else None,
        carried_out_by=await carried_out_by(session, row, now()) if row.state is PayoutState.UNKNOWN else None,
        may_call_off=await may_call_off(session, row.key), contradicted=await session.get(ContradictionRow, row.key),
        twice=await _twice(session, row.key),
    )  # fmt: skip


async def _twice(session: AsyncSession, key: str) -> RollbackRow | None:
    mine = select(RollbackRow).where(RollbackRow.order_key == key, RollbackRow.state.not_in(OVER_FOR_NOTHING))
    return (await session.execute(mine.order_by(RollbackRow.id.desc()).limit(1))).scalar_one_or_none()


async def evidence(session: AsyncSession, key: str, statement_id: str) -> StatedOutcomeRow:
    """Return a statement about the order, for its document. Refuses NotFound."""
    row = await session.get(StatedOutcomeRow, statement_id[:26])
    if row is None or row.key != key:
        raise NotFound(statement=statement_id[:26])
    return row


@dataclass(frozen=True)
class _Whose:
    """What an order is for. `card_id` is that of the card whose seller is paid, None for a counterparty's order."""

    subject: str
    card_id: str | None
    ticket_id: str | None
    owner: str
    payee: str


async def _whose(session: AsyncSession, row: OrderRow) -> _Whose:
    if isinstance(row, SettlementOrderRow):
        run = await session.get_one(SettlementRunRow, row.run_id)
        party = await session.get_one(CounterpartyRow, run.counterparty_id)
        return _Whose(run.id, None, run.ticket_id, party.owner, row.payee_masked)
    if isinstance(row, GoodwillOrderRow):
        given = await session.get_one(GoodwillRow, row.goodwill_id)
        paid = await session.get_one(PayoutRow, given.paid_key)
        return _Whose(given.id, paid.card_id, given.ticket_id, given.owner, given.payee_masked)
    card = await session.get_one(CardRow, row.card_id)
    submission = await session.get_one(SubmissionRow, card.submission_id)
    return _Whose(card.id, card.id, None, submission.owner, row.payee_masked or submission.payee_masked)


async def _story(session: AsyncSession, key: str, card_id: str) -> tuple[tuple[StoryEntry, datetime], ...]:
    mine = select(CardEventRow).where(CardEventRow.card_id == card_id, CardEventRow.facts["key"].astext == key)
    rows = tuple((await session.execute(mine.order_by(CardEventRow.id).limit(SHOWN_MAX))).scalars())
    stated = await staters(session, [row.facts.get("stated") for row in rows])
    return tuple(
        (StoryEntry(row.at.isoformat(), row.stage, row.what, dict(with_staters(row.facts, stated))), row.at)
        for row in rows
    )


async def _notices(session: AsyncSession, key: str) -> tuple[HeardNotice, ...]:
    mine = select(PaymentNotificationRow).where(PaymentNotificationRow.key == key)
    rows = (await session.execute(mine.order_by(PaymentNotificationRow.id).limit(SHOWN_MAX))).scalars()
    return tuple(
        HeardNotice(row.verdict, None if row.amount_minor is None else Money(row.amount_minor), row.received_at, row.times)
        for row in rows
    )  # fmt: skip


async def _lines(session: AsyncSession, key: str) -> tuple[PostedLine, ...]:
    mine = or_(
        LedgerTransactionRow.cause == f"payout:{key}",
        LedgerTransactionRow.key.in_((f"{key}:prepared", f"{key}:settled", f"{key}:returned")),
    )
    rows = await session.execute(
        select(
            LedgerTransactionRow.what,
            LedgerTransactionRow.at,
            AccountRow.code,
            EntryRow.amount_minor,
            EntryRow.currency,
        )
        .join(EntryRow, EntryRow.transaction_id == LedgerTransactionRow.id)
        .join(AccountRow, AccountRow.id == EntryRow.account_id)
        .where(mine)
        .order_by(EntryRow.id)
        .limit(SHOWN_MAX)
    )
    return tuple(PostedLine(row.what, row.at, row.code, Money(row.amount_minor, row.currency)) for row in rows)


async def _tickets(session: AsyncSession, card_id: str | None, ticket_id: str | None) -> tuple[AboutTicket, ...]:
    about = select(TicketLinkRow.ticket_id).where(
        TicketLinkRow.kind == LinkedKind.CARD, TicketLinkRow.subject == card_id
    )
    wanted = TicketRow.id == ticket_id if ticket_id is not None else TicketRow.id.in_(about)
    rows = await session.execute(select(TicketRow).where(wanted).order_by(TicketRow.id.desc()).limit(SHOWN_MAX))
    return tuple(AboutTicket(row.id, row.subject, row.state, row.opened_at) for row in rows.scalars())


async def _stated(session: AsyncSession, key: str) -> tuple[Stated, ...]:
    mine = select(StatedOutcomeRow).where(StatedOutcomeRow.key == key).order_by(StatedOutcomeRow.stated_at.desc())
    return tuple(
        Stated(
            row.id, row.outcome, row.reason, row.reference, row.evidence_name, row.stated_by, tuple(row.staters), row.stated_at,
            row.agreed_by, row.agreed_at, row.declined_by, row.declined_at,
        )
        for row in (await session.execute(mine.limit(SHOWN_MAX))).scalars()
    )  # fmt: skip


async def _acts(session: AsyncSession, key: str) -> tuple[AuditRow, ...]:
    mine = select(AuditRow).where(AuditRow.subject == key).order_by(AuditRow.id).limit(SHOWN_MAX)
    return tuple((await session.execute(mine)).scalars())


async def _claims(session: AsyncSession, key: str) -> tuple[str, ...]:
    mine = select(RollbackOffsetRow.rollback_id).where(
        RollbackOffsetRow.payout_key == key, RollbackOffsetRow.undone_at.is_(None)
    )
    return tuple((await session.execute(mine.order_by(RollbackOffsetRow.rollback_id))).scalars())
