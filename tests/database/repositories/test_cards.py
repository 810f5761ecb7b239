"""A card's step: state, story, evidence and webhook stand together, in one statement, under one lock."""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow
from database.tables.columns import now
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.errors.cards import DuplicateCard
from domain.errors.general import NotFound
from domain.evidence import log
from domain.sealing import SealBroken
from tests.builders.statements import statements_of
from tests.database.builders import RING, a_card, a_partner

NUMBER, PIN = "JD7Q2M4K9X1B3T5Z", "481516"


def a_change(stage: Stage = Stage.VERIFICATION, waiting_for: WaitingFor = WaitingFor.MACHINE, **rest: Any) -> Change:
    return Change(stage, waiting_for, rest.pop("until", None), rest.pop("what", "verification.answered"), **rest)


def the_end(outcome: Outcome) -> Change:
    return Change(Stage.ENDED, WaitingFor.NOBODY, None, "card.ended", outcome=outcome, reason=EndReason.DECLINED)


async def rows(session: AsyncSession, sql: str, card: CardRow) -> list[Any]:
    return list((await session.execute(text(sql), {"card": card.id})).all())


async def test_a_step_writes_state_event_leaf_and_webhook(session: AsyncSession) -> None:
    card = await a_card(session, owner=await a_partner(session))
    until = datetime(2026, 11, 30, 8, tzinfo=UTC)
    moved = await cards.record(
        session, card.id, a_change(Stage.OFFER, WaitingFor.SELLER_OFFER, until=until, facts={"amount": "¥465.00"})
    )
    assert (moved.stage, moved.waiting_for, moved.until) == (Stage.OFFER, WaitingFor.SELLER_OFFER, until)
    assert moved is card
    [told] = await rows(session, "SELECT stage, actor, what, facts, at FROM card_event WHERE card_id = :card", card)
    assert tuple(told[:4]) == ("offer", "machine", "verification.answered", {"amount": "¥465.00"})
    [leaf] = await rows(
        session, "SELECT body, leaf_hash, at, tree_index FROM evidence_leaf WHERE card_id = :card", card
    )
    assert leaf.leaf_hash == log.leaf_hash(log.canonical(leaf.body))
    assert (leaf.at, leaf.tree_index) == (told.at, None)
    [webhook] = await rows(session, "SELECT topic, payload FROM outbox WHERE payload ->> 'card_id' = :card", card)
    assert webhook.topic == "card.offer"
    assert webhook.payload["submission_id"] == card.submission_id
    assert webhook.payload["until"] == until.isoformat()


@pytest.mark.parametrize("words", ['"', "\\", "雪 ' ; --", "a\nb\t", "𝄞", '"fingerprint":null', ":moment :card_id"])
async def test_the_leaf_is_hashed_as_python_would_whatever_the_facts_say(session: AsyncSession, words: str) -> None:
    card = await a_card(session)
    await cards.set_fields(session, RING, card, number=NUMBER)
    await cards.record(session, card.id, a_change(facts={"note": words}, actor=f"outlet:{words}"))
    [leaf] = await rows(session, "SELECT body, leaf_hash FROM evidence_leaf WHERE card_id = :card", card)
    assert leaf.leaf_hash == log.leaf_hash(log.canonical(leaf.body))
    assert leaf.body["facts"] == {"note": words}
    assert leaf.body["fingerprint"] == RING.fingerprint("jd", NUMBER)


async def test_since_changes_only_when_the_card_moves_and_only_then_a_webhook_is_written(session: AsyncSession) -> None:
    card = await a_card(session, owner=await a_partner(session))
    first = (await cards.record(session, card.id, a_change())).since
    assert (await cards.record(session, card.id, a_change(facts={"try": "2"}))).since == first
    assert (await cards.record(session, card.id, a_change(waiting_for=WaitingFor.ISSUER))).since > first
    topics = await rows(session, "SELECT topic FROM outbox WHERE payload ->> 'card_id' = :card", card)
    assert len(topics) == 2
    assert len(await rows(session, "SELECT 1 FROM card_event WHERE card_id = :card", card)) == 3


