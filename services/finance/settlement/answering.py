"""People and partners answer statements, and finance agrees to pay. Each deed is done once, however often it is repeated."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import ledger
from database.tables.finance.settlement import (
    CounterpartyRow,
    SettlementDeedRow,
    SettlementLineRow,
    SettlementRunRow,
)
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.settlement import CorrectionTooLarge, InvoiceDiffers, SettlementMoved, StatementReplaced
from domain.errors.work import OwnWork
from domain.finance.chart import Sign
from domain.finance.counterparties import CounterpartyKind
from domain.finance.postings.settlement import CORRECTED, payable_to, settlement_corrected
from domain.finance.settlement import (
    LINES_DISPUTED_MAX,
    REFERENCE_MAX,
    WORDS_MAX,
    SettlementAnswer,
    SettlementDeed,
    SettlementNeed,
    SettlementState,
    Terms,
    ending_of,
)
from domain.finance.settlement_acts import SettlementAct
from domain.finance.settlement_periods import end_of
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.four_eyes import apart
from domain.typed import plain
from services.finance.available import available
from services.finance.settlement import netting, work
from services.finance.settlement.payees import payee_of
from services.finance.settlement.story import close, happened, locked, moved, tell
from services.finance.settlement.unpaid import others_pay
from services.people.acting import handled_by, standing
from services.people.permissions import require

PERSON = "person:"
AMOUNT_MAX = 10**13


async def perform(session: AsyncSession, act: SettlementAct, now: datetime) -> SettlementState:
    """Do a deed and return the run's state; done before, nothing changes. A dispute also needs `disputed`.

    Refuse NotFound for another one's run, NotAllowed, OwnWork, FieldInvalid (`words`, `amount`, `lines`, `reference`),
    SettlementMoved, StatementReplaced, InvoiceDiffers for a provider's invoice of another amount, and CorrectionTooLarge.
    """
    run, party = await locked(session, act.run_id)
    who = await _require_may(session, party, act, now)
    require_sense(act)
    if await session.get(SettlementDeedRow, _key(run, act)) is not None:
        return run.state
    _require_state(run, act)
    await _record(session, run, act, now)
    if act.deed is SettlementDeed.CONFIRM:
        await _confirm(session, run, party, act, who, now)
    elif act.deed is SettlementDeed.APPROVE:
        await _approve(session, run, party, act, who, now)
    elif act.deed is SettlementDeed.UPHOLD:
        await _uphold(session, run, party, act, who, now)
    elif act.deed is SettlementDeed.CORRECT:
        await _correct(session, run, party, act, who, now)
    return run.state


async def require_disputable(session: AsyncSession, act: SettlementAct, now: datetime) -> CounterpartyRow | None:
    """Return whose statement is disputed; None where the same dispute was made before. Refuse as `perform` does."""
    run, party = await locked(session, act.run_id)
    await _require_may(session, party, act, now)
    require_sense(act)
    if await session.get(SettlementDeedRow, _key(run, act)) is not None:
        return None
    _require_state(run, act)
    own = select(SettlementLineRow.entry_id).where(SettlementLineRow.run_id == run.id)
    known = {str(one) for one in (await session.execute(own)).scalars()}
    if not set(act.lines) <= known:
        raise FieldInvalid(field="lines", why="unknown")
    return party


async def disputed(session: AsyncSession, act: SettlementAct, ticket_id: str, now: datetime) -> SettlementState:
    """Record a dispute whose ticket is open: the run waits for finance. Refuse as `perform` does."""
    run, party = await locked(session, act.run_id)
    who = await _require_may(session, party, act, now)
    if await session.get(SettlementDeedRow, _key(run, act)) is not None:
        return run.state
    _require_state(run, act)
    await _record(session, run, act, now)
    _joins(run, who)
    run.ticket_id, run.disputes = ticket_id, run.disputes + 1
    run.answer = run.answered_by = run.answered_at = None
    run.approved_by = []
    await moved(session, run, SettlementState.DISPUTED)
    facts = {"ticket": ticket_id, "version": str(run.version), "lines": str(len(act.lines))}
    happened(session, run, act.by, "disputed", now, **facts)
    await work.needs(session, run, party, SettlementNeed.DISPUTE, now)
    return run.state


async def answered(
    session: AsyncSession,
    run: SettlementRunRow,
    party: CounterpartyRow,
    answer: SettlementAnswer,
    by: str,
    now: datetime,
) -> None:
    """Take the statement as answered: what is to be paid waits for finance to agree, and where nothing is, the run ends."""
    run.answer, run.answered_by, run.answered_at = answer, by, now
    happened(session, run, by, f"answered_{answer.value}", now, version=str(run.version))
    if run.payable_minor:
        await moved(session, run, SettlementState.APPROVAL)
        await work.needs(session, run, party, SettlementNeed.APPROVAL, now)
        return
    owed = await netting.owed(session, party)
    ending = ending_of(run.carried_out_minor, owed.amount_minor)
    await work.needs(session, run, party, None, now)
    await close(session, run, party, ending, "machine", now, owed)


async def to_payment(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, by: str, now: datetime
) -> None:
    """Have the run paid, or wait for a payee where there is none that may be paid."""
    if await payee_of(session, party, run) is None:
        await moved(session, run, SettlementState.PAYEE)
        happened(session, run, by, "payee_missing", now, rail=party.rail.value)
        await work.needs(session, run, party, SettlementNeed.PAYEE, now)
        return
    await moved(session, run, SettlementState.PAYING)
    happened(session, run, by, "to_be_paid", now, attempt=str(run.attempt), rail=party.rail.value)
    await work.needs(session, run, party, None, now)


def people_needed(run: SettlementRunRow) -> int:
    """Return how many people of finance agree to this run's payment."""
    return 2 if run.payable_minor >= run.two_people_from_minor else 1


