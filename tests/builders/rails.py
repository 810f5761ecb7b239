"""A world in which all three rails pay: WeChat Pay and the bank beside Alipay, each with what turns its fate."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from activities.payout import Payout
from bootstrap.paying import scene_of
from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from domain.cards.intake import Submission
from domain.finance.payout import PaymentGateway
from domain.finance.rails import Rail
from domain.identifiers import bill_number, payout_key
from domain.money import Money
from gateways.banks.formats import formats_in
from gateways.payout.bank import BankGateway
from gateways.payout.wechat import WechatGateway
from gateways.wechat.notices import WechatNotices
from gateways.wechat.signing import ApiKey, Merchant, WechatKey
from services.finance.asked_returns import Returns
from services.finance.bank_batches import BankBatches
from services.finance.bank_book import KeptBankBook
from services.finance.payment_notifications import PaymentNotices
from simulators.program import Setup
from simulators.wechat import Wechat
from simulators.wechat_wire import API_KEY_FILE, KEY_ID, MERCHANT_FILE, PRIVATE_FILE, PUBLIC_FILE
from tests.builders.banks import BANK_FORMATS
from tests.builders.key_pairs import new_key_pair
from tests.builders.world import World, a_submission, a_typed_card
from tests.gateways.partners import Partner, partner
from tests.simulators.running import SECRET

MERCHANT, API_KEY = "1900000109", b"0123456789abcdef0123456789abcdef"
OURS, OURS_PUBLIC = new_key_pair()
THEIRS, THEIRS_PUBLIC = new_key_pair()


@dataclass
class Rails:
    """The world with its rails."""

    world: World
    wechat: Partner
    hears_wechat: WechatNotices
    gateways: dict[Rail, PaymentGateway]
    payout: Payout
    notices: PaymentNotices
    batches: BankBatches
    returns: Returns

    async def a_confirmed(self, rail: Rail, owner: str = "") -> tuple[str, str]:
        """A card that its issuer confirmed, to be paid on that rail, of a new seller unless given; returns card and quote."""
        world = self.world
        owner = owner or await world.a_seller()
        given = a_submission(a_typed_card("jd", accept_at_or_above=Money(1)), owner=owner)
        made = await world.intake.submit(with_payee(given, rail, owner))
        (card_id,) = made.card_ids
        await world.verification.ask_issuer(card_id)
        valued = await world.pricing.value(card_id, 1)
        assert (await world.pricing.offer(card_id, valued.quote_id)).accepted
        assert (await world.verification.recheck(card_id, valued.quote_id)).end_reason is None
        return card_id, valued.quote_id

    async def a_prepared(self, rail: Rail, owner: str = "") -> tuple[str, str]:
        """A card that is about to be paid on that rail, of a new seller unless given; returns card and payout key."""
        card_id, quote_id = await self.a_confirmed(rail, owner)
        key = payout_key(card_id, 1)
        await self.payout.prepare(card_id, quote_id, key)
        return card_id, key

    async def press(self, key: str, button: str) -> None:
        """Press a button of the receiver's app."""
        await self.wechat.plain.post(f"/transfers/{bill_number(key)}/{button}")

    async def made(self, key: str) -> list[dict[str, object]]:
        """What WeChat Pay has under this key."""
        found = (await self.wechat.plain.get("/transfers")).json()
        return [one for one in found if one["out_bill_no"] == bill_number(key)]

    async def order(self, key: str) -> PayoutRow:
        """Return the order in its present state."""
        (row,) = await self.world.rows(PayoutRow, key=key)
        return row  # type: ignore[no-any-return]

    async def card(self, card_id: str) -> CardRow:
        """Return the card in its present state."""
        return await self.world.card(card_id)


def with_payee(given: Submission, rail: Rail, owner: str) -> Submission:
    """The submission with a payee of that rail, another one for each owner."""
    number = f"6222{int.from_bytes(owner.encode()[-6:]) % 10**14:014d}"
    accounts = {
        Rail.ALIPAY: given.payee_account, Rail.WECHAT: f"o-{owner[-26:]}", Rail.BANK: f"{number} 中国工商银行",
    }  # fmt: skip
    return replace(given, payee_rail=rail, payee_account=accounts[rail])


@asynccontextmanager
async def rails_of(world: World, folder: Path) -> AsyncIterator[Rails]:
    """Start WeChat Pay beside the world and build the three gateways."""
    _lay_keys(folder)
    async with AsyncExitStack() as stack:
        wechat = await stack.enter_async_context(partner(Wechat(Setup(seed=5, wechat_keys=folder, secret=SECRET))))
        client = await stack.enter_async_context(wechat.client())
        theirs = WechatKey(KEY_ID, (await wechat.plain.get("/public-key")).content)
        scene = scene_of("1010=回收商品名称:礼品卡")
        gateways: dict[Rail, PaymentGateway] = {
            Rail.ALIPAY: world.payout._gateways[Rail.ALIPAY],
            Rail.WECHAT: WechatGateway(client, "wx1", Merchant(MERCHANT, "AB12", OURS), theirs, "", scene),
            Rail.BANK: BankGateway(KeptBankBook(world.database)),
        }
        hears = WechatNotices(MERCHANT, theirs, ApiKey(API_KEY))
        readers = {**world.payment_notices._readers, Rail.WECHAT: hears.read}
        yield Rails(
            world, wechat, hears, gateways, Payout(world.database, world.keyring, gateways),
            PaymentNotices(world.database, readers),
            BankBatches(world.database, world.keyring, formats_in(BANK_FORMATS)),
            Returns(world.database, world.keyring, gateways, timedelta()),
        )  # fmt: skip


def _lay_keys(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / PRIVATE_FILE).write_bytes(THEIRS)
    (folder / PUBLIC_FILE).write_bytes(THEIRS_PUBLIC)
    (folder / MERCHANT_FILE).write_bytes(OURS_PUBLIC)
    (folder / API_KEY_FILE).write_bytes(API_KEY)
