"""A paid card of one seller, the claims against it, and what they leave on the accounts of stock."""

from __future__ import annotations

from dataclasses import dataclass

from database.invariants.base import Look
from database.invariants.books import EntriesSumToZero, SignsHold
from database.invariants.payments import CardsPaidOnce, GoodwillPaidOnce
from database.invariants.seller_money import SellerMoneyAddsUp
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.invariants.two_people import ClaimsByTwo, GoodwillByTwo
from database.tables.finance.rollback import RollbackRow
from database.tables.support.goodwill import GoodwillRow
from domain.finance.rollback import RollbackKind
from domain.identifiers import goodwill_key, payout_key
from domain.support.tickets import TicketCategory, TicketChannel
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding, Rollbacks
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill
from services.support.opening import NewTicket, Opening
from tests.builders.paying import PDF, Paying, paying, with_claims
from tests.builders.world import World

USED = Finding(RollbackKind.USED, "The card was spent at a till after we had paid.", ProofFile("issuer.pdf", PDF))
SOUND = (
    EntriesSumToZero(), SignsHold(), SourcesAgree(), PostingsHaveSources(), SellerMoneyAddsUp(), CardsPaidOnce(),
    GoodwillPaidOnce(), ClaimsByTwo(), GoodwillByTwo(),
)  # fmt: skip
STOCK = ("inventory", "cost_of_sales", "write_off")


@dataclass
class Claiming:
    """A paid card of one seller, with the claims against it; `began` are the balances before the card."""

    case: Paying
    card: str
    claims: Rollbacks
    began: dict[str, int]

    @staticmethod
    async def begun(world: World) -> Claiming:
        """A card of a new seller that was just paid; claims against it may be offset at once."""
        case = await paying(world)
        with_claims(objection_days=0)
        began = {code: await case.balance(code) for code in STOCK}
        key = await case.paid()
        return Claiming(case, key.split("-")[1], Rollbacks(world.database, world.keyring), began)

    @property
    def world(self) -> World:
        return self.case.world

    async def proposed(self) -> str:
        """A claim that one person proposed."""
        person = await self.world.a_person("compliance")
        return await self.claims.propose(person, self.card, USED, self.world.photos)

    async def claimed(self) -> str:
        """A claim that two people agreed to, due at once."""
        claim = await self.proposed()
        await self.claims.agree(await self.world.a_person("finance"), claim)
        return claim

    async def offset(self, *, concludes: bool = True) -> str:
        """Another card of the seller is ordered, half of its price offset; returns the order's key."""
        card, quote = await self.case.accepted()
        assert await self.case.prepare(card, quote) is None
        key = payout_key(card, 1)
        if concludes:
            await self.world.payout.send(key)
            await self.world.payout.conclude(key)
        return key

    async def objected(self, claim: str) -> str:
        """The seller objects by a ticket; returns its id."""
        new = NewTicket(TicketCategory.OTHER, "Claim", "The card was good.", (self.card,))
        opening = Opening(SupportDesk(self.world.database, self.world.keyring, self.world.photos))
        ticket = await opening.open(self.case.owner, new, TicketChannel.WEB)
        await self.claims.object(self.case.owner, claim, ticket)
        return ticket

    async def dropped(self, claim: str) -> str:
        """The seller objects, and a person of finance finds them right; returns that person."""
        await self.objected(claim)
        person = await self.world.a_person("finance")
        await self.claims.drop(person, claim)
        return person

    async def moved(self) -> dict[str, int]:
        """Return the changes of the stock accounts since before the card, minor units; unchanged accounts are left out."""
        moved = {code: await self.case.balance(code) - self.began[code] for code in STOCK}
        return {code: minor for code, minor in moved.items() if minor}

    async def owes(self) -> tuple[int, int]:
        """What the seller owes, and what is owed to them."""
        owner = self.case.owner
        return await self.case.balance(f"seller_receivable:{owner}"), -await self.case.balance(
            f"seller_payable:{owner}"
        )

    async def row(self, claim: str) -> RollbackRow:
        """The claim as it is."""
        (row,) = await self.world.rows(RollbackRow, id=claim)
        assert isinstance(row, RollbackRow)
        return row

    async def payment(self, claim: str) -> GoodwillRow:
        """The newest payment that returns what was offset."""
        rows: list[GoodwillRow] = await self.world.rows(GoodwillRow, claim_id=claim)
        return max(rows, key=lambda one: one.id)

    async def agreed(self, claim: str) -> str:
        """A second person agrees to that payment, and its order is made; returns the key."""
        given = (await self.payment(claim)).id
        goodwill = Goodwill(SupportDesk(self.world.database, self.world.keyring, self.world.photos))
        await goodwill.agree(await self.world.a_person("finance"), given)
        await self.world.payout.prepare_goodwill(given, goodwill_key(given))
        return goodwill_key(given)

    async def sound(self) -> None:
        """Every invariant of money holds."""
        async with self.world.database.transaction() as session:
            for one in SOUND:
                assert await one.broken(session, Look()) == []