async def _confirm(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, act: SettlementAct,
    who: ActingReviewer | None, now: datetime,
) -> None:  # fmt: skip
    if who is not None:
        if not act.reference.strip():
            raise FieldInvalid(field="reference", why="missing")
        if party.kind is CounterpartyKind.PROVIDER:
            _require_same_amount(run, act)
        _joins(run, who)
    run.reference = plain(act.reference.strip())
    await answered(session, run, party, SettlementAnswer.CONFIRMED, act.by, now)


async def _approve(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, act: SettlementAct,
    who: ActingReviewer | None, now: datetime,
) -> None:  # fmt: skip
    if who is None:
        raise NotAllowed(permission=Permission.RUN_SETTLEMENTS.value)
    others = frozenset(run.hands) | frozenset(run.approved_by)
    if others and not apart(others, who.circle, await handled_by(session, others | who.circle, now)):
        raise OwnWork()
    run.approved_by = [*run.approved_by, who.person]
    amount = Money(run.payable_minor, run.currency)
    happened(session, run, act.by, "approved", now, amount=str(amount), version=str(run.version))
    if len(run.approved_by) >= people_needed(run):
        await to_payment(session, run, party, act.by, now)


async def _uphold(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, act: SettlementAct,
    who: ActingReviewer | None, now: datetime,
) -> None:  # fmt: skip
    if who is not None:
        _joins(run, who)
    await moved(session, run, SettlementState.ANSWER)
    # The time to answer runs again from its beginning.
    run.deadline_at = end_of(business_day(now) + timedelta(days=Terms(**run.terms).answer_days))
    run.overdue_at = None
    happened(session, run, act.by, "upheld", now, version=str(run.version), ticket=run.ticket_id or "")
    asks_us = party.kind is CounterpartyKind.PROVIDER
    await work.needs(session, run, party, SettlementNeed.ANSWER if asks_us else None, now)
    await tell(session, run, party, "settlement.upheld")


async def _correct(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, act: SettlementAct,
    who: ActingReviewer | None, now: datetime,
) -> None:  # fmt: skip
    """The correction is posted, and is a line of this very run; the next version of the statement shows it."""
    more = Money(act.amount_minor or 0, run.currency)
    await _require_owed(session, run, party, more)
    if who is not None:
        _joins(run, who)
    key = f"settlement:{run.id}:corrected:{run.disputes}"
    postings = settlement_corrected(party.kind, party.owner, more)
    await ledger.post(session, key, None, CORRECTED, postings, cause=f"settlement:{run.id}")
    run.lines_version = run.version + 1
    entry_id = await ledger.entry_of(session, key, payable_to(party.kind, party.owner).code)
    line = SettlementLineRow(
        entry_id=entry_id, run_id=run.id, version=run.lines_version,
        amount_minor=more.amount_minor, happened_on=business_day(now), what=CORRECTED, cause=f"settlement:{run.id}",
        note=" ".join(act.words.split()),
    )  # fmt: skip
    session.add(line)
    await moved(session, run, SettlementState.ANSWER)
    happened(session, run, act.by, "corrected", now, amount=str(more), ticket=run.ticket_id or "")
    await work.needs(session, run, party, None, now)


