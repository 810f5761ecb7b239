"""The decision bar of the card page: the machine's suggestion with its reasons, and everything that can be chosen instead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.card_page import CardRecord
from database.reads.work.reason_codes import reasons as all_reasons
from database.tables.work import WorkItemRow
from domain.cards.reading import SECRET_FIELDS, FieldName
from domain.cards.review import AskedItem
from domain.money import Money
from domain.people.roles import Permission
from domain.review.suggestion import Suggestion
from domain.rules.brands import brand, masked
from domain.sealing import KeyRing
from domain.work.snooze import SnoozeUntil
from reviewer_ui.reason_words import ACT_OF, ReasonView, reason_view
from reviewer_ui.review.card_readings import OpenCard
from reviewer_ui.review.draft import Draft
from reviewer_ui.review.suggesting import suggested
from reviewer_ui.sessions import Person
from services.work import drafts

HIDDEN = "••••••"
PRESETS = tuple(one for one in SnoozeUntil if one is not SnoozeUntil.MOMENT)


@dataclass(frozen=True)
class DecidingView:
    """The bar. `corrected` are the fields that the suggestion takes from the photo, masked where they are secret."""

    suggestion: Suggestion
    reason_words: dict[str, str]  # Of the suggestion's own reason; empty when it has none.
    back_words: dict[str, str]  # Of the reason for which the task came back; empty when it has none.
    corrected: tuple[tuple[FieldName, str | Money | date], ...]
    reasons: dict[str, tuple[ReasonView, ...]]  # By ReasonedAct value.
    items: tuple[AskedItem, ...]
    presets: tuple[SnoozeUntil, ...]
    may_take_over: bool
    left_at: datetime | None  # When the decision that was made leaves, while it can be undone.


async def deciding_view(session: AsyncSession, card: OpenCard, person: Person, moment: datetime) -> DecidingView | None:
    """Prepare the decision bar for this person; None where no decision is pending, or they may not decide."""
    record = card.record
    if record.task is None or record.task.closed_at is not None or not person.may(Permission.DECIDE):
        return None
    found, kind = suggested(card), brand(record.card.brand)
    offered = {act.value: tuple(reason_view(row) for row in rows) for act, rows in (await all_reasons(session)).items()}
    named = offered.get(found.suggestion.outcome.value, ()) if found.suggestion.outcome else ()
    return DecidingView(
        suggestion=found.suggestion,
        reason_words=next((one.words for one in named if one.code == found.suggestion.reason_code), {}),
        back_words=_back_words(record.task, offered),
        corrected=tuple((name, _shown(name, text, record)) for name, text in found.values.items()),
        reasons=offered,
        items=tuple(item for item in AskedItem if item is not AskedItem.PIN or kind.pin is not None),
        presets=PRESETS,
        may_take_over=person.may(Permission.TAKE_OVER),
        left_at=_undoable_until(record, person, moment),
    )


async def kept_draft(session: AsyncSession, keyring: KeyRing, person: Person, record: CardRecord) -> Draft:
    """Return what this person entered on the card's open task before; another person's draft is never opened."""
    if record.task is None or record.task.closed_at is not None or record.task.decided:
        return Draft()
    return Draft.of(await drafts.kept(session, keyring, record.task.id, person.id))


def _back_words(task: WorkItemRow, offered: dict[str, tuple[ReasonView, ...]]) -> dict[str, str]:
    act = ACT_OF.get(task.came_back) if task.came_back is not None else None
    listed = offered.get(act.value, ()) if act is not None else ()
    return next((one.words for one in listed if one.code == task.came_back_reason), {})


def _undoable_until(record: CardRecord, person: Person, moment: datetime) -> datetime | None:
    made = record.standing_decision
    if made is None or made.person_id != person.id or made.sent_at is not None:
        return None
    return made.effective_at if made.effective_at > moment else None


def _shown(name: FieldName, text: str, record: CardRecord) -> str | Money | date:
    if name in SECRET_FIELDS:
        return masked(text) if name is FieldName.NUMBER else HIDDEN
    if name is FieldName.FACE_VALUE:
        return Money.from_decimal_text(text, record.card.currency)
    return date.fromisoformat(text)
