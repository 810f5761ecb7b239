"""The doors: sellers sign in with a code on their telephone, partners are known by their keys."""

import re

import pytest

from database.tables.columns import now
from database.tables.people import ApiKeyRow, SellerRow, SignInCodeRow
from domain.errors.general import TemporarilyUnavailable
from domain.errors.people import NotSignedIn, PhoneInvalid, SignInCodeWrong, TooManyTries
from gateways.messages import MessageGateway
from services.people.partners import Partners
from services.people.rate_limit import Origin
from services.people.seller_sign_in import SellerSignIn, e164, masked_phone
from tests.builders.world import PHONES, World

HERE, ELSEWHERE = Origin("192.0.2.1"), Origin("198.51.100.7")


def a_phone() -> str:
    return str(next(PHONES))


async def the_code(world: World, phone: str) -> str:
    sent = (await world.messages.plain.get("/v1/messages", params={"to": e164(phone)})).json()
    (found,) = re.findall(r"[0-9]{6}", sent[0]["text"])
    return str(found)


async def test_seller_signs_in_by_phone_code(world: World) -> None:
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


async def test_previous_code_is_still_valid(world: World) -> None:
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
