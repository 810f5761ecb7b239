"""A card's state and story: each change is written with event, evidence, webhook and messages in one statement, or not at all."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, DateTime, String, TextClause, bindparam, exists, select, text, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.plain import DIALECT, Plain, past
from database.sealed import CARD_NUMBER, CARD_PIN
from database.tables.cards import CardRow
from database.tables.columns import now
from domain.cards.card import FREES_FINGERPRINT, EndReason, Outcome, Stage, WaitingFor
from domain.cards.turns import turns
from domain.errors.cards import DuplicateCard
from domain.errors.general import NotFound
from domain.evidence import log
from domain.identifiers import new_id
from domain.rules.brands import Brand, brand
from domain.sealing import KeyRing

PURPOSE = "card"  # The key ring's purpose for numbers and PINs.
LIVE_ONCE, OFFERED_ONCE = "card_once_while_live", "card_offered_once"
# Where the card's fingerprint is put into the leaf; no fact can hold it, since a NUL never enters the database.
FINGERPRINT_HERE = "\x00fingerprint\x00"

# The leaf is written around the fingerprint because only the locked row is sure of it: reading it first would be one
# more round trip for every step of every card. `moved` holds when the card went to another stage or waits for another.
# A card that has ended keeps its state and its end; later events are only added to its history.
RECORD = """
WITH changed AS (
    UPDATE card SET
        stage = CASE WHEN outcome IS NULL THEN :stage ELSE stage END,
        waiting_for = CASE WHEN outcome IS NULL THEN :waiting_for ELSE waiting_for END,
        since = CASE WHEN outcome IS NOT NULL OR (stage = :stage AND waiting_for = :waiting_for) THEN since ELSE :moment END,
        until = CASE WHEN outcome IS NULL THEN :until ELSE until END,
        outcome = coalesce(outcome, :outcome),
        reason = CASE WHEN outcome IS NULL THEN :reason ELSE reason END,
        reason_detail = CASE WHEN outcome IS NULL THEN :reason_detail ELSE reason_detail END,
        live = CASE WHEN outcome IS NULL THEN live AND NOT :frees ELSE live END
    WHERE id = :card_id
    RETURNING *
), event AS (
    INSERT INTO card_event (card_id, at, stage, actor, what, facts)
    SELECT id, :moment, stage, :actor, :what, :facts FROM changed
), proved AS (
    INSERT INTO evidence_leaf (card_id, what, body, leaf_hash, at)
    SELECT id, :what, content::jsonb, sha256('\\x00'::bytea || convert_to(content, 'UTF8')), :moment
    FROM (SELECT id, :before || coalesce('"' || fingerprint || '"', 'null') || :after AS content FROM changed) AS leaf
), announced AS (
    INSERT INTO outbox (id, kind, destination, topic, payload, attempts, due_at)
    SELECT :delivery_id, 'webhook', owner, :topic,
           :payload || jsonb_build_object('submission_id', submission_id, 'position', position), 0, :moment
    FROM changed
    JOIN submission ON submission.id = submission_id AND owner LIKE 'partner:%'
    JOIN partner ON partner.id = substr(owner, 9) AND webhook_url IS NOT NULL
    WHERE since = :moment
), messaged AS (
    INSERT INTO outbox (id, kind, destination, topic, payload, attempts, due_at)
    SELECT turn->>'id', 'message', owner, turn->>'topic', :spoken || jsonb_build_object('brand', brand), 0, (turn->>'at')::timestamptz
    FROM changed
    JOIN submission ON submission.id = submission_id AND owner LIKE 'seller:%'
    JOIN seller ON seller.id = substr(owner, 8)
    CROSS JOIN jsonb_array_elements(:turns) AS turn
    WHERE since = :moment AND NOT ((turn->>'once')::boolean AND EXISTS (
        SELECT FROM outbox AS sent
        WHERE sent.destination = owner AND sent.topic = turn->>'topic' AND sent.payload->>'card_id' = changed.id
    ))
)
SELECT * FROM changed
"""

_MOMENT = DateTime(timezone=True)
_TYPES: dict[str, Any] = {
    "stage": String, "waiting_for": String, "moment": _MOMENT, "until": _MOMENT, "outcome": String, "reason": String,
    "reason_detail": String, "frees": Boolean, "card_id": String, "actor": String, "what": String, "facts": JSONB,
    "before": String, "after": String, "delivery_id": String, "topic": String, "payload": JSONB,
    "turns": JSONB, "spoken": JSONB,
}  # fmt: skip
_BOUND = tuple(bindparam(name, type_=kind) for name, kind in _TYPES.items())
_RECORD: TextClause = text(RECORD).bindparams(*_BOUND)
# The same for the driver, without the card's row.
_NOTE: Any = (
    text(RECORD.replace("SELECT * FROM changed\n", "SELECT 1 FROM changed\n"))
    .bindparams(*_BOUND)
    .compile(dialect=DIALECT)
)


@dataclass(frozen=True)
class Change:
    """One step of a card: its new stage, whom it waits for until when, and the event to record.

    `what` is a key of the story's sentences, `facts` its values: never a secret. `actor` is machine, seller:<id>,
    partner:<id>, person:<id>, outlet:<code> or gateway. With an `outcome` the card has ended.
    """

    stage: Stage
    waiting_for: WaitingFor
    until: datetime | None
    what: str
    facts: dict[str, str] = field(default_factory=dict)
    actor: str = "machine"
    outcome: Outcome | None = None
    reason: EndReason | None = None
    reason_detail: str | None = None


async def record(session: AsyncSession, card_id: str, change: Change) -> CardRow:
    """Moves the card and writes event, evidence leaf, a partner's webhook or a seller's messages: one statement, which locks the card.

    `since` is now when stage or waiting_for changed, and only then a webhook or message is written. A card that has ended keeps
    its state; the event and its leaf are written all the same. An outcome that frees the card's fingerprint frees it.
    Refuses NotFound. Returns the card in its new state.
    """
    statement = select(CardRow).from_statement(_RECORD)
    found = await session.execute(statement, _values(card_id, change), execution_options={"populate_existing": True})
    return _required(found.scalar_one_or_none(), card_id)


async def note(way: AsyncSession | Plain, card_id: str, change: Change) -> None:
    """Do what `record` does past the mapper: a card that the session has loaded stays there as it was. Refuses NotFound."""
    values = _values(card_id, change)
    given = (json.dumps(values[name]) if _TYPES[name] is JSONB else values[name] for name in _NOTE.positiontup)
    if await (await past(way, read=True)).row(_NOTE.string, *given) is None:
        raise NotFound(card=card_id[:26])


async def load(session: AsyncSession, card_id: str) -> CardRow:
    """Return the card in its current state. Refuses NotFound."""
    found = await session.execute(select(CardRow).where(CardRow.id == card_id))
    return _required(found.scalar_one_or_none(), card_id)


async def load_for_update(session: AsyncSession, card_id: str) -> CardRow:
    """Return the card, locked until the transaction ends, refreshed even when the session knows it. Refuses NotFound."""
    statement = select(CardRow).where(CardRow.id == card_id).with_for_update()
    found = await session.execute(statement, execution_options={"populate_existing": True})
    return _required(found.scalar_one_or_none(), card_id)


async def set_fields(
    session: AsyncSession,
    keyring: KeyRing,
    card: CardRow,
    *,
    number: str | None = None,
    pin: str | None = None,
    face_value_minor: int | None = None,
    expires_on: date | None = None,
) -> int:
    """Writes the fields that are given, number and PIN sealed; what is None stays. Returns the fields' new revision.

    `number` is tidied already (`Brand.require_number`). Refuses DuplicateCard when another live card has it with the same PIN, or is offered or bought; the
    transaction continues as if this had not been called.
    """
    values: dict[str, Any] = {"face_value_minor": face_value_minor, "expires_on": expires_on}
    if pin is not None:
        values["pin_sealed"] = CARD_PIN.seal(keyring, card.id, pin)
    if number is not None or pin is not None:
        known = brand(card.brand)
        values["claim"] = claim_of(keyring, known, number or open_number(keyring, card), pin or open_pin(keyring, card))
    if number is not None:
        values["number_sealed"] = CARD_NUMBER.seal(keyring, card.id, number)
        values["number_tail"] = number[-4:]
        values["fingerprint"] = keyring.fingerprint(brand(card.brand).issuer, number)
        if await _held_by_another(session, card.id, values["fingerprint"]):
            raise DuplicateCard()
    given = {name: value for name, value in values.items() if value is not None}
    if number is None and pin is None:
        return await _update(session, card.id, given)
    try:
        async with session.begin_nested():
            return await _update(session, card.id, given)
    except IntegrityError as error:
        if LIVE_ONCE in str(error.orig) or OFFERED_ONCE in str(error.orig):
            raise DuplicateCard() from None  # The cause quotes the row.
        raise


def claim_of(keyring: KeyRing, kind: Brand, number: str | None, pin: str | None) -> str | None:
    """Return the keyed hash by which a live card is submitted only once; None while number or PIN is not known.

    Knowing both proves possession of the card; a number alone can be guessed, and must not keep its true holder out.
    """
    if number is None or (kind.pin is not None and pin is None):
        return None
    return keyring.fingerprint(kind.issuer, number if kind.pin is None else f"{number}\n{pin}")


async def _held_by_another(session: AsyncSession, card_id: str, fingerprint: str) -> bool:
    """Whether another live card with this number is offered or bought: its PIN was proved by then."""
    other = (CardRow.fingerprint == fingerprint, CardRow.live, CardRow.holds_number, CardRow.id != card_id)
    return bool((await session.execute(select(exists().where(*other)))).scalar_one())


async def hold_number(session: AsyncSession, card_id: str) -> bool:
    """Hold the card's number from its offer on; return False when another live card with this number is offered or bought."""
    held = update(CardRow).where(CardRow.id == card_id).values(holds_number=True)
    try:
        async with session.begin_nested():
            await session.execute(held.execution_options(synchronize_session=False))
    except IntegrityError as error:
        if OFFERED_ONCE in str(error.orig):
            return False
        raise
    return True


