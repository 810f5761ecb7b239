"""Reveal a card's number or PIN: only for a claimed task, with a reason, limited per hour; every attempt is in the audit log."""

from __future__ import annotations

from datetime import timedelta

import structlog
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.card_page import open_task
from database.repositories import cards
from database.repositories.audit import by_person
from database.repositories.notices import tell
from database.tables.cards import CardRow
from database.tables.columns import now
from database.tables.people import AuditRow, PersonRow
from database.tables.work import WorkItemRow
from domain.cards.card import Stage
from domain.cards.reading import SECRET_FIELDS, FieldName
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import CardNotRevealed, TooManyTries
from domain.errors.work import NotEligible, OwnWork, TaskDecided, TaskHeldByAnother, TaskNotHeld
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.reveals import RevealPolicy, unusual
from domain.rules.checks import reveal_policy
from domain.work.reason_codes import ReasonedAct
from services.notices.recipients import compliance
from services.people.permissions import require
from services.review.fitness import require_fit
from services.review.reveal_record import PHOTO, REVEAL
from services.work.desk import Desk
from services.work.leases import require_held
from services.work.reason_codes import require_reason

SHOWN = tuple(f"{REVEAL}{field}" for field in (*sorted(SECRET_FIELDS), PHOTO))
REFUSED = f"{REVEAL}refused"
WITHIN = timedelta(hours=1)
# Tries at cards that are no work of the person's at that moment.
_ELSEWHERE = (CardNotRevealed, TaskHeldByAnother, TaskNotHeld, OwnWork, NotEligible)
_log = structlog.get_logger("revealing")


class Reveals:
    """Seeing secrets. `policy` replaces the policy of the rules in tests and trials."""

    def __init__(self, desk: Desk, policy: RevealPolicy | None = None) -> None:
        self._database = desk.database
        self._keyring = desk.keyring
        self._now = desk.now
        self.policy = policy

    async def reveal(self, person: str, card_id: str, field: str, reason_code: str) -> str:
        """Return a card's number or PIN in the clear, with the reason (a code of the list) kept for ever.

        The person must hold the card's open task. Refuses NotSignedIn, NotAllowed, FieldInvalid, ReasonUnknown, NotFound,
        CardNotRevealed for a card that is bought or has ended, TaskNotHeld, TaskHeldByAnother, TaskDecided, OwnWork,
        NotEligible, and TooManyTries to a person at their hourly limit, counted over all processes.
        Every refusal is recorded, and compliance is notified of unusual patterns.
        """
        if field == PHOTO:
            raise FieldInvalid(field="field", why="not_a_secret")
        return await self._on_record(person, card_id, field, reason_code)

    async def uncover(self, person: str, card_id: str, reason_code: str) -> None:
        """Uncover number and PIN in the card's photos for this person (`reveals.uncovered` tells for how long).

        It counts as one look. Refuses, and is recorded, as `reveal`.
        """
        await self._on_record(person, card_id, PHOTO, reason_code)

    async def _on_record(self, person: str, card_id: str, field: str, reason_code: str) -> str:
        try:
            async with self._database.transaction() as session:
                return await self._shown(session, person, card_id, field, reason_code)
        except Refusal as refusal:
            async with self._database.transaction() as session:
                await self._refused(session, person, card_id, field, refusal)
            raise

    async def _shown(self, session: AsyncSession, person: str, card_id: str, field: str, reason_code: str) -> str:
        await require(session, person, Permission.REVEAL)
        if field != PHOTO and field not in SECRET_FIELDS:
            raise FieldInvalid(field="field", why="not_a_secret")
        await require_reason(session, ReasonedAct.REVEAL, reason_code)
        card = await cards.load(session, card_id)
        await self._require_held(session, person, card)
        # One look of one person at a time: two at once would count the same ones before them.
        await session.get_one(PersonRow, person, with_for_update={"key_share": True}, populate_existing=True)
        policy = self._policy()
        if (seen := await _count(session, person, SHOWN)) >= policy.per_hour_max:
            raise TooManyTries(retry_after_s=int(WITHIN.total_seconds()))
        secret = self._opened(card, field)
        act = f"{REVEAL}{field}"
        facts = {"policy": policy.version}
        session.add(by_person(person, act, card_id, reason=reason_code, facts=facts))
        await self._alert(session, person, card.id, shown=seen + 1, refused=0, elsewhere=False)
        return secret

    def _opened(self, card: CardRow, field: str) -> str:
        """The secret; nothing for the photo, which shows it from now on."""
        if field == PHOTO:
            return ""
        secret = (cards.open_number if field == FieldName.NUMBER else cards.open_pin)(self._keyring, card)
        if secret is None:
            raise NotFound(field=field)
        return secret

    async def _require_held(self, session: AsyncSession, person: str, card: CardRow) -> None:
        """An open review of this very card, in this very person's hand, that they may have."""
        if card.outcome is not None or card.stage in (Stage.PAYOUT, Stage.ENDED):
            raise CardNotRevealed()
        task = await open_task(session, card.id)
        if task is None:
            raise TaskNotHeld()
        if task.decided:
            raise TaskDecided(by="")
        require_held(task, person, self._now())
        await require_fit(session, self._keyring, person, task, self._now())

    async def _refused(self, session: AsyncSession, person: str, card_id: str, field: str, why: Refusal) -> None:
        """Record the try. What was sent is kept only where it names something of ours: it may hold a number."""
        card = await session.get(CardRow, card_id)
        task = None if card is None else await open_task(session, card_id)
        facts = {"field": field if field == PHOTO or field in SECRET_FIELDS else "", "why": why.code}
        subject = "" if card is None else card_id
        session.add(by_person(person, REFUSED, subject, facts=facts))
        await session.flush()
        elsewhere = isinstance(why, _ELSEWHERE) and not (isinstance(why, TaskNotHeld) and _ran_out(task, person))
        refused = await _count(session, person, (REFUSED,))
        await self._alert(session, person, subject or None, shown=0, refused=refused, elsewhere=elsewhere)

    async def _alert(
        self, session: AsyncSession, person: str, card_id: str | None, *, shown: int, refused: int, elsewhere: bool
    ) -> None:
        why = unusual(shown, refused, elsewhere=elsewhere, policy=self._policy())
        if why is None:
            return
        _log.error("unusual reading of secrets", person=person, card=card_id, why=why.value)
        key = f"{NoticeKind.UNUSUAL_READING}:{person}:{why}:{now():%Y%m%d%H}"
        recipients = await compliance(session, but=person)
        await tell(session, recipients, NoticeKind.UNUSUAL_READING, key, card_id=card_id, person=person, why=why.value)

    def _policy(self) -> RevealPolicy:
        return self.policy or reveal_policy(business_day(self._now()))


def _ran_out(task: WorkItemRow | None, person: str) -> bool:
    """Their own hold on the task ran out while they worked, which is nothing unusual."""
    return task is not None and task.leased_by == person


async def _count(session: AsyncSession, person: str, acts: tuple[str, ...]) -> int:
    """How often within the hour, in the record itself, so that no process and no restart forgets one."""
    mine = (AuditRow.actor == f"person:{person}", AuditRow.act.in_(acts), AuditRow.at > now() - WITHIN)
    return int((await session.execute(select(func.count()).select_from(AuditRow).where(*mine))).scalar_one())