async def test_no_webhook_for_a_seller_or_a_partner_without_an_address(session: AsyncSession) -> None:
    for owner in ("seller:ANY", await a_partner(session, webhook_url=None)):
        card = await a_card(session, owner=owner)
        await cards.record(session, card.id, a_change())
        assert await rows(session, "SELECT 1 FROM outbox WHERE payload ->> 'card_id' = :card", card) == []


@pytest.mark.parametrize("outcome", Outcome)
async def test_an_ended_card_stays_ended_and_later_events_are_recorded(session: AsyncSession, outcome: Outcome) -> None:
    card = await a_card(session, owner=await a_partner(session))
    await cards.record(session, card.id, the_end(outcome))
    late = await cards.record(
        session, card.id, a_change(Stage.PAYOUT, WaitingFor.GATEWAY, what="payout.reported", actor="gateway")
    )
    assert (late.stage, late.waiting_for, late.outcome, late.reason) == (
        Stage.ENDED,
        WaitingFor.NOBODY,
        outcome,
        EndReason.DECLINED,
    )
    assert [row.what for row in await rows(session, "SELECT what FROM card_event WHERE card_id = :card ORDER BY id", card)] == [
        "card.ended", "payout.reported",
    ]  # fmt: skip
    topics = await rows(session, "SELECT topic FROM outbox WHERE payload ->> 'card_id' = :card", card)
    assert [row.topic for row in topics] == [f"card.{outcome.value}"]


async def test_a_step_is_one_statement(session: AsyncSession, engine: AsyncEngine) -> None:
    card = await a_card(session, owner=await a_partner(session))
    with statements_of(engine) as seen:
        await cards.record(session, card.id, a_change())
    assert len(seen) == 1


async def test_a_step_past_the_mapper_writes_what_one_through_it_does(
    session: AsyncSession, engine: AsyncEngine
) -> None:
    owner, told = await a_partner(session), []
    for write in (cards.record, cards.note):
        card = await a_card(session, owner=owner)
        card.confirm_fields = True  # Written before the step, in both.
        await write(session, card.id, a_change(facts={"note": "“ok”"}, until=now()))
        [state] = await rows(
            session, "SELECT stage, waiting_for, until, confirm_fields FROM card WHERE id = :card", card
        )
        [event] = await rows(session, "SELECT stage, actor, what, facts FROM card_event WHERE card_id = :card", card)
        [leaf] = await rows(session, "SELECT body, leaf_hash FROM evidence_leaf WHERE card_id = :card", card)
        [sent] = await rows(session, "SELECT topic, payload FROM outbox WHERE payload ->> 'card_id' = :card", card)
        assert leaf.leaf_hash == log.leaf_hash(log.canonical(leaf.body))
        told.append(
            ((*state[:2], state.confirm_fields), tuple(event), leaf.body["facts"], sent.topic, sorted(sent.payload))
        )
    assert told[0] == told[1]
    with statements_of(engine) as seen:
        await cards.note(session, card.id, a_change())
    assert seen == []  # Of the mapper.
    with pytest.raises(NotFound):
        await cards.note(session, "X", a_change())


async def test_changes_waiting_in_the_session_are_written_before_the_step(session: AsyncSession) -> None:
    card = await a_card(session)
    card.confirm_fields = True
    assert (await cards.record(session, card.id, a_change())).confirm_fields


async def test_a_card_that_is_not_there_is_refused(session: AsyncSession) -> None:
    for reach in (
        cards.load(session, "X"),
        cards.load_for_update(session, "X"),
        cards.record(session, "X", a_change()),
    ):
        with pytest.raises(NotFound):
            await reach


async def test_fields_are_sealed_to_their_card_and_the_revision_rises(session: AsyncSession) -> None:
    card, other = await a_card(session), await a_card(session)
    assert await cards.set_fields(session, RING, card, number=NUMBER, pin=PIN) == 1
    assert await cards.set_fields(session, RING, card, face_value_minor=50_000, expires_on=date(2027, 1, 31)) == 2
    assert (cards.open_number(RING, card), cards.open_pin(RING, card)) == (NUMBER, PIN)
    assert (card.number_tail, card.face_value_minor, card.fields_revision) == ("3T5Z", 50_000, 2)
    [stored] = await rows(
        session, "SELECT card::text AS line, number_sealed, pin_sealed FROM card WHERE id = :card", card
    )
    assert NUMBER not in stored.line
    assert NUMBER.encode() not in stored.number_sealed
    assert PIN.encode() not in stored.pin_sealed
    other.number_sealed = card.number_sealed
    with pytest.raises(SealBroken):
        cards.open_number(RING, other)