def open_number(keyring: KeyRing, card: CardRow) -> str | None:
    """Open the card's number; None while it is not known. Raises SealBroken."""
    return CARD_NUMBER.open(keyring, card.id, card.number_sealed)


def open_pin(keyring: KeyRing, card: CardRow) -> str | None:
    """Open the card's PIN; None when it is not known or the brand has none. Raises SealBroken."""
    return CARD_PIN.open(keyring, card.id, card.pin_sealed)


def _values(card_id: str, change: Change) -> dict[str, Any]:
    moment = now()
    before, after = _leaf(card_id, change, moment)
    return {
        "card_id": card_id, "moment": moment, "before": before, "after": after, "stage": change.stage.value,
        "waiting_for": change.waiting_for.value, "until": change.until, "what": change.what, "facts": change.facts,
        "actor": change.actor, "outcome": _text(change.outcome), "reason": _text(change.reason),
        "reason_detail": change.reason_detail, "frees": change.outcome in FREES_FINGERPRINT,
        "delivery_id": new_id(), "topic": f"card.{change.outcome or change.stage}",
        "payload": _payload(card_id, change, moment), "turns": _turns(change, moment), "spoken": _spoken(card_id, change),
    }  # fmt: skip


def _leaf(card_id: str, change: Change, moment: datetime) -> tuple[str, str]:
    """The leaf's canonical JSON, before and after the fingerprint."""
    body = {
        "actor": change.actor, "at": moment.isoformat(), "card_id": card_id, "facts": change.facts,
        "fingerprint": FINGERPRINT_HERE, "outcome": _text(change.outcome), "stage": change.stage.value, "what": change.what,
    }  # fmt: skip
    here = log.canonical({"": FINGERPRINT_HERE})[len(b'{"":') : -1]
    before, after = log.canonical(body).split(here)
    return before.decode(), after.decode()


