"""What the search finds, one indexed statement for each kind of thing, ten rows of each at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Select, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.office import each_order
from database.tables.cards import CardRow, SubmissionRow
from database.tables.ops.repairs import RepairRow
from database.tables.people import PartnerRow, PersonRow, SellerRow
from database.tables.support.tickets import TicketRow
from domain.cards.card import Outcome, Stage
from domain.finance.payout import PayoutState
from domain.money import Money
from domain.ops.repairs import RepairKind, RepairState
from domain.support.tickets import TicketState

FOUND_MAX = 10
TAIL = 4
_Found = TypeVar("_Found", bound=Select[*tuple[Any, ...]])


@dataclass(frozen=True)
class FoundCard:
    """A card by what may be shown of it; `tail` are the last four characters of its number."""

    id: str
    brand: str
    tail: str | None
    stage: Stage
    outcome: Outcome | None
    created_at: datetime


@dataclass(frozen=True)
class FoundSeller:
    """A seller by their masked telephone, or a partner by its name; `owner` is `seller:<id>` or `partner:<id>`."""

    owner: str
    name: str

    @property
    def id(self) -> str:
        """The id without its kind."""
        return self.owner.partition(":")[2]


@dataclass(frozen=True)
class FoundPayout:
    """A payment order; the payee is masked."""

    key: str
    payee: str
    amount: Money
    state: PayoutState


@dataclass(frozen=True)
class FoundSubmission:
    """Cards that were submitted together."""

    id: str
    card_ids: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True)
class FoundRepair:
    """A repair of running cards."""

    id: str
    kind: RepairKind
    state: RepairState
    drafted_at: datetime


@dataclass(frozen=True)
class FoundTicket:
    """A ticket of a customer."""

    id: str
    subject: str
    state: TicketState
    opened_at: datetime


@dataclass(frozen=True)
class FoundPerson:
    """A member of staff."""

    id: str
    name: str
    email: str


async def cards(session: AsyncSession, whole: str, ending: str, tail: str) -> tuple[FoundCard, ...]:
    """Cards of that id, or whose id ends so, or whose number has these last four characters; the newest first."""
    columns = (CardRow.id, CardRow.brand, CardRow.number_tail, CardRow.stage, CardRow.outcome, CardRow.created_at)
    which = CardRow.id == whole
    if not whole:
        which = or_(
            false(), *([ends(CardRow.id, ending)] if ending else []), *([CardRow.number_tail == tail] if tail else [])
        )
    rows = await session.execute(_newest(select(*columns).where(which), CardRow.id))
    return tuple(FoundCard(*row) for row in rows)


async def submissions(session: AsyncSession, whole: str, ending: str) -> tuple[FoundSubmission, ...]:
    """Submissions of that id or whose id ends so, each with its first ten cards."""
    which = SubmissionRow.id == whole if whole else ends(SubmissionRow.id, ending)
    statement = _newest(select(SubmissionRow.id, SubmissionRow.created_at).where(which), SubmissionRow.id)
    rows = (await session.execute(statement)).all()
    if not rows:
        return ()
    theirs = select(CardRow.submission_id, CardRow.id).where(CardRow.submission_id.in_([row.id for row in rows]))
    found = await session.execute(theirs.order_by(CardRow.submission_id, CardRow.position).limit(FOUND_MAX * FOUND_MAX))
    by_submission: dict[str, list[str]] = {}
    for submission_id, card_id in found:
        by_submission.setdefault(submission_id, []).append(card_id)
    return tuple(FoundSubmission(id, tuple(by_submission.get(id, ())[:FOUND_MAX]), at) for id, at in rows)  # noqa: A001


async def sellers(session: AsyncSession, whole: str, phone_index: str) -> tuple[FoundSeller, ...]:
    """Return the seller of that id, or with the phone of which this is the keyed hash."""
    if not whole and not phone_index:
        return ()
    which = SellerRow.id == whole if whole else SellerRow.phone_index == phone_index
    rows = await session.execute(select(SellerRow.id, SellerRow.phone_masked).where(which).order_by(SellerRow.id))
    return tuple(FoundSeller(f"seller:{id}", phone) for id, phone in rows)  # noqa: A001


async def partners(session: AsyncSession, whole: str, words: str) -> tuple[FoundSeller, ...]:
    """Partners of that id, or whose name holds these words."""
    which = PartnerRow.id == whole if whole else PartnerRow.name.icontains(words, autoescape=True)
    rows = await session.execute(
        select(PartnerRow.id, PartnerRow.name).where(which).order_by(PartnerRow.name).limit(FOUND_MAX)
    )
    return tuple(FoundSeller(f"partner:{id}", name) for id, name in rows)  # noqa: A001


async def payouts(session: AsyncSession, key: str, reference: str) -> tuple[FoundPayout, ...]:
    """Payment orders of every kind of that key, or that the gateway knows by that reference."""
    if not key and not reference:
        return ()
    found = list[FoundPayout]()
    for table, orders in each_order():
        which = table.key == key if key else table.gateway_reference == reference
        rows = await session.execute(_newest(orders.where(which), table.key))
        found += [
            FoundPayout(row.key, payee, Money(row.amount_minor, row.currency), row.state) for row, _, payee in rows
        ]
    return tuple(found[:FOUND_MAX])


async def repairs(session: AsyncSession, whole: str, ending: str) -> tuple[FoundRepair, ...]:
    """Repairs of that id or whose id ends so, the newest first: there are few of them."""
    which = RepairRow.id == whole if whole else RepairRow.id.endswith(ending, autoescape=True)
    columns = (RepairRow.id, RepairRow.kind, RepairRow.state, RepairRow.drafted_at)
    rows = await session.execute(_newest(select(*columns).where(which), RepairRow.id))
    return tuple(FoundRepair(*row) for row in rows)


async def tickets(session: AsyncSession, whole: str, ending: str) -> tuple[FoundTicket, ...]:
    """Tickets of that id or whose id ends so, the newest first."""
    which = TicketRow.id == whole if whole else ends(TicketRow.id, ending)
    columns = (TicketRow.id, TicketRow.subject, TicketRow.state, TicketRow.opened_at)
    rows = await session.execute(_newest(select(*columns).where(which), TicketRow.id))
    return tuple(FoundTicket(*row) for row in rows)


async def people(session: AsyncSession, whole: str, words: str) -> tuple[FoundPerson, ...]:
    """People of the console of that id, or whose name or e-mail address holds these words."""
    named = or_(PersonRow.name.icontains(words, autoescape=True), PersonRow.email.icontains(words, autoescape=True))
    which = PersonRow.id == whole if whole else named
    columns = (PersonRow.id, PersonRow.name, PersonRow.email)
    rows = await session.execute(select(*columns).where(which).order_by(PersonRow.name).limit(FOUND_MAX))
    return tuple(FoundPerson(*row) for row in rows)


def ends(column: Any, ending: str) -> Any:
    """Return the condition that an id ends so, as its index is written; longer endings narrow the few that share four characters."""
    return (func.right(column, TAIL) == ending[-TAIL:]) & column.endswith(ending, autoescape=True)


def _newest(statement: _Found, column: Any) -> _Found:
    return statement.order_by(column.desc()).limit(FOUND_MAX)