async def test_live_card_cannot_be_submitted_twice_and_the_transaction_continues(session: AsyncSession) -> None:
    first, second = await a_card(session), await a_card(session)
    await cards.set_fields(session, RING, first, number=NUMBER, pin=PIN)
    with pytest.raises(DuplicateCard) as refused:
        await cards.set_fields(session, RING, second, number=NUMBER, pin=PIN)
    assert NUMBER not in repr(refused.value)
    assert refused.value.__suppress_context__
    assert (second.fields_revision, second.fingerprint) == (0, None)
    await cards.record(session, second.id, the_end(Outcome.REJECTED))


async def test_number_with_another_pin_blocks_no_seller(session: AsyncSession) -> None:
    first, second, third = [await a_card(session, brand="walmart") for _ in range(3)]
    await cards.set_fields(session, RING, first, number=NUMBER, pin="11111111")
    await cards.set_fields(session, RING, second, number=NUMBER)  # Not proved by anything yet.
    assert await cards.set_fields(session, RING, third, number=NUMBER, pin="22222222") == 1
    with pytest.raises(DuplicateCard):
        await cards.set_fields(session, RING, second, pin="22222222")


@pytest.mark.parametrize("outcome", Outcome)
async def test_a_card_may_come_again_only_after_an_end_that_freed_it(session: AsyncSession, outcome: Outcome) -> None:
    first, second = await a_card(session), await a_card(session)
    await cards.set_fields(session, RING, first, number=NUMBER, pin=PIN)
    await cards.record(session, first.id, the_end(outcome))
    if outcome in (Outcome.PAID, Outcome.PAYMENT_REFUSED):
        with pytest.raises(DuplicateCard):
            await cards.set_fields(session, RING, second, number=NUMBER, pin=PIN)
    else:
        assert await cards.set_fields(session, RING, second, number=NUMBER, pin=PIN) == 1


async def test_of_eight_that_race_with_one_number_exactly_one_gets_it(database: Database) -> None:
    async with database.transaction() as session:
        ids = [(await a_card(session)).id for _ in range(8)]
    number = f"JD{ids[0][-14:]}"

    async def claim(card_id: str) -> bool:
        try:
            async with database.transaction() as session:
                await cards.set_fields(session, RING, await cards.load(session, card_id), number=number, pin=PIN)
        except DuplicateCard:
            return False
        return True

    assert sorted(await asyncio.gather(*map(claim, ids))) == [False] * 7 + [True]


async def test_concurrent_steps_of_one_card_are_all_recorded(database: Database) -> None:
    async with database.transaction() as session:
        card = await a_card(session)

    async def step(number: int) -> None:
        async with database.transaction() as session:
            await cards.record(session, card.id, a_change(facts={"number": str(number)}))

    await asyncio.gather(*map(step, range(8)))
    async with database.transaction() as session:
        told = await rows(session, "SELECT facts ->> 'number' AS number FROM card_event WHERE card_id = :card", card)
        leaves = await rows(session, "SELECT 1 FROM evidence_leaf WHERE card_id = :card", card)
    assert sorted(row.number for row in told) == [str(number) for number in range(8)]
    assert len(leaves) == 8


async def test_a_step_that_is_rolled_back_leaves_no_trace(database: Database) -> None:
    async with database.transaction() as session:
        card = await a_card(session)

    async def broken_step() -> None:
        async with database.transaction() as session:
            await cards.record(session, card.id, a_change(Stage.OFFER))
            raise KeyError("something after the step")

    with pytest.raises(KeyError):
        await broken_step()
    async with database.transaction() as session:
        assert (await cards.load(session, card.id)).stage is Stage.INTAKE
        assert await rows(session, "SELECT 1 FROM evidence_leaf WHERE card_id = :card", card) == []