def _payload(card_id: str, change: Change, moment: datetime) -> dict[str, str | None]:
    """What a partner's webhook says; `submission_id` and `position` are added by the statement."""
    return {
        "card_id": card_id, "stage": change.stage.value, "waiting_for": change.waiting_for.value, "what": change.what,
        "at": moment.isoformat(), "until": change.until.isoformat() if change.until else None,
        "outcome": _text(change.outcome), "reason": _text(change.reason),
    }  # fmt: skip


def _turns(change: Change, moment: datetime) -> list[dict[str, Any]]:
    """The short messages that a seller gets for this change; partners have their webhook."""
    due = turns(change.stage, change.waiting_for, change.outcome, change.until, moment)
    return [{"id": new_id(), "topic": one.message.value, "at": one.at.isoformat(), "once": one.once} for one in due]


def _spoken(card_id: str, change: Change) -> dict[str, str]:
    """What a seller's message names, and for whom the card waits while it is worth sending; `brand` is added by the statement."""
    asks = change.outcome is None and change.waiting_for.value.startswith("seller_")
    until = change.until.isoformat() if change.until is not None and asks else ""
    amount = change.facts.get("amount", "")
    return {"card_id": card_id, "amount": amount, "waits_for": change.waiting_for.value if asks else "", "until": until}


async def _update(session: AsyncSession, card_id: str, values: dict[str, Any]) -> int:
    statement = (
        update(CardRow)
        .where(CardRow.id == card_id)
        .values(**values, fields_revision=CardRow.fields_revision + 1)
        .returning(CardRow)
        .execution_options(populate_existing=True, synchronize_session=False)
    )
    found = await session.execute(statement)
    return _required(found.scalar_one_or_none(), card_id).fields_revision


def _required(card: CardRow | None, card_id: str) -> CardRow:
    if card is None:
        raise NotFound(card=card_id[:26])
    return card


def _text(member: Outcome | EndReason | None) -> str | None:
    return None if member is None else member.value
