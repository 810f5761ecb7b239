"""The outside is asked: each status has its consequence, each call its record and cost, each failure its translation."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select
from temporalio.exceptions import ApplicationError

from activities.verification.inquiry import Verification
from database.tables.cards import AnswerRow, CardRow, DynamicCodeRow, OutletRequestRow, OutletRow
from database.tables.finance.ledger import LedgerTransactionRow
from domain.cards.card import CardStatus, EndReason, Stage, WaitingFor
from domain.cards.verification import Consequence, DynamicCodeResult, Party
from domain.errors.cards import OutletUnknown
from domain.errors.finance import AmountMismatch
from domain.errors.general import FieldInvalid, NotFound, SignatureInvalid
from domain.identifiers import new_id
from domain.money import Currency, Money
from simulators.signatures import outlet_secret, signature
from tests.builders.outlets import an_outlet, reported
from tests.builders.world import World, a_number
from tests.simulators.running import SECRET


async def test_an_active_card_proceeds_and_is_asked_for_its_purchases(world: World) -> None:
    card_id = await world.a_card("jd")
    facts = await world.verification.ask_issuer(card_id)
    assert (facts.status, facts.consequence, facts.balance_minor) == (CardStatus.ACTIVE, Consequence.PROCEED, 500_00)
    assert facts.review_reasons == ()
    answers = sorted(await world.rows(AnswerRow, card_id=card_id), key=lambda row: row.id)
    assert [row.operation for row in answers] == ["inquire", "consumption"]
    assert [row.cost_fen for row in answers] == [10, 10]
    posted = await world.rows(LedgerTransactionRow, card_id=card_id)
    assert [one.what for one in posted] == ["issuer_cost", "issuer_cost"]  # One for each call, as it is billed.
    row = await world.card(card_id)
    assert (row.stage, row.waiting_for) == (Stage.VERIFICATION, WaitingFor.MACHINE)


@pytest.mark.parametrize(
    ("magic", "status", "consequence", "reason", "review"),
    [
        ("90", CardStatus.PARTLY_USED, Consequence.PROCEED, None, ()),
        ("91", CardStatus.FROZEN, Consequence.REJECT, EndReason.FROZEN, ()),
        ("92", CardStatus.LOST, Consequence.REJECT, EndReason.LOST, ()),
        ("93", CardStatus.NOT_ACTIVATED, Consequence.REJECT, EndReason.NOT_ACTIVATED, ()),
        ("94", CardStatus.EXPIRED, Consequence.REJECT, EndReason.EXPIRED, ()),
        ("95", CardStatus.UNKNOWN, Consequence.REVIEW, None, ("issuer_unknown",)),
        ("96", CardStatus.ACTIVE, Consequence.PROCEED, None, ("conflicting_answers",)),
    ],
)
async def test_every_status_has_its_consequence(
    world: World,
    magic: str,
    status: CardStatus,
    consequence: Consequence,
    reason: EndReason | None,
    review: tuple[str, ...],
) -> None:
    facts = await world.verification.ask_issuer(await world.a_card("tmall", magic=magic))
    assert (facts.status, facts.consequence, facts.end_reason) == (status, consequence, reason)
    told = (
        tuple(one for one in facts.review_reasons if one != "conflicting_answers") if reason else facts.review_reasons
    )
    assert told == review


async def test_wrong_pin_needs_review_and_empty_card_does_not(world: World) -> None:
    wrong = await world.verification.ask_issuer(await world.a_card("tmall", pin="00000000"))
    assert (wrong.consequence, wrong.review_reasons) == (Consequence.REVIEW, ("wrong_pin",))
    await world.issuer.control(default_balance_minor=0)
    empty = await world.verification.ask_issuer(await world.a_card("jd", face_value=None))
    assert (empty.consequence, empty.end_reason) == (Consequence.REJECT, EndReason.NOTHING_LEFT)


async def test_an_issuer_in_maintenance_is_recorded_and_asked_again_when_it_says(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.issuer.control(maintenance="jd", maintenance_retry_s=30)
    with pytest.raises(ApplicationError) as failed:
        await world.verification.ask_issuer(card_id)
    assert failed.value.type == "gateway_unavailable"
    assert not failed.value.non_retryable
    assert failed.value.next_retry_delay == timedelta(seconds=30)
    (row,) = await world.rows(AnswerRow, card_id=card_id)
    assert (row.failure, row.status) == ("unavailable", CardStatus.UNKNOWN)
    silence = await world.verification.record_silence(card_id, Party.ISSUER)
    assert (silence.consequence, silence.review_reasons) == (Consequence.REVIEW, ("issuer_unknown",))


async def test_a_failed_call_is_recorded_with_the_time_it_took(world: World) -> None:
    card_id = await world.a_card("jd")
    await world.issuer.control(maintenance="jd", latency_ms=120)
    with pytest.raises(ApplicationError):
        await world.verification.ask_issuer(card_id)
    (row,) = await world.rows(AnswerRow, card_id=card_id)
    assert row.failure == "unavailable"
    assert row.latency_ms >= 120


async def test_a_store_answers_for_dining_cards(world: World) -> None:
    facts = await world.verification.ask_store(await world.a_card("starbucks"))
    assert (facts.status, facts.balance_minor) == (CardStatus.ACTIVE, 500_00)
    await world.pos.control(answer="unknown")
    unsure = await world.verification.ask_store(await world.a_card("wanda"))
    assert (unsure.consequence, unsure.review_reasons) == (Consequence.REVIEW, ("issuer_unknown",))


async def test_the_code_goes_to_the_seller_and_three_wrong_ones_are_all_there_are(world: World) -> None:
    card_id = await world.a_card("walmart")
    sent = await world.verification.send_code(card_id, 1)
    assert sent.number == 1
    assert datetime.fromisoformat(sent.expires_at) > datetime.now(UTC)
    wrong = [await world.verification.check_code(card_id, 1, code) for code in ("00000x", "00000y", "00000z")]
    assert [one.result for one in wrong] == [DynamicCodeResult.WRONG] * 3
    assert [one.tries_left for one in wrong] == [2, 1, 0]


async def test_the_right_code_is_right_and_a_repeated_question_costs_no_try(world: World) -> None:
    card_id = await world.a_card("walmart")
    await world.verification.send_code(card_id, 1)
    messages = (await world.messages.plain.get("/v1/messages")).json()
    code = next(word for word in messages[0]["text"].replace("，", " ").split() if word.isdigit() and len(word) == 6)
    assert (await world.verification.check_code(card_id, 1, "00000x")).tries_left == 2
    checked = await world.verification.check_code(card_id, 1, code)
    assert (checked.result, checked.tries_left) == (DynamicCodeResult.RIGHT, 2)
    assert (await world.verification.check_code(card_id, 1, code)).result is DynamicCodeResult.RIGHT
    await world.verification.send_code(card_id, 1)
    (row,) = await world.rows(DynamicCodeRow, card_id=card_id)
    assert row.tries == 1


async def test_the_same_wrong_code_typed_twice_is_one_try(world: World) -> None:
    card_id = await world.a_card("walmart")
    await world.verification.send_code(card_id, 1)
    twice = [await world.verification.check_code(card_id, 1, "00000x") for _ in range(2)]
    assert [one.tries_left for one in twice] == [2, 2]
    assert len(await world.rows(AnswerRow, card_id=card_id, operation="check_code")) == 1


async def test_an_expired_code_costs_no_try(world: World) -> None:
    await world.issuer.control(code_ttl_s=0)
    card_id = await world.a_card("walmart")
    await world.verification.send_code(card_id, 1)
    checked = await world.verification.check_code(card_id, 1, "123456")
    assert (checked.result, checked.tries_left) == (DynamicCodeResult.EXPIRED, 3)


async def test_a_licensed_channel_locks_a_rate_and_a_suspended_one_does_not(world: World) -> None:
    facts = await world.verification.open_channel(await world.a_card("amazon-us"))
    assert facts.licensed
    assert 6 < float(facts.rate) < 8
    await world.fx.control(suspended_channels="amazon-us", licensed_channels="")
    closed = await world.verification.open_channel(await world.a_card("amazon-us"))
    assert (closed.licensed, closed.lock_id, closed.rate) == (False, "", "")


async def test_a_rate_is_locked_once_for_the_verified_balance_and_again_when_it_expired(world: World) -> None:
    number = a_number("amazon-us")
    entry = {"brand": "amazon-us", "number": number, "status": "active", "balance_minor": 73_00, "currency": "USD"}
    (await world.issuer.plain.post("/book", json=entry)).raise_for_status()
    card_id = await world.a_card("amazon-us", number=number)
    await world.verification.ask_issuer(card_id)
    first, again = [await world.verification.open_channel(card_id) for _ in range(2)]
    assert (again.lock_id, again.expires_at) == (first.lock_id, first.expires_at)
    request_id = (await world.rows(AnswerRow, card_id=card_id, operation="lock"))[0].request_id
    repeated = {"request_id": request_id, "pair": "USD/CNY", "amount_minor": 1, "side": "buy", "ttl_s": 60}
    assert (await world.fx.channel.post("/v1/rates/lock", repeated)).fields["amount_minor"] == 73_00
    parties, later = world.verification._parties, datetime.now(UTC) + timedelta(days=2)
    tomorrow = Verification(world.database, world.keyring, parties, now=lambda: later)
    assert (await tomorrow.open_channel(card_id)).lock_id != first.lock_id


async def test_a_lock_whose_stored_end_has_no_zone_is_followed_by_a_new_one_and_ends_no_offer(world: World) -> None:
    card_id = await world.a_card("amazon-us", face_value=Money(500_00, Currency.USD))
    await world.verification.ask_issuer(card_id)
    first = await world.verification.open_channel(card_id)
    async with world.database.transaction() as session:
        for row in (await session.execute(select(AnswerRow).where(AnswerRow.card_id == card_id))).scalars():
            if row.operation == "lock":
                row.details = {**row.details, "expires_at": "2099-01-01T00:00:00"}
    quote_id = (await world.pricing.value(card_id, 1)).quote_id
    offered = await world.pricing.offer(card_id, quote_id)
    assert timedelta(0) < datetime.fromisoformat(offered.expires_at) - datetime.now(UTC) < timedelta(days=2)
    assert (await world.verification.open_channel(card_id)).lock_id != first.lock_id


OWN = outlet_secret(SECRET, "outlet-1")


async def test_an_outlet_is_asked_and_its_first_signed_report_counts(world: World) -> None:
    await an_outlet(world)
    card_id = await world.a_card("hualian")
    asked = await world.verification.ask_outlet(card_id)
    assert (await world.card(card_id)).waiting_for is WaitingFor.OUTLET
    body = reported(asked.request_id)
    heard = await world.outlet_reports.receive(body, signature(OWN, body))
    assert heard is not None
    assert (heard.card_id, heard.confirmed) == (card_id, True)
    assert await world.outlet_reports.receive(body, signature(OWN, body)) == heard
    changed_mind = reported(asked.request_id, verdict="denied", face=None)
    assert await world.outlet_reports.receive(changed_mind, signature(OWN, changed_mind)) == heard
    facts = await world.verification.record_outlet_report(card_id, asked.request_id, True)
    assert (facts.consequence, facts.balance_minor) == (Consequence.PROCEED, 500_00)
    again = await world.verification.record_outlet_report(card_id, asked.request_id, False)
    assert again.consequence is Consequence.PROCEED, "the row's answer counts, whatever the message says"


async def test_an_outlet_that_denies_the_card_ends_it(world: World) -> None:
    await an_outlet(world)
    card_id = await world.a_card("hualian")
    asked = await world.verification.ask_outlet(card_id)
    body = reported(asked.request_id, verdict="denied", face=None)
    await world.outlet_reports.receive(body, signature(OWN, body))
    denied = await world.verification.record_outlet_report(card_id, asked.request_id, True)
    assert (denied.consequence, denied.end_reason) == (Consequence.REJECT, EndReason.OUTLET_DENIED)


async def test_a_confirmation_that_no_outlet_sent_leaves_the_card_to_a_person(world: World) -> None:
    await an_outlet(world)
    mine, other = await world.a_card("hualian"), await world.a_card("hualian", magic="12")
    answered = await world.verification.ask_outlet(other)
    body = reported(answered.request_id)
    await world.outlet_reports.receive(body, signature(OWN, body))
    pending = await world.verification.ask_outlet(mine)
    for request_id in (pending.request_id, answered.request_id, "made-up"):
        facts = await world.verification.record_outlet_report(mine, request_id, True)
        assert (facts.consequence, facts.review_reasons) == (Consequence.REVIEW, ("outlet_silent",))


async def test_another_look_that_a_reviewer_wants_is_a_question_of_its_own(world: World) -> None:
    await an_outlet(world)
    card_id = await world.a_card("hualian")
    first, second, repeated = [await world.verification.ask_outlet(card_id, again) for again in (0, 1, 1)]
    assert first.request_id != second.request_id == repeated.request_id
    dining = await world.a_card("starbucks")
    for again in (0, 1):
        await world.verification.ask_store(dining, again)
    asked = await world.rows(AnswerRow, card_id=dining)
    assert len({row.request_id for row in asked}) == 2


async def test_a_report_that_is_forged_strange_or_of_another_worth_changes_nothing(world: World) -> None:
    await an_outlet(world)
    asked = await world.verification.ask_outlet(await world.a_card("hualian"))
    await an_outlet(world, "of-no-brand", "outlet-2")
    others = outlet_secret(SECRET, "outlet-2")
    bad = [
        (reported(asked.request_id), "another-secret", SignatureInvalid),
        (reported(asked.request_id), others, SignatureInvalid),
        (reported(asked.request_id), SECRET, SignatureInvalid),
        (reported(asked.request_id, outlet="nobody"), OWN, SignatureInvalid),
        (b"{}", OWN, FieldInvalid),
        (reported("nobody-asked"), OWN, NotFound),
        (reported(asked.request_id, outlet="outlet-2"), others, OutletUnknown),
        (reported(asked.request_id, face=400_00), OWN, AmountMismatch),
        (reported(asked.request_id, face=None), OWN, AmountMismatch),
    ]
    for body, secret, refusal in bad:
        with pytest.raises(refusal):
            await world.outlet_reports.receive(body, signature(secret, body))
    pending = reported(asked.request_id, verdict="pending", face=None)
    assert await world.outlet_reports.receive(pending, signature(OWN, pending)) is None
    (request,) = await world.rows(OutletRequestRow, id=asked.request_id)
    assert request.answered_at is None


async def test_a_confirmation_without_a_face_value_is_refused_also_where_the_card_claims_none(world: World) -> None:
    await an_outlet(world)
    card_id = await world.a_card("hualian")
    asked = await world.verification.ask_outlet(card_id)
    async with world.database.transaction() as session:
        (await session.get_one(CardRow, card_id)).face_value_minor = None
    body = reported(asked.request_id, face=None)
    with pytest.raises(AmountMismatch):
        await world.outlet_reports.receive(body, signature(OWN, body))
    (request,) = await world.rows(OutletRequestRow, id=asked.request_id)
    assert request.answered_at is None


async def test_missing_outlet_times_out_immediately(world: World) -> None:
    async with world.database.transaction() as session:
        row = await session.get(OutletRow, "outlet-1")
        if row is not None:
            row.active = False
    card_id = await world.a_card("hualian")
    asked = await world.verification.ask_outlet(card_id)
    assert datetime.fromisoformat(asked.deadline) <= datetime.now(UTC)
    silence = await world.verification.record_silence(card_id, Party.OUTLET)
    assert silence.review_reasons == ("outlet_silent",)


async def test_an_unknown_card_is_a_refusal_that_is_not_tried_again(world: World) -> None:
    with pytest.raises(ApplicationError) as failed:
        await world.verification.ask_issuer(new_id())
    assert (failed.value.type, failed.value.non_retryable) == ("not_found", True)


async def test_money_of_a_partly_used_card_is_what_is_left(world: World) -> None:
    facts = await world.verification.ask_issuer(await world.a_card("jd", magic="90"))
    assert Money(facts.balance_minor or 0) == Money(300_00)


async def test_an_outlet_s_old_and_new_secret_both_count_until_the_old_one_is_retired(world: World) -> None:
    new = "the secret that takes its place"
    await an_outlet(world)
    asked = await world.verification.ask_outlet(await world.a_card("hualian"))
    body = reported(asked.request_id)
    sealed = world.keyring.seal_text(new, purpose="outlet", aad="outlet:outlet-1:secret")
    async with world.database.transaction() as session:
        row = await session.get(OutletRow, "outlet-1")
        assert row is not None
        row.previous_sealed, row.secret_sealed = row.secret_sealed, sealed
    for good in (OWN, new):
        assert await world.outlet_reports.receive(body, signature(good, body)) is not None
    with pytest.raises(SignatureInvalid):
        await world.outlet_reports.receive(body, signature("neither", body))
    async with world.database.transaction() as session:
        row = await session.get(OutletRow, "outlet-1")
        assert row is not None
        row.previous_sealed = None
    assert await world.outlet_reports.receive(body, signature(new, body)) is not None
    with pytest.raises(SignatureInvalid):
        await world.outlet_reports.receive(body, signature(OWN, body))
    await an_outlet(world)
