"""A paid card of which the provider says that another amount came back, and two people who decide about it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants.base import Look
from database.invariants.payments import PartsFit
from database.reads.finance import wallet
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import PartReturnRow
from database.tables.support.goodwill import GoodwillRow
from domain.identifiers import goodwill_key
from domain.money import Money
from services.finance.part_returns import CameBack, PartReturns
from services.finance.proof_files import ProofFile
from services.finance.returned import Found, returned
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill
from tests.builders.claiming import SOUND
from tests.builders.paying import PDF, Paying, paying
from tests.builders.world import World

LETTER = ProofFile("bill.pdf", PDF)
PRICE = 465_00


@dataclass
class Parting:
    """The order of a paid card; `one` and `two` are people of finance."""

    case: Paying
    key: str
    one: str
    two: str
    began: dict[str, int]

    @staticmethod
    async def begun(world: World) -> Parting:
        """A card of a new seller that was just paid."""
        case = await paying(world)
        key = await case.paid()
        one, two = [await world.a_person("finance") for _ in range(2)]
        began = {code: await case.balance(code) for code in ("cash:alipay", "tax_withheld")}
        return Parting(case, key, one, two, began)

    @property
    def world(self) -> World:
        return self.case.world

    @property
    def card(self) -> str:
        return self.key.split("-")[1]

    @property
    def parts(self) -> PartReturns:
        return PartReturns(self.world.database, self.world.keyring)

    async def said(self, minor: int) -> Found:
        """The provider says that so much came back."""
        async with self.world.database.transaction() as session:
            return await returned(session, self.key, Money(minor), "R1", now())

    async def proposed(self, minor: int) -> str:
        """One person proposes to book so much."""
        said = CameBack(Money(minor), "The bill shows it.", LETTER)
        return await self.parts.propose(self.one, self.key, said, self.world.photos)

    async def booked(self, minor: int) -> str:
        """Two people book so much; returns the part's id."""
        part = await self.proposed(minor)
        await self.parts.agree(self.two, part)
        return part

    async def payment(self, part: str) -> GoodwillRow:
        """The newest payment of a part."""
        rows: list[GoodwillRow] = await self.world.rows(GoodwillRow, part_id=part)
        return max(rows, key=lambda one: one.id)

    async def agreed(self, part: str) -> str:
        """The first person agrees to pay the part again, and its order is made; returns its key."""
        given = (await self.payment(part)).id
        await Goodwill(SupportDesk(self.world.database, self.world.keyring, self.world.photos)).agree(self.one, given)
        await self.world.payout.prepare_goodwill(given, goodwill_key(given))
        return goodwill_key(given)

    async def paid_again(self, part: str) -> str:
        """A part is paid again; returns the key of the order."""
        key = await self.agreed(part)
        await self.world.payout.send(key)
        await self.world.payout.conclude(key)
        return key

    async def order(self) -> PayoutRow:
        """The order as it is."""
        row = await self.case.order(self.key)
        assert row is not None
        return row

    async def part(self, part: str) -> PartReturnRow:
        """A part as it is."""
        (row,) = await self.world.rows(PartReturnRow, id=part)
        assert isinstance(row, PartReturnRow)
        return row

    async def moved(self) -> tuple[int, int, int]:
        """Return what is owed to the seller, and by how much our cash and the tax withheld changed since the payment, minor units."""
        since = [await self.case.balance(code) - minor for code, minor in self.began.items()]
        return -await self.case.balance(f"seller_payable:{self.case.owner}"), since[0], since[1]

    async def seen(self) -> wallet.Wallet:
        """The seller's wallet."""
        async with self.world.database.transaction() as session:
            return await wallet.wallet(session, self.case.owner, now())

    async def faults(self) -> list[str]:
        """What the invariants of money find."""
        async with self.world.database.transaction() as session:
            return await faults_of(session)


async def faults_of(session: AsyncSession) -> list[str]:
    """What the invariants of money find in a transaction."""
    return [line for one in (*SOUND, PartsFit()) for line in await one.broken(session, Look(most=100_000))]
