"""The stories of a demo show payments and claims in every state, each once however often the platform is started."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import update

from bootstrap.demo import payments, trades
from bootstrap.demo.good_card import ANY_PRICE
from bootstrap.demo.goodwill import KEY as PAID_KEY
from bootstrap.demo.hands import DemoStories, Hands, Story
from bootstrap.demo.logins import PEOPLE
from bootstrap.demo.sales import DEPOSIT, MERCHANT, DemoSales
from bootstrap.demo.tickets import SELLERS
from database.reads.finance.reserved import reserved
from database.repositories import ledger
from database.sealed import SELLER_PHONE
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.rollback import ClaimReceiptRow, RollbackRow, StatedOutcomeRow
from database.tables.finance.sales import BrokeredPaymentRow, FxExchangeRow, SaleRow
from database.tables.people import PersonRow, SellerRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackState
from domain.finance.sales import ReceiptFor
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.receipts import ReceiptAsked, Receipts
from services.people.seller_sign_in import masked_phone, phone_index
from tests.builders.paying import Paying
from tests.builders.selling import an_offered_card, declined, today
from tests.builders.world import World

PAID = {PAID_KEY, payments.CLAIMED_KEY, payments.OFFSET_KEY, trades.ABROAD_KEY, trades.RESERVED_KEY}


class WithoutSimulators(Hands):
    """The demo's sellers sell, with no issuer beside the platform: their cards are paid at once, or stay where they are."""

    def __init__(self, world: World) -> None:
        super().__init__(None, world.database, world.keyring, world.photos, None)  # type: ignore[arg-type]
        self.world = world

    async def sell(
        self, owner: str, key: str, stem: str, face: Money, payee: tuple[str, str], floor: Money | None = ANY_PRICE,  # noqa: ARG002
    ) -> None:  # fmt: skip
        """Hand in a card of the test's own."""
        paying = Paying(self.world, owner)
        if key in PAID:
            order = await self.world.rows(PayoutRow, key=await paying.paid(payee[0]))
            await self._known_as(order[0].card_id, key, outcome=Outcome.PAID)
        elif key == payments.UNKNOWN_KEY:
            card_id, quote_id = await paying.accepted()
            await paying.prepare(card_id, quote_id)
            async with self.store.transaction() as session:
                unknown = update(PayoutRow).where(PayoutRow.card_id == card_id).values(state=PayoutState.UNKNOWN)
                await session.execute(unknown)
            await self._known_as(card_id, key)
        elif floor is None:
            card_id = await an_offered_card(self.world, owner=owner)
            await self._known_as(card_id, key, waiting_for=WaitingFor.SELLER_OFFER)
        else:
            card_id = await self.world.a_card(owner=owner)
            await self._known_as(card_id, key, waiting_for=WaitingFor.SELLER_PAYEE)

    async def decline(self, card_id: str) -> None:
        """As the workflow records it."""
        await declined(self.world, card_id)

    async def _known_as(self, card_id: str, key: str, **values: object) -> None:
        async with self.store.transaction() as session:
            card = await session.get_one(CardRow, card_id)
            for name, value in values.items():
                setattr(card, name, value)
            await session.execute(
                update(SubmissionRow).where(SubmissionRow.id == card.submission_id).values(idempotency_key=key)
            )


async def people_and_sellers(world: World) -> None:
    async with world.database.transaction() as session:
        for one in PEOPLE:
            if not await world.rows(PersonRow, email=one.login):
                session.add(PersonRow(id=new_id(), email=one.login, name=one.name, password_hash="", roles=[one.role]))
        for _, phone in SELLERS.values():
            index, seller_id = phone_index(world.keyring, phone), new_id()
            if await world.rows(SellerRow, phone_index=index):
                continue
            sealed = SELLER_PHONE.seal(world.keyring, seller_id, phone)
            session.add(
                SellerRow(id=seller_id, phone_sealed=sealed, phone_index=index, phone_masked=masked_phone(phone))
            )


async def played(hands: Hands, *stories: Story) -> Sequence[int]:
    """Look until nothing more is done; return how much each look did."""
    demo, found = DemoStories(hands, stories), list[int]()
    while not found or found[-1]:
        found.append(await demo.look())
    return found