async def _require_owed(session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, more: Money) -> None:
    """Refuse CorrectionTooLarge for more than is owed beyond what other runs are to pay: their payments would find too little."""
    share = payable_to(party.kind, party.owner)
    if more.amount_minor > 0 or share.of.sign is Sign.EITHER:
        return
    owed = await available(session, share, more.currency) - await others_pay(session, run)
    if (owed + more).amount_minor < 0:
        raise CorrectionTooLarge(amount=str(-more), owed=str(owed))


async def _require_may(
    session: AsyncSession, party: CounterpartyRow, act: SettlementAct, now: datetime
) -> ActingReviewer | None:
    """Return the person with their rights; None for the counterparty's own program, which only answers."""
    if not act.by.startswith(PERSON):
        if party.partner_id is None or act.by != f"partner:{party.partner_id}":
            raise NotFound(settlement=act.run_id[:26])
        if act.deed not in (SettlementDeed.CONFIRM, SettlementDeed.DISPUTE):
            raise NotAllowed(permission=Permission.RUN_SETTLEMENTS.value)
        return None
    person = act.by.removeprefix(PERSON)
    await require(session, person, Permission.RUN_SETTLEMENTS)
    who = await standing(session, person, now)
    if party.owner in who.relatives or f"partner:{party.partner_id}" in who.relatives:
        raise OwnWork()
    return who


def require_sense(act: SettlementAct) -> None:
    """Refuse FieldInvalid for a deed whose words, lines, reference or amount cannot be."""
    if len(act.words) > WORDS_MAX:
        raise FieldInvalid(field="words", why="too_long")
    if len(act.reference) > REFERENCE_MAX:
        raise FieldInvalid(field="reference", why="too_long")
    if len(act.lines) > LINES_DISPUTED_MAX:
        raise FieldInvalid(field="lines", why="too_many")
    wants_words = (SettlementDeed.DISPUTE, SettlementDeed.UPHOLD, SettlementDeed.CORRECT)
    if act.deed in wants_words and not act.words.strip():
        raise FieldInvalid(field="words", why="missing")
    if act.deed is SettlementDeed.CORRECT and not 0 < abs(act.amount_minor or 0) <= AMOUNT_MAX:
        raise FieldInvalid(field="amount", why="missing")


_EXPECTED = {
    SettlementDeed.CONFIRM: (SettlementState.ANSWER,),
    SettlementDeed.DISPUTE: (SettlementState.ANSWER, SettlementState.APPROVAL),
    SettlementDeed.UPHOLD: (SettlementState.DISPUTED,),
    SettlementDeed.CORRECT: (SettlementState.DISPUTED,),
    SettlementDeed.APPROVE: (SettlementState.APPROVAL,),
}


def _require_state(run: SettlementRunRow, act: SettlementAct) -> None:
    if run.state not in _EXPECTED[act.deed]:
        raise SettlementMoved(state=run.state.value)
    if act.deed is SettlementDeed.DISPUTE and run.state is SettlementState.APPROVAL and not act.by.startswith(PERSON):
        raise SettlementMoved(state=run.state.value)  # It was confirmed: finance alone may take that back.
    if act.version != run.version or run.version < run.lines_version:
        raise StatementReplaced(version=run.version)


def _require_same_amount(run: SettlementRunRow, act: SettlementAct) -> None:
    # A bill is for what was asked in the period; what is carried over was billed before.
    if act.amount_minor is None:
        raise FieldInvalid(field="amount", why="missing")
    if act.amount_minor != run.lines_minor:
        given, ours = Money(act.amount_minor, run.currency), Money(run.lines_minor, run.currency)
        raise InvoiceDiffers(amount=str(given), ours=str(ours))


def _joins(run: SettlementRunRow, who: ActingReviewer | None) -> None:
    if who is not None:
        run.hands = sorted({*run.hands, *who.circle})


def _key(run: SettlementRunRow, act: SettlementAct) -> str:
    """The deed's key: who confirmed or agreed before a dispute does so again after it. Repeated disputes carry a token."""
    again = act.deed in (SettlementDeed.CONFIRM, SettlementDeed.APPROVE)
    return f"{act.key}:{run.disputes}" if again else act.key


async def _record(session: AsyncSession, run: SettlementRunRow, act: SettlementAct, now: datetime) -> None:
    row = SettlementDeedRow(
        key=_key(run, act), run_id=act.run_id, deed=act.deed, by=act.by, version=act.version, words=act.words.strip(),
        lines=list(act.lines), amount_minor=act.amount_minor, at=now,
    )  # fmt: skip
    await insert_once(session, row, "key")
