"""A fortnight's work for the pictures of figures: drawn from one seed, so that every run counts the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from sqlalchemy import update

from database.repositories.notices import tell
from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from database.tables.quality import BlindReviewRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import AlarmRow, WorkItemRow
from docs.picture_scenes import DAY, HOUR, MINUTE, People
from domain.cards.card import Outcome, Stage
from domain.cards.review import RejectReason, ReviewOutcome
from domain.finance.payout import PayoutState
from domain.identifiers import new_id, payout_key
from domain.notices.kinds import NoticeKind
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.scenes import change
from tests.reviewer_ui.waiting_cards import Waiting

DAYS, SEED = 7, 23
BRANDS = ("starbucks", "starbucks", "wanda", "hualian", "jd", "walmart", "amazon-us")
WHY = (("card_type",), ("card_type", "low_confidence"), ("conflicting_answers",), ("wrong_pin",), ("high_value",))
REFUSED = (RejectReason.ALREADY_USED, RejectReason.FORGED, RejectReason.DAMAGED)


async def fortnight(house: House, who: People) -> None:
    """Tasks of the last days with their decisions, alarms and payments; and some of the decisions made again, blind."""
    rng = Random(SEED)  # noqa: S311  # A drawing of pictures, nothing secret.
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    for day in range(DAYS, 0, -1):
        for _ in range(rng.randint(7, 14)):
            opened = midnight - day * DAY + rng.uniform(1, 10) * HOUR
            await _one(house, rng, rng.choice((who.lin, who.lin, who.zheng, who.zhou)), opened)
        for _ in range(rng.randint(20, 30)):
            await _straight(house, midnight - day * DAY + rng.uniform(1, 15) * HOUR)


async def _one(house: House, rng: Random, person: str, opened: datetime) -> None:
    waiting = await house.cards.waiting(brand_code=rng.choice(BRANDS), reasons=rng.choice(WHY))
    made = opened + rng.lognormvariate(3.2, 0.8) * MINUTE
    rejected = rng.random() < 0.18
    decision = ReviewDecisionRow(
        id=new_id(), task_id=waiting.task_id, card_id=waiting.card_id, person_id=person, opened_at=made - rng.uniform(0.4, 3) * MINUTE,
        outcome=ReviewOutcome.REJECT if rejected else ReviewOutcome.APPROVE, reject_reason=rng.choice(REFUSED) if rejected else None,
        made_at=made, effective_at=made, applied_at=made,
    )  # fmt: skip
    due = opened + 90 * MINUTE
    async with house.database.transaction() as session:
        session.add(decision)
        await session.flush()
        if made > due:
            session.add(AlarmRow(task_id=waiting.task_id, alarm="breach", at=due))
        if rng.random() < 0.7:
            session.add(_looked_at_again(rng, waiting, decision))
    done = {"opened_at": opened, "due_at": due, "decided": True, "closed_at": made, "decision_id": decision.id}
    await change(house, WorkItemRow, waiting.task_id, **done)
    await _ended(house, waiting, None if rejected else made)


async def _straight(house: House, paid: datetime) -> None:
    """A card that went through without a person."""
    waiting = await house.cards.waiting(brand_code="jd")
    async with house.database.transaction() as session:
        await session.delete(await session.get_one(WorkItemRow, waiting.task_id))
    await _ended(house, waiting, paid)


async def _ended(house: House, waiting: Waiting, paid: datetime | None) -> None:
    outcome = Outcome.REJECTED if paid is None else Outcome.PAID
    await change(house, CardRow, waiting.card_id, outcome=outcome, stage=Stage.ENDED)
    if paid is None:
        return
    await house.cards.payout(waiting, PayoutState.PAID)
    async with house.database.transaction() as session:
        key = PayoutRow.key == payout_key(waiting.card_id, 1)
        await session.execute(update(PayoutRow).where(key).values(settled_at=paid))


def _looked_at_again(rng: Random, waiting: Waiting, decision: ReviewDecisionRow) -> BlindReviewRow:
    """One in eleven differs; a senior sided with the second reviewer in most of those."""
    first = decision.outcome
    other = ReviewOutcome.APPROVE if first is ReviewOutcome.REJECT else ReviewOutcome.REJECT
    differs, settled = rng.random() < 0.09, rng.random() < 0.8
    at = decision.made_at + 3 * HOUR
    final = first if not differs else other if settled else None
    return BlindReviewRow(
        id=new_id(), decision_id=decision.id, card_id=waiting.card_id, brand=rng.choice(BRANDS), first_person=decision.person_id or "",
        first_circle=[decision.person_id or ""], first_outcome=first, drawn_on=at.date(), drawn_at=at,
        second_person="second", second_circle=["second"], second_outcome=other if differs else first, second_at=at,
        final_outcome=final, settled_at=None if final is None else at,
    )  # fmt: skip


async def news(house: House, person: str, cards: list[Waiting]) -> None:
    """What that person finds under the bell."""
    now = datetime.now(UTC)
    due = (now + 9 * MINUTE).isoformat()
    kinds: tuple[tuple[NoticeKind, dict[str, str]], ...] = (
        (NoticeKind.UPHELD, {}),
        (NoticeKind.CAME_BACK, {"reason": "call_store"}),
        (NoticeKind.RETURNED, {"reason": "look_again"}),
        (NoticeKind.MENTIONED, {}),
        (NoticeKind.ASSIGNED, {}),
        (NoticeKind.WARNING, {"due_at": due}),
        (NoticeKind.BREACH, {"due_at": (now - timedelta(minutes=12)).isoformat()}),
    )
    for (kind, facts), card in zip(kinds, cards, strict=False):
        async with house.database.transaction() as session:
            await tell(session, [person], kind, new_id(), card_id=card.card_id, task_id=card.task_id, **facts)
