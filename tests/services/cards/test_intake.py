"""A card is submitted: whole or not at all, once per key, and never the same card twice."""

import asyncio
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import typst

from database.tables.cards import CardRow, PhotoRow, SubmissionRow
from database.tables.evidence import LeafRow
from domain.cards.card import CardType, EndReason, Outcome, Stage, WaitingFor
from domain.cards.facts import SubmissionReceipt
from domain.cards.intake import PHOTOS_MAX, SubmittedCard
from domain.errors.base import Refusal
from domain.errors.cards import (
    BrandUnknown,
    CardExpired,
    CardNumberInvalid,
    DuplicateCard,
    FaceValueInvalid,
    NotExpectedNow,
    NothingToRead,
    PinInvalid,
)
from domain.errors.files import PhotoEmpty, TooManyPhotos
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.finance.payee import masked_account
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.rules.brands import catalogue_version
from services.cards.corrections import Corrections
from tests.builders.photos import a_photo
from tests.builders.world import World, a_number, a_submission, a_typed_card


async def test_typed_card_is_accepted_with_history_and_evidence(world: World) -> None:
    card = a_typed_card("walmart")
    receipt = await world.submitted(card)
    row = await world.card(receipt.card_ids[0])
    assert (row.stage, row.waiting_for, row.live) == (Stage.INTAKE, WaitingFor.MACHINE, True)
    assert row.number_tail == str(card.number)[-4:]
    assert str(card.number).encode() not in bytes(row.number_sealed or b"")
    assert await world.story(row.id) == ["intake.submitted"]
    [leaf] = await world.rows(LeafRow, card_id=row.id, what="intake.submitted")
    assert leaf.body["facts"]["brands_version"] == catalogue_version(), "the rules that the number was judged by"
    assert len(await world.rows(LeafRow, card_id=row.id)) == 1
    to_buy = await world.intake.card_to_buy(row.id)
    assert (to_buy.card_type, to_buy.issuer, to_buy.has_photos) == (CardType.SUPERMARKET, "walmart", False)


async def test_the_same_key_with_the_same_content_gets_the_same_receipt(world: World) -> None:
    submission = a_submission(a_typed_card(), owner=await world.a_seller())
    first = await world.intake.submit(submission)
    again = await world.intake.submit(submission)
    assert again == replace(first, repeated=True)
    with pytest.raises(IdempotencyKeyReused):
        await world.intake.submit(replace(submission, cards=(a_typed_card(),)))


async def test_concurrent_requests_with_one_key_make_one_submission(world: World) -> None:
    submission = a_submission(a_typed_card(), owner=await world.a_seller())
    receipts = await asyncio.gather(*(world.intake.submit(submission) for _ in range(6)))
    assert len({receipt.submission_id for receipt in receipts}) == 1
    assert sorted(receipt.repeated for receipt in receipts) == [False, True, True, True, True, True]
    assert len(await world.rows(SubmissionRow, owner=submission.owner)) == 1


async def test_card_in_two_concurrent_submissions_is_accepted_once(world: World) -> None:
    card = a_typed_card()
    sellers = [await world.a_seller() for _ in range(6)]
    taken = await asyncio.gather(*(world.submitted(card, owner=one) for one in sellers), return_exceptions=True)
    assert sum(isinstance(one, SubmissionReceipt) for one in taken) == 1
    assert sum(isinstance(one, DuplicateCard) for one in taken) == 5
    assert len(await world.rows(CardRow, fingerprint=world.keyring.fingerprint("jd", str(card.number)))) == 1


async def test_one_invalid_card_refuses_the_submission(world: World) -> None:
    seller, twice = await world.a_seller(), a_typed_card()
    with pytest.raises(DuplicateCard) as refused:
        await world.submitted(a_typed_card(), twice, twice, owner=seller)
    assert refused.value.data == {"card": 2}
    assert await world.rows(SubmissionRow, owner=seller) == []


async def test_unsold_card_may_be_resubmitted_and_a_sold_one_may_not(world: World) -> None:
    card = a_typed_card()
    first = await world.submitted(card)
    await world.journey.end(first.card_ids[0], Outcome.REJECTED, EndReason.FROZEN, None)
    second = await world.submitted(card)
    await world.journey.end(second.card_ids[0], Outcome.PAID, None, None)
    with pytest.raises(DuplicateCard):
        await world.submitted(card)


