"""Sellers ask to be called or object to a decision; an agent takes the request by lease and closes it with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.audit import by_person
from database.sealed import phone_of
from database.tables.cards import CardRow, SubmissionRow
from database.tables.people import SellerRow
from database.tables.review import ReviewCheckRow, ReviewDecisionRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.work import ReasonCodeRow, WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import CallbackWaits
from domain.errors.work import TaskDecided
from domain.identifiers import work_item
from domain.people.roles import Permission
from domain.support.callbacks import CALLBACK, TEAM, WORDS_MAX, CallbackWanted
from domain.work.deadlines import ClockOwner
from domain.work.reason_codes import ReasonedAct
from services.people.kinship import people_linked
from services.people.permissions import require
from services.support.desk import SupportDesk
from services.work import items
from services.work.assignment import require_able
from services.work.leases import audited, require_held
from services.work.reason_codes import require_reason
from services.work.secret_scan import require_no_secret, require_no_secret_about
from services.work.story import record

NOTE_LENGTH_MAX = 2000


@dataclass(frozen=True)
class Asked:
    """What a seller sends."""

    wanted: CallbackWanted
    words: str


@dataclass(frozen=True)
class Callbacks:
    """Requests of sellers from asking to answer. `owner` is `seller:<id>`, `person` a person's id."""

    desk: SupportDesk

    async def ask(self, owner: str, card_id: str, asked: Asked) -> str:
        """Put a request about the seller's card into the queue of support; return its id.

        Refuse NotFound for a card of another seller, FieldInvalid (`words`), SecretInWords, and CallbackWaits while one is open.
        """
        words = _required(asked)
        async with self.desk.database.transaction() as session:
            card, seller = await self._own(session, owner, card_id)
            require_no_secret(self.desk.keyring, card, words)
            number = await _next_number(session, card_id)
            now = self.desk.now()
            task = WorkItemRow(
                id=work_item(card_id, CALLBACK, number), kind=CALLBACK, card_id=card_id, language=seller.locale,
                seller=owner, team=TEAM, value_minor=0, reasons=[asked.wanted.value], opened_at=now, order_at=now,
                warn_at=now, due_at=now, barred=await _decided_by(session, card_id),
            )  # fmt: skip
            task.linked = sorted(await people_linked(session, self.desk.keyring, card_id))
            await items.opened(session, task, ClockOwner.SUPPORT, now)
            row = CallbackRequestRow(
                id=task.id, card_id=card_id, seller=owner, wanted=asked.wanted, words=words,
                phone_masked=seller.phone_masked, language=seller.locale, asked_at=now,
            )  # fmt: skip
            session.add(row)
            await record(session, task, "asked", {"wanted": asked.wanted.value}, actor=owner)
        return task.id

    async def close(self, person: str, task_id: str, reason_code: str, note: str = "") -> None:
        """Close a request that the person holds; the seller reads the reason's words as the answer.

        Refuse NotAllowed, NotFound, ReasonUnknown, TaskDecided, TaskNotHeld, TaskHeldByAnother, OwnWork, NotEligible,
        FieldInvalid (`note`) and SecretInWords.
        """
        if len(note) > NOTE_LENGTH_MAX:
            raise FieldInvalid(field="note", why="too_long")
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_CALLBACKS)
            task, row = await _locked(session, task_id)
            reason, now = await require_reason(session, ReasonedAct.CLOSE_CALLBACK, reason_code), self.desk.now()
            require_held(task, person, now)
            await require_able(session, person, task, now)
            await require_no_secret_about(session, self.desk.keyring, task.card_id, note)
            row.reason_code, row.note, row.closed_by, row.closed_at = reason.code, note.strip(), person, now
            await items.closed(session, task, now)
            session.add(audited(person, "close", task.id, reason.code, **({"note": row.note} if row.note else {})))
            await session.flush()
            await record(session, task, "closed", _answer(reason), actor=f"person:{person}")

    async def telephone(self, person: str, task_id: str) -> str:
        """Return the seller's number to call, on record. Refuse as `close` does to people who do not hold the request."""
        async with self.desk.database.transaction() as session:
            await require(session, person, Permission.ANSWER_CALLBACKS)
            task, row = await _locked(session, task_id)
            require_held(task, person, self.desk.now())
            await require_able(session, person, task, self.desk.now())
            seller = await session.get(SellerRow, row.seller.partition(":")[2])
            if seller is None:
                raise NotFound(seller=row.seller[:40])
            act = "console:callback:telephone"
            session.add(by_person(person, act, task.id, reason=row.wanted.value, facts={}))
            return phone_of(self.desk.keyring, seller)

    async def _own(self, session: AsyncSession, owner: str, card_id: str) -> tuple[CardRow, SellerRow]:
        """The card, locked so that two requests at once come one after the other, and its seller."""
        kind, _, number = owner.partition(":")
        seller = await session.get(SellerRow, number) if kind == "seller" else None
        own = select(CardRow.id).join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        found = await session.execute(own.where(CardRow.id == card_id, SubmissionRow.owner == owner))
        if seller is None or found.scalar_one_or_none() is None:
            raise NotFound(card=card_id[:26])
        return await cards.load_for_update(session, card_id), seller


def _required(asked: Asked) -> str:
    words = asked.words.strip()
    if not words and asked.wanted is CallbackWanted.APPEAL:
        raise FieldInvalid(field="words", why="missing")
    if len(words) > WORDS_MAX:
        raise FieldInvalid(field="words", why="too_long")
    return words


async def _next_number(session: AsyncSession, card_id: str) -> int:
    """The number of the card's next request; the caller holds the card. Refuses CallbackWaits."""
    own = CallbackRequestRow.card_id == card_id
    waits = select(func.count(), func.count().filter(CallbackRequestRow.closed_at.is_(None))).where(own)
    asked, unanswered = (await session.execute(waits)).one()
    if unanswered:
        raise CallbackWaits()
    return int(asked) + 1


async def _decided_by(session: AsyncSession, card_id: str) -> list[str]:
    """Return all who decided or checked the card, with all they acted for: they must not explain their own decision."""
    made = select(ReviewDecisionRow.person_id, ReviewDecisionRow.acting_for).where(ReviewDecisionRow.card_id == card_id)
    checked = (
        select(ReviewCheckRow.person_id, ReviewCheckRow.acting_for)
        .join(ReviewDecisionRow, ReviewDecisionRow.id == ReviewCheckRow.decision_id)
        .where(ReviewDecisionRow.card_id == card_id)
    )
    rows = [*(await session.execute(made)), *(await session.execute(checked))]
    return sorted({one for person, others in rows if person is not None for one in (person, *others)})


async def _locked(session: AsyncSession, task_id: str) -> tuple[WorkItemRow, CallbackRequestRow]:
    task = await session.get(WorkItemRow, task_id, with_for_update=True)
    row = await session.get(CallbackRequestRow, task_id)
    if task is None or row is None:
        raise NotFound(task=task_id[:64])
    if row.closed_at is not None:
        raise TaskDecided(by=row.closed_by or "")
    return task, row


def _answer(reason: ReasonCodeRow) -> dict[str, str]:
    """The answer in each language, as a story keeps facts that people wrote."""
    return {"answer.zh_CN": reason.zh, "answer.en": reason.en}
