"""A verified card is quoted, offered and answered; the assessment says when a person must look first."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from database.repositories import ledger
from database.sealed import READING_VALUES
from database.tables.cards import CardRow, PhotoRow, QuoteRow, ReadingRow
from database.tables.columns import now
from database.tables.finance.ledger import LedgerTransactionRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.cards.intake import SubmittedCard
from domain.cards.pricing import QuoteState
from domain.identifiers import new_id, quote
from domain.money import Currency, Money
from domain.rules.assessment import neighbours_of
from domain.rules.brands import brand
from domain.rules.velocity import SUBJECTS, Velocity
from services.cards import velocity
from services.cards.stock import Stock
from tests.builders.photos import a_photo
from tests.builders.valued import a_valued
from tests.builders.world import PHONES, World, a_number, a_submission, a_typed_card


async def test_the_worked_example_goes_through_the_database_to_the_fen(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.verification.ask_issuer(card_id)
    row = await a_valued(world, card_id)
    assert (row.id, row.amount_minor, row.rate_bp, row.review_reasons) == (quote(card_id, 1), 465_00, 9300, [])
    inside = row.internal
    assert (inside["resale_minor"], inside["spread_minor"], inside["service_fee_minor"]) == (475_00, 10_00, 4_75)
    assert {"stock", "stock_bp"} <= inside.keys()
    assert row.rule_version == "buyback-2026-11"
    assert (inside["limits_version"], inside["velocity_version"]) == ("limits-2026-11", "velocity-2026-11")
    assert [line["kind"] for line in row.lines] == [
        "face_value",
        "base_rate",
        "popularity",
        "validity",
        "demand",
        "quote",
    ]


async def test_valuing_twice_makes_one_quote_and_a_later_one_replaces_it(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.verification.ask_issuer(card_id)
    first = await world.pricing.value(card_id, 1)
    assert await world.pricing.value(card_id, 1) == first
    await world.pricing.value(card_id, 2)
    rows = {row.id: row.state for row in await world.rows(QuoteRow, card_id=card_id)}
    assert rows == {quote(card_id, 1): QuoteState.REPLACED, quote(card_id, 2): QuoteState.OPEN}
    assert (await world.story(card_id)).count("pricing.valued") == 2


async def test_a_partly_used_card_is_priced_on_what_is_left(world: World) -> None:
    card_id = await world.a_card("jd", magic="90")
    await world.verification.ask_issuer(card_id)
    row = await a_valued(world, card_id)
    assert (row.amount_minor, row.review_reasons) == (279_00, [])


async def test_a_foreign_card_is_priced_at_its_locked_rate_and_offered_no_longer_than_it(world: World) -> None:
    card_id = await world.a_card("amazon-us", face_value=Money(500_00, Currency.USD))
    await world.verification.ask_issuer(card_id)
    channel = await world.verification.open_channel(card_id)
    row = await a_valued(world, card_id)
    assert row.currency is Currency.CNY
    basis = Money(500_00, Currency.USD).converted(Decimal(channel.rate), Currency.CNY)
    assert row.internal["basis_minor"] == basis.amount_minor
    assert row.locked_rate["lock_id"] == channel.lock_id
    assert row.locked_rate["source"] == "fx"
    assert (
        timedelta() <= datetime.now(UTC) - datetime.fromisoformat(row.locked_rate["locked_at"]) < timedelta(minutes=1)
    )
    offered = await world.pricing.offer(card_id, row.id)
    assert datetime.fromisoformat(offered.expires_at) <= datetime.fromisoformat(channel.expires_at)


async def test_a_balance_in_another_currency_than_the_cards_is_never_converted(world: World) -> None:
    number = a_number("amazon-us")
    entry = {"brand": "amazon-us", "number": number, "status": "active", "balance_minor": 100_00, "currency": "CNY"}
    (await world.issuer.plain.post("/book", json=entry)).raise_for_status()
    card_id = (await world.submitted(SubmittedCard("amazon-us", number=number))).card_ids[0]
    await world.verification.ask_issuer(card_id)
    await world.verification.open_channel(card_id)
    row = await a_valued(world, card_id)
    assert row.amount_minor == 0
    assert "conflicting_answers" in row.review_reasons


async def test_dining_cards_high_values_and_conflicts_go_to_a_person(world: World) -> None:
    dining = await world.a_card("starbucks")
    await world.verification.ask_store(dining)
    assert (await world.pricing.value(dining, 1)).review_reasons == ("card_type",)
    await world.issuer.control(default_balance_minor=4_000_00)
    dear = await world.a_card("jd", face_value=Money(4_000_00))
    await world.verification.ask_issuer(dear)
    assert (await world.pricing.value(dear, 1)).review_reasons == ("high_value",)
    conflict = await world.a_card("jd", face_value=Money(500_00))
    await world.verification.ask_issuer(conflict)
    assert "conflicting_answers" in (await world.pricing.value(conflict, 1)).review_reasons


@pytest.fixture
def small_caps(monkeypatch: pytest.MonkeyPatch) -> None:
    most = {subject: {"hour": 10**15, "day": 10**15} for subject in SUBJECTS}
    caps = Velocity("small", most | {"payee": {"hour": 1_000_00, "day": 10**15}}, {}, {})
    monkeypatch.setattr(velocity, "velocity_in_force", lambda on: caps)


async def _verified(world: World, payee: str) -> str:
    handed_in = a_submission(a_typed_card("jd", face_value=Money(500_00)), owner=await world.a_seller())
    card_id = (await world.intake.submit(replace(handed_in, payee_account=payee))).card_ids[0]
    await world.verification.ask_issuer(card_id)
    return card_id


async def test_more_money_for_one_payee_than_a_machine_may_commit_in_an_hour_goes_to_a_person(
    world: World, small_caps: None
) -> None:
    await world.issuer.control(default_balance_minor=500_00)
    payee = str(next(PHONES))
    cards = [await _verified(world, payee) for _ in range(4)]
    valued = await asyncio.gather(*(world.pricing.value(card_id, 1) for card_id in cards))
    reasons = [one.review_reasons for one in valued]
    assert sorted(reasons) == [(), (), ("velocity",), ("velocity",)], "two of 465 yuan are within 1,000, also at once"
    async with world.database.transaction() as session:
        for card_id, one in zip(cards, valued, strict=True):
            if one.review_reasons == ():
                (await session.get_one(CardRow, card_id)).outcome = Outcome.REJECTED
    later = await _verified(world, payee)
    assert (await world.pricing.value(later, 1)).review_reasons == ("velocity",), "what a person looks at counts too"
    another = await _verified(world, str(next(PHONES)))
    assert (await world.pricing.value(another, 1)).review_reasons == ()


async def _spendable(world: World, owner: str, brand_code: str, face_minor: int) -> tuple[str, ...]:
    """The review reasons of a card of this face value, which its issuer confirms."""
    await world.issuer.control(default_balance_minor=face_minor)
    face = Money(face_minor, brand(brand_code).currency)
    card_id = await world.a_card(brand_code, face_value=face, owner=owner)
    await world.verification.ask_issuer(card_id)
    return (await world.pricing.value(card_id, 1)).review_reasons


@pytest.mark.parametrize(
    ("brand_code", "face_minor", "reasons"),
    [("walmart", 200_000, ()), ("tmall", 200_000, ()), ("carrefour", 100_000, ()), ("carrefour", 120_000, ("spendable",))],
)  # fmt: skip
async def test_a_high_value_card_that_cannot_be_locked_is_reviewed(
    world: World, brand_code: str, face_minor: int, reasons: tuple[str, ...]
) -> None:
    assert await _spendable(world, await world.a_seller(), brand_code, face_minor) == reasons


async def test_one_sellers_cards_that_nothing_locks_are_counted_over_a_day(world: World) -> None:
    owner, other = await world.a_seller(), await world.a_seller()
    for _ in range(5):
        assert await _spendable(world, owner, "carrefour", 100_000) == ()
    assert await _spendable(world, owner, "carrefour", 100_000) == ("spendable",)
    assert await _spendable(world, owner, "walmart", 100_000) == (), "a locked card is no risk"
    assert await _spendable(world, other, "carrefour", 100_000) == ()


async def test_neighbouring_numbers_of_another_seller_are_suspected_and_ones_own_are_not(world: World) -> None:
    number, seller = a_number("tmall"), await world.a_seller()
    near = next(iter(neighbours_of(brand("tmall"), number)))
    await world.submitted(a_typed_card("tmall", number=number), owner=seller)
    mine = (await world.submitted(a_typed_card("tmall", number=near), owner=seller)).card_ids[0]
    await world.verification.ask_issuer(mine)
    assert "forged_number" not in (await world.pricing.value(mine, 1)).review_reasons
    farther = [one for one in neighbours_of(brand("tmall"), near) if one != number][-1]
    others = (await world.submitted(a_typed_card("tmall", number=farther))).card_ids[0]
    await world.verification.ask_issuer(others)
    assert "forged_number" in (await world.pricing.value(others, 1)).review_reasons


@pytest.mark.parametrize(
    ("use", "confidence_bp", "reason"),
    [("taken", 8_000, "low_confidence"), ("taken", 9_500, None), ("confirmed", 8_000, None),
     ("differs", 9_900, "conflicting_answers"), ("differs", 5_000, None), ("agrees", 5_000, None)],
)  # fmt: skip
async def test_how_surely_it_was_read_counts_until_the_seller_confirms(
    world: World, use: str, confidence_bp: int, reason: str | None
) -> None:
    card = a_typed_card("jd", photos=(a_photo(),))
    card_id = (await world.submitted(card)).card_ids[0]
    (photo,) = await world.rows(PhotoRow, card_id=card_id)
    entry = {"name": "number", "confidence_bp": confidence_bp, "use": use, "box": None, "source": "ocr"}
    reading_id = new_id()
    values = READING_VALUES.seal(world.keyring, reading_id, "{}")
    async with world.database.transaction() as session:
        session.add(
            ReadingRow(
                id=reading_id, card_id=card_id, photo_id=photo.id, reader="t", duration_ms=1, fields=[entry], values_sealed=values
            )
        )  # fmt: skip
    await world.verification.ask_issuer(card_id)
    assert (await world.pricing.value(card_id, 1)).review_reasons == ((reason,) if reason else ())


async def test_an_offer_waits_for_the_seller_and_is_closed_once(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.verification.ask_issuer(card_id)
    valued = await world.pricing.value(card_id, 1)
    offered = await world.pricing.offer(card_id, valued.quote_id)
    assert (offered.accepted, 1700 < offered.expires_in_s <= 1800) == (False, True)
    row = await world.card(card_id)
    assert (row.stage, row.waiting_for, row.until) == (
        Stage.OFFER,
        WaitingFor.SELLER_OFFER,
        datetime.fromisoformat(offered.expires_at),
    )
    again = await world.pricing.offer(card_id, valued.quote_id)
    assert again.expires_at == offered.expires_at
    answers = (QuoteState.ACCEPTED, QuoteState.ACCEPTED, QuoteState.LAPSED)
    await asyncio.gather(*(world.pricing.close(card_id, valued.quote_id, answer) for answer in answers))
    (closed,) = await world.rows(QuoteRow, id=valued.quote_id)
    posted = [one for one in await world.rows(LedgerTransactionRow, card_id=card_id) if one.what == "owed"]
    assert len(posted) == (1 if closed.state is QuoteState.ACCEPTED else 0)
    assert sum(one.startswith("offer.") and one != "offer.made" for one in await world.story(card_id)) == 1


async def test_an_acceptance_posts_what_is_owed_to_the_owner(world: World) -> None:
    card_id, _ = await world.an_accepted_quote()
    async with world.database.transaction() as session:
        owed = await ledger.balance(session, f"seller_payable:{await world.payee_of(card_id)}")
    assert owed == Money(-465_00)


async def test_a_standing_acceptance_that_is_not_met_leaves_the_answer_to_the_seller(world: World) -> None:
    card_id = await world.a_card("jd", accept_at_or_above=Money(465_01))
    await world.verification.ask_issuer(card_id)
    valued = await world.pricing.value(card_id, 1)
    assert not (await world.pricing.offer(card_id, valued.quote_id)).accepted


async def test_stock_counts_what_was_bought_lately_and_at_most_once_a_minute(world: World) -> None:
    moment = [0.0]
    stock = Stock(lambda: moment[0])
    async with world.database.transaction() as session:
        before = await stock.of(session, "carrefour")
    receipt = await world.intake.submit(a_submission(a_typed_card("carrefour"), owner=await world.a_seller()))
    await world.journey.end(receipt.card_ids[0], Outcome.PAID, None, None)
    async with world.database.transaction() as session:
        assert await stock.of(session, "carrefour") == before
        moment[0] = 61.0
        assert await stock.of(session, "carrefour") == before + 1
        card = await session.get_one(type(await world.card(receipt.card_ids[0])), receipt.card_ids[0])
        card.since = now() - timedelta(days=31)
        await session.flush()
        moment[0] = 200.0
        assert await stock.of(session, "carrefour") == before