@pytest.mark.parametrize(
    ("card", "refusal"),
    [
        (SubmittedCard("jd"), NothingToRead),
        (replace(a_typed_card(), brand="nobody"), BrandUnknown),
        (replace(a_typed_card(), number="JD00"), CardNumberInvalid),
        (replace(a_typed_card("walmart"), number="6225880137246885"), CardNumberInvalid),
        (replace(a_typed_card("walmart"), pin=None), PinInvalid),
        (replace(a_typed_card("walmart"), pin="12"), PinInvalid),
        (replace(a_typed_card(), face_value=Money(0)), FaceValueInvalid),
        (replace(a_typed_card(), face_value=Money(-500_00)), FaceValueInvalid),
        (replace(a_typed_card(), face_value=Money(10**12)), FaceValueInvalid),
        (replace(a_typed_card(), face_value=Money(500_00, Currency.USD)), FaceValueInvalid),
        (replace(a_typed_card(), expiry=date(2020, 1, 1)), CardExpired),
        (SubmittedCard("jd", photos=(b"",)), PhotoEmpty),
    ],
)
async def test_each_card_error_has_its_own_refusal(world: World, card: SubmittedCard, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        await world.submitted(card)


async def test_a_partners_supermarket_card_needs_a_telephone_for_its_code(world: World) -> None:
    submission = a_submission(a_typed_card("walmart"), owner="partner:P1")
    with pytest.raises(FieldInvalid):
        await world.intake.submit(replace(submission, payee_account="wang@example.com"))
    assert (await world.intake.submit(submission)).card_ids


async def test_photos_are_kept_and_replaced_when_a_reviewer_asks(world: World) -> None:
    receipt = await world.submitted(SubmittedCard("jd", photos=(a_photo(),)))
    (card_id,) = receipt.card_ids
    with pytest.raises(NotExpectedNow):
        await world.intake.replace_photo(card_id, a_photo("red"), "seller:S")
    await world.awaits(card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_photo")
    await world.intake.replace_photo(card_id, a_photo("red"), "seller:S")
    kept = sorted(await world.rows(PhotoRow, card_id=card_id), key=lambda row: row.created_at)
    assert [row.current for row in kept] == [False, True]
    assert world.photos.read(kept[1].stored_sha256)[:2] == b"\xff\xd8"


async def test_only_the_requested_item_is_accepted(world: World) -> None:
    (card_id,) = (await world.submitted(SubmittedCard("walmart", photos=(a_photo(),)))).card_ids
    await world.awaits(card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_photo")
    for swap in ({"number": a_number("walmart")}, {"pin": "123456"}, {"face_value": Money(100_00)}, {}):
        with pytest.raises(NotExpectedNow) as refused:
            await world.intake.correct_fields(card_id, **swap, actor="seller:S")
        assert refused.value.data["asked_item"] == "photo"
    await world.awaits(card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_pin")
    with pytest.raises(NotExpectedNow):
        await world.intake.replace_photo(card_id, a_photo("red"), "seller:S")
    with pytest.raises(NotExpectedNow):
        await world.intake.correct_fields(card_id, number=a_number("walmart"), pin="123456", actor="seller:S")
    card = await world.card(card_id)
    assert (card.number_sealed, card.pin_sealed, card.fields_revision) == (None, None, 0)


async def test_photo_is_refused_while_fields_are_awaited(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    with pytest.raises(NotExpectedNow):
        await world.intake.replace_photo(card_id, a_photo("red"), "seller:S")
    assert await world.rows(PhotoRow, card_id=card_id) == []


async def test_the_seller_corrects_fields_only_when_asked_and_only_by_the_rules(world: World) -> None:
    card_id = (await world.submitted(SubmittedCard("walmart", photos=(a_photo(),)))).card_ids[0]
    with pytest.raises(NotExpectedNow):
        await world.intake.correct_fields(card_id, number=a_number("walmart"), actor="seller:S")
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    with pytest.raises(CardNumberInvalid):
        await world.intake.correct_fields(card_id, number="1234", actor="seller:S")
    with pytest.raises(PinInvalid):
        await world.intake.correct_fields(card_id, number=a_number("walmart"), actor="seller:S")
    revision = await world.intake.correct_fields(card_id, number=a_number("walmart"), pin="604128", actor="seller:S")
    assert revision == (await world.card(card_id)).fields_revision == 1
    assert (await world.story(card_id))[-1] == "intake.fields_confirmed"


async def test_a_correction_to_a_card_that_is_live_elsewhere_is_refused(world: World) -> None:
    other = a_typed_card()
    await world.submitted(other)
    card_id = (await world.submitted(SubmittedCard("jd", photos=(a_photo(),)))).card_ids[0]
    await world.awaits(card_id, Stage.READING, WaitingFor.SELLER_FIELDS)
    with pytest.raises(DuplicateCard):
        await world.intake.correct_fields(card_id, number=other.number, actor="seller:S")
    assert (await world.card(card_id)).number_sealed is None


async def test_cards_whose_workflow_never_started_are_found_until_they_are(world: World) -> None:
    card_id = await world.a_card()
    assert card_id in await world.intake.not_started(1000)
    await world.intake.mark_started(card_id)
    assert card_id not in await world.intake.not_started(1000)


def test_payees_are_shown_masked_and_corrections_survive_their_sealing() -> None:
    assert masked_account("13800000021") == "138****0021"
    assert masked_account("wangfang@example.com") == "wa***@example.com"
    given = Corrections("1", "2", Money(5_00, Currency.USD), datetime.now(UTC).date() + timedelta(days=1))
    assert Corrections.from_json(given.to_json()) == given
    assert Corrections.from_json(Corrections(pin=new_id()).to_json()).number is None


async def test_every_page_of_a_pdf_is_a_photo_of_its_card(world: World, tmp_path: Path) -> None:
    source = tmp_path / "card.typ"
    source.write_text("#set page(width: 85mm, height: 54mm)\nGift card\n#pagebreak()\nTerms")
    pdf = typst.compile(source)
    receipt = await world.submitted(SubmittedCard("jd", photos=(pdf, a_photo()), confirm_fields=True))
    rows = sorted(await world.rows(PhotoRow, card_id=receipt.card_ids[0]), key=lambda row: row.position)
    assert [row.position for row in rows] == [0, 1, 2]
    assert rows[0].original_sha256 == rows[1].original_sha256 != rows[2].original_sha256
    assert len({row.stored_sha256 for row in rows}) == 3
    with pytest.raises(TooManyPhotos) as refused:
        await world.submitted(SubmittedCard("jd", photos=(pdf,) * (PHOTOS_MAX // 2 + 1), confirm_fields=True))
    assert refused.value.data == {"most": PHOTOS_MAX}
