"""A review desk to count: its tasks, decisions, alarms and payments, written down twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import AlarmRow, WorkItemRow
from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.finance.payout import PayoutState
from domain.identifiers import new_id, payout_key, review_task
from tests.database.builders import a_card, a_person

HOUR = timedelta(hours=1)


@dataclass
class Town:
    """What was written, for the slow count."""

    session: AsyncSession
    tasks: list[WorkItemRow] = field(default_factory=list)
    decisions: list[ReviewDecisionRow] = field(default_factory=list)
    alarms: set[tuple[str, str]] = field(default_factory=set)
    cards: dict[str, CardRow] = field(default_factory=dict)
    payouts: list[PayoutRow] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)

    async def person(self, name: str) -> str:
        person_id = await a_person(self.session)
        (await self.session.get_one(PersonRow, person_id)).name = name
        self.names[person_id] = name
        return person_id

    async def card(self, card_type: CardType = CardType.ECOMMERCE, brand: str = "jd") -> str:
        row = await a_card(self.session, brand=brand)
        row.card_type = card_type
        self.cards[row.id] = row
        return row.id

    async def task(self, card_id: str, opened_at: datetime, due_in: timedelta = HOUR, **more: Any) -> WorkItemRow:
        card = self.cards[card_id]
        given: dict[str, Any] = {"value_minor": 1, "warn_at": opened_at, **more}
        row = WorkItemRow(
            id=review_task(card_id, 1), card_id=card_id, card_type=card.card_type, brand=card.brand,
            opened_at=opened_at, due_at=opened_at + due_in, **given,
        )  # fmt: skip
        self.session.add(row)
        await self.session.flush()
        self.tasks.append(row)
        return row

    async def decision(
        self, task: WorkItemRow, person: str | None, made_at: datetime, outcome: ReviewOutcome = ReviewOutcome.APPROVE, **more: Any
    ) -> None:  # fmt: skip
        row = ReviewDecisionRow(
            id=new_id(), task_id=task.id, card_id=task.card, person_id=person, outcome=outcome, made_at=made_at, **more
        )  # fmt: skip
        task.decided = row.void_at is None
        task.closed_at = made_at if task.decided else None
        self.session.add(row)
        await self.session.flush()
        self.decisions.append(row)

    async def alarm(self, task: WorkItemRow, alarm: str) -> None:
        self.session.add(AlarmRow(task_id=task.id, alarm=alarm))
        self.alarms.add((task.id, alarm))

    async def paid(self, card_id: str, at: datetime, state: PayoutState = PayoutState.PAID) -> None:
        row = PayoutRow(key=payout_key(card_id, 1), card_id=card_id, amount_minor=1, state=state, settled_at=at)
        self.session.add(row)
        self.payouts.append(row)
        await self.session.flush()
