"""The doors and the post: sellers and staff sign in, partners have keys, and what was promised is delivered."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from activities.failures import PayoutUnknown, translated
from database.repositories import outbox
from database.session import DatabaseUnavailable
from database.tables.columns import now
from database.tables.intake import ApiKeyRow, PartnerRow, SellerRow, SignInCodeRow
from database.tables.outbox import OutboxRow
from domain.errors.general import TemporarilyUnavailable
from domain.errors.people import NotSignedIn, PhoneInvalid, SignInCodeWrong, TooManyTries
from domain.identifiers import new_id
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.http import new_client
from gateways.messages import MessageGateway
from gateways.signatures import HEADER, require_signature
from gateways.webhooks import WebhookGateway
from services.notices.outbox_delivery import ATTEMPTS_MAX, Delivery
from services.people.partners import Partners
from services.people.rate_limit import Origin
from services.people.seller_sign_in import SellerSignIn, e164, masked_phone
from tests.activities.world import PHONES, World, a_submission, a_typed_card
from tests.gateways.partners import mailbox

HERE, ELSEWHERE = Origin("192.0.2.1"), Origin("198.51.100.7")


def a_phone() -> str:
    return str(next(PHONES))


async def the_code(world: World, phone: str) -> str:
    sent = (await world.messages.plain.get("/v1/messages", params={"to": e164(phone)})).json()
    (found,) = re.findall(r"[0-9]{6}", sent[0]["text"])
    return str(found)


async def test_a_seller_signs_in_with_the_code_on_their_telephone(world: World) -> None:
    phone = a_phone()
    asked = [await world.sign_in.send_code(phone, HERE, "zh_CN")]
    code = await the_code(world, phone)
    seller_id = await world.sign_in.check(phone, asked, code)
    with pytest.raises(SignInCodeWrong):
        await world.sign_in.check(phone, asked, code)
    (row,) = await world.rows(SellerRow, id=seller_id)
    assert row.phone_masked == masked_phone(e164(phone))
    assert phone.encode() not in bytes(row.phone_sealed)
    (kept,) = await world.rows(SignInCodeRow, phone_index=row.phone_index)
    assert code not in kept.code_hash


async def test_the_same_telephone_is_the_same_seller_and_tries_run_out(world: World) -> None:
    phone = a_phone()
    asked = [await world.sign_in.send_code(phone, HERE, "en")]
    first = await world.sign_in.check(phone, asked, await the_code(world, phone))
    asked = [await world.sign_in.send_code(f"+86 {phone}", ELSEWHERE, "en")]
    code = await the_code(world, phone)
    left = []
    for _ in range(6):
        with pytest.raises(SignInCodeWrong) as wrong:
            await world.sign_in.check(phone, asked, "x")
        left.append(wrong.value.data["tries_left"])
    assert left == [4, 3, 2, 1, 0, 0]
    with pytest.raises(SignInCodeWrong):
        await world.sign_in.check(phone, asked, code)
    asked = [await world.sign_in.send_code(phone, Origin(device="known"), "en")]
    assert await world.sign_in.check(phone, asked, await the_code(world, phone)) == first


async def test_a_strangers_request_neither_replaces_nor_uses_up_a_sellers_code(world: World) -> None:
    phone = a_phone()
    sellers = [await world.sign_in.send_code(phone, HERE)]
    code = await the_code(world, phone)
    strangers = [await world.sign_in.send_code(phone, ELSEWHERE)]
    for guess in range(6):
        with pytest.raises(SignInCodeWrong):
            await world.sign_in.check(phone, strangers, f"guess {guess}")
    with pytest.raises(SignInCodeWrong):
        await world.sign_in.check(phone, strangers, code)
    assert await world.sign_in.check(phone, sellers, code)


async def test_the_code_that_came_before_the_last_one_is_good_too(world: World) -> None:
    phone = a_phone()
    asked = [await world.sign_in.send_code(phone, HERE)]
    first = await the_code(world, phone)
    asked.append(await world.sign_in.send_code(phone, ELSEWHERE))
    assert await world.sign_in.check(phone, asked, first)


async def test_a_stranger_uses_up_no_known_device_s_codes(world: World) -> None:
    phone = a_phone()
    for stranger in range(12):
        await world.sign_in.send_code(phone, Origin(f"203.0.113.{stranger}"))
    with pytest.raises(TooManyTries):
        await world.sign_in.send_code(phone, Origin("203.0.113.99"))
    assert await world.sign_in.send_code(phone, Origin("203.0.113.99", device="the seller's"))


async def test_codes_are_throttled_by_all_processes_and_need_a_telephone_and_a_gateway(world: World) -> None:
    phone = a_phone()
    await world.sign_in.send_code(phone, HERE)
    another = SellerSignIn(world.database, world.keyring, MessageGateway(world.messages.channel))
    with pytest.raises(TooManyTries) as refused:
        await another.send_code(phone, HERE)
    assert 0 < int(str(refused.value.data["retry_after_s"])) <= 60
    for bad in ("12", "not a number", "", "+861"):
        with pytest.raises(PhoneInvalid):
            await world.sign_in.send_code(bad, HERE)
    await world.messages.control(refuse=True)
    with pytest.raises(PhoneInvalid):
        await world.sign_in.send_code(a_phone(), HERE)
    await world.messages.control(refuse=False, error_rate=1.0)
    with pytest.raises(TemporarilyUnavailable):
        await world.sign_in.send_code(a_phone(), HERE)


async def test_a_partner_is_known_by_its_key_until_it_is_revoked(world: World) -> None:
    partners = Partners(world.database, world.keyring)
    partner_id, key = await partners.create("Green Lane")
    assert await partners.authenticate(key) == partner_id
    (row,) = await world.rows(ApiKeyRow, partner_id=partner_id)
    assert key not in (row.key_hash, row.prefix)
    with pytest.raises(NotSignedIn):
        await partners.authenticate("clk_guess")
    async with world.database.transaction() as session:
        (await session.get_one(ApiKeyRow, row.id)).revoked_at = now()
    with pytest.raises(NotSignedIn):
        await partners.authenticate(key)


async def delivered(world: World) -> int:
    """One round of the courier."""
    async with new_client("") as client:
        webhooks = WebhookGateway(client, allow_private=True)
        courier = Delivery(world.database, world.keyring, webhooks, MessageGateway(world.messages.channel))
        return await courier.deliver_due(100)


async def test_a_partners_webhook_is_signed_delivered_and_tried_again_when_it_fails(world: World) -> None:
    partners = Partners(world.database, world.keyring)
    async with mailbox() as box:
        partner_id, _ = await partners.create("Green Lane", box.url)
        box.answers = [503]
        (card_id,) = (await world.intake.submit(a_submission(a_typed_card(), owner=f"partner:{partner_id}"))).card_ids
        await world.verification.ask_issuer(card_id)
        await delivered(world)
        (waiting,) = await world.rows(OutboxRow, destination=f"partner:{partner_id}")
        assert (waiting.delivered_at, waiting.attempts) == (None, 1)
        assert timedelta(0) < waiting.due_at - now() <= timedelta(seconds=11)
        await made_due(world, waiting.id)
        await delivered(world)
        (done,) = await world.rows(OutboxRow, id=waiting.id)
        assert done.delivered_at is not None
        received = await box.holds(2)
    body, headers = received[1]
    secret = await partners.webhook_secret(partner_id)
    require_signature("webhook", [secret], body, headers[HEADER.lower()])
    assert card_id.encode() in body
    assert await delivered(world) == 0


async def made_due(world: World, row_id: str, **values: object) -> None:
    async with world.database.transaction() as session:
        await session.execute(update(OutboxRow).where(OutboxRow.id == row_id).values(due_at=now(), **values))  # type: ignore[arg-type]


async def test_what_cannot_arrive_is_given_up_with_its_cause(world: World) -> None:
    partner_id = new_id()
    async with world.database.transaction() as session:
        session.add(PartnerRow(id=partner_id, name="Gone", webhook_url=None))
        unreachable = PartnerRow(id=new_id(), name="Down", webhook_url="http://127.0.0.1:9/hook")
        session.add(unreachable)
        gone = await outbox.put(session, "webhook", f"partner:{partner_id}", "card.paid", {})
        down = await outbox.put(session, "webhook", f"partner:{unreachable.id}", "card.paid", {})
    await made_due(world, down, attempts=ATTEMPTS_MAX)
    await delivered(world)
    (first,) = await world.rows(OutboxRow, id=gone)
    (second,) = await world.rows(OutboxRow, id=down)
    assert (first.last_failure, first.given_up_at is None) == ("no address", False)
    assert (second.last_failure, second.given_up_at is None) == ("webhook: connection", False)


async def test_a_message_reaches_the_sellers_telephone_once(world: World) -> None:
    seller = await world.a_seller()
    async with world.database.transaction() as session:
        row_id = await outbox.put(session, "message", seller, "sign_in_code", {"code": "604128"})
    await delivered(world)
    kept = (await world.messages.plain.get("/v1/messages")).json()
    assert [one["dedupe_key"] for one in kept] == [row_id]
    assert "604128" in kept[0]["text"]


@pytest.mark.parametrize(
    ("error", "kind", "final"),
    [
        (GatewayUnavailable("issuer", "timeout"), "gateway_unavailable", False),
        (GatewayRefused("issuer", "unknown_brand"), "gateway_refused", True),
        (TooManyTries(retry_after_s=3), "too_many_tries", True),
        (DatabaseUnavailable("away"), "database_unavailable", False),
        (PayoutUnknown("DEALING"), "payout_unknown", False),
    ],
)
async def test_every_failure_says_to_temporal_who_can_mend_it(error: Exception, kind: str, final: bool) -> None:
    @translated
    async def failing() -> None:
        raise error

    with pytest.raises(ApplicationError) as failed:
        await failing()
    assert (failed.value.type, failed.value.non_retryable) == (kind, final)
    assert failed.value.__cause__ is None


async def test_an_error_that_nobody_foresaw_is_tried_again_and_quotes_no_number() -> None:
    @translated
    async def failing() -> int:
        return int("JD00000000000000")

    with pytest.raises(ApplicationError, match=r"^unforeseen: ValueError at test_doors\.py:[0-9]+$") as failed:
        await failing()
    assert (failed.value.type, failed.value.non_retryable, failed.value.__suppress_context__) == (
        "unforeseen",
        False,
        True,
    )


async def test_what_is_temporals_already_is_left_as_it_is() -> None:
    final = ApplicationError("not accepted", type="not_accepted", non_retryable=True)

    @translated
    async def failing() -> None:
        raise final

    with pytest.raises(ApplicationError) as failed:
        await failing()
    assert failed.value is final
