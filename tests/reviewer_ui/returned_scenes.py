"""Orders of which a part came back, and one that was paid a second time: what the page of an order shows."""

from __future__ import annotations

from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import ContradictionRow, ReturnRow
from domain.finance.payout import Heard, PayoutOutcome, PayoutState
from domain.identifiers import payout_key
from domain.money import Money
from domain.people.roles import Role
from services.finance.part_returns import CameBack, PartReturns
from services.finance.proof_files import ProofFile
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.payment_scenes import PRICE, a_paid_card

PART, BOOKED = Money(300_00), Money(100_00)


async def a_part_that_came_back(house: House) -> str:
    """A paid order of which the provider says that a part came back; returns its key."""
    key = payout_key((await a_paid_card(house)).card_id, 1)
    async with house.database.transaction() as session:
        (await session.get_one(PayoutRow, key)).payee_account_sealed = b"sealed"  # An order keeps its payee.
        minor = PART.amount_minor
        session.add(ReturnRow(key=key, amount_minor=minor, confirmed_minor=minor, confirmed_at=now()))
    return key


async def booked_in_part(house: House) -> str:
    """An order of which two people booked a part that came back, and one proposes another; returns its key."""
    key = await a_part_that_came_back(house)
    parts = PartReturns(house.database, house.keyring)
    one, two = [await house.cards.person(Role.FINANCE, name) for name in ("Su Hang", "Bo Yu")]
    said = CameBack(BOOKED, "对账单如此 · The bill shows it.", ProofFile("bill.pdf", PDF))
    await parts.agree(two, await parts.propose(one, key, said, house.photos))
    await parts.propose(one, key, said, house.photos)
    return key


async def a_contradiction(house: House) -> str:
    """A refused order of a card that another order paid, which its provider says was paid; returns its key."""
    card_id = (await a_paid_card(house)).card_id
    key = payout_key(card_id, 2)
    async with house.database.transaction() as session:
        session.add(
            PayoutRow(
                key=key, card_id=card_id, amount_minor=PRICE.amount_minor, state=PayoutState.REFUSED, attempt=2,
                answered=PayoutOutcome.REFUSED,
            )
        )  # fmt: skip
        said, stands = PayoutOutcome.PAID, PayoutOutcome.REFUSED
        session.add(ContradictionRow(key=key, said=said, stands=stands, heard=Heard.NOTICE))
    return key


async def returned_pages(house: House) -> dict[str, str]:
    """The keys of the orders, by the names that pages use."""
    return {"order_in_part": await booked_in_part(house), "order_paid_twice": await a_contradiction(house)}