@pytest.mark.asyncio(loop_scope="session")
async def test_a_paid_seller_gets_a_claim_and_sells_again_once(world: World) -> None:
    await world.calm()
    await people_and_sellers(world)
    hands = WithoutSimulators(world)
    owner = await hands.owner("wang")
    assert owner is not None
    assert await played(hands, payments.held, payments.claim) == [0]  # Before their first card is paid.
    await hands.sell(owner, PAID_KEY, "", payments.FACE, ("13800009001", "王磊"))
    assert await played(hands, payments.held, payments.claim) == [2, 0]
    assert await played(WithoutSimulators(world), payments.held, payments.claim) == [0]  # After a restart.
    claims = await world.rows(RollbackRow, owner=owner)
    assert [(one.state, one.evidence_name) for one in claims] == [(RollbackState.PROPOSED, "发卡方对账.txt")]
    assert len(await world.rows(SubmissionRow, owner=owner, idempotency_key=payments.HELD_KEY)) == 1


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.thorough
async def test_a_refused_payee_gets_a_proposal_and_an_unknown_payment_a_document(world: World) -> None:
    await world.calm()
    await people_and_sellers(world)
    hands = WithoutSimulators(world)
    await played(hands, payments.refused, payments.unknown)
    owner = await hands.owner("emma")
    assert owner is not None
    refused, unknown = await hands.card(owner, payments.REFUSED_KEY), await hands.card(owner, payments.UNKNOWN_KEY)
    assert refused is not None
    assert unknown is not None
    (named,) = await world.rows(PayeeCorrectionRow, submission_id=refused.submission_id)
    assert (named.reason, named.applied_at) == ("seller_wrote", None)
    (order,) = await world.rows(PayoutRow, card_id=unknown.id)
    assert await world.rows(StatedOutcomeRow, key=order.key) == []  # Too early to say.
    await Paying(world, owner).long_ago(order.key, hours=2)
    assert await played(hands, payments.refused, payments.unknown) == [1, 0]
    (said,) = await world.rows(StatedOutcomeRow, key=order.key)
    assert (said.evidence_name, said.agreed_at) == ("支付宝回函.txt", None)


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.thorough
async def test_a_claim_is_offset_in_part_and_the_rest_is_asked_to_be_given_up(world: World) -> None:
    await world.calm()
    await people_and_sellers(world)
    hands = WithoutSimulators(world)
    await played(hands, payments.offset)
    owner = await hands.owner("li")
    (claim,) = await world.rows(RollbackRow, owner=owner)
    assert claim.state is RollbackState.CLAIMED
    assert claim.write_off_asked_at is not None
    assert claim.checked_by == await hands.person(PEOPLE[6].role, 2) != claim.proposed_by
    assert owner is not None
    later = await hands.card(owner, payments.OFFSET_KEY)
    assert later is not None
    (order,) = await world.rows(PayoutRow, card_id=later.id)
    assert 0 < order.offset_minor < claim.amount_minor
    (back,) = await world.rows(ClaimReceiptRow, claim_id=claim.id)
    assert (back.amount_minor, back.evidence_name, back.reversed_at) == (20_00, "转账回单.txt", None)
    await Paying(world, owner).books_are_right()
    assert await played(WithoutSimulators(world), payments.offset) == [0]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_card_is_sold_for_dollars_that_are_exchanged_in_part_and_a_deposit_is_held_for_another(
    world: World,
) -> None:
    await world.calm()
    await people_and_sellers(world)
    hands, finance = WithoutSimulators(world), await world.a_person("finance")
    asked = ReceiptAsked(MERCHANT, Rail.BANK, DEPOSIT, DEPOSIT, "DEMO-1", today(), ReceiptFor.DEPOSIT)
    await Receipts(world.database).record(finance, "demo-trades-deposit", asked)
    await played(hands, trades.abroad, trades.reserved)
    (exchange,) = await world.rows(FxExchangeRow, key=trades.ABROAD_KEY)
    assert (exchange.account, exchange.currency, exchange.posted_at is not None) == ("cash:bank", Currency.USD, True)
    async with world.database.transaction() as session:
        kept = await ledger.balance(session, "cash:bank", Currency.USD)
        (held,) = [one for one in await reserved(session) if one.key == trades.RESERVED_KEY]
    assert kept.amount_minor > 0
    assert held.amount.amount_minor > 0
    owner = await hands.owner("wang")
    assert owner is not None
    card = await hands.card(owner, trades.RESERVED_KEY)
    assert card is not None
    assert await DemoSales(world.database, finance).sell(card.id) == 0  # `make demo` leaves it.
    assert await played(WithoutSimulators(world), trades.abroad, trades.reserved) == [0]  # After a restart.
    await Paying(world, owner).books_are_right()


@pytest.mark.asyncio(loop_scope="session")
async def test_a_declined_card_is_brokered_and_what_its_provider_paid_waits_for_a_second_person(world: World) -> None:
    await world.calm()
    await people_and_sellers(world)
    hands = WithoutSimulators(world)
    assert await played(hands, trades.brokered) == [1, 1, 1, 0]
    owner = await hands.owner("wang")
    card = await hands.card(owner or "", trades.BROKERED_KEY)
    assert card is not None
    assert card.outcome is Outcome.DECLINED
    (sale,) = await world.rows(SaleRow, card_id=card.id)
    (paid,) = await world.rows(BrokeredPaymentRow, sale_id=sale.id)
    assert (paid.confirmed_at, paid.declined_at, paid.evidence_name) == (None, None, "分账回单.txt")
    assert await played(WithoutSimulators(world), trades.brokered) == [0]  # After a restart.
