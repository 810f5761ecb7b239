"""Payments that are routed: rules of one's own for a test, orders of one seller, switches and checks."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import update

from database.invariants.base import Look
from database.invariants.books import EntriesSumToZero
from database.invariants.seller_money import SellerMoneyAddsUp
from database.invariants.sources import SourcesAgree
from database.repositories import ledger
from database.tables.cards import SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.routing import RailSwitchRow
from domain.cards.facts import PaymentHeld
from domain.finance.rails import Rail
from domain.identifiers import payout_key
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind
from domain.rules import payout_routing, rollback
from tests.builders.world import World

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def with_policy(kind: PolicyKind, **values: Any) -> None:
    """Decide by the built-in version with these values, until the test ends."""
    document = copy.deepcopy(dict(kind.built_in()[0].document)) | values
    BOOK.fill(
        kind.code, [PolicyDocument(kind.code, 1, f"{kind.code}-1", date(2020, 1, 2), kind.require_valid(document, {}))]
    )


def with_rules(*, rail: Rail = Rail.ALIPAY, limits: dict[str, Any] | None = None, **values: Any) -> None:
    """Route by the built-in rules with these values, and these limits of one rail."""
    rails = copy.deepcopy(list(payout_routing.KIND.built_in()[0].document["rails"]))
    for one in rails:
        if one["rail"] == rail.value:
            one.update(limits or {})
    with_policy(payout_routing.KIND, rails=rails, **values)


def with_claims(**values: Any) -> None:
    """Claim by the built-in rules with these values."""
    with_policy(rollback.KIND, **values)


@dataclass
class Paying:
    """One seller whose cards are paid, one after the other or at once."""

    world: World
    owner: str

    async def accepted(self, **more: Any) -> tuple[str, str]:
        """A card whose price is owed; returns card and quote."""
        return await self.world.a_confirmed_quote(owner=self.owner, **more)

    async def named(self, card_id: str, account: str, rail: Rail = Rail.ALIPAY, name: str | None = None) -> None:
        """Let the card's submission name this payee."""
        card = await self.world.card(card_id)
        ring = self.world.keyring
        place = f"submission:{card.submission_id}"
        values = {
            "payee_account_sealed": ring.seal_text(account, purpose="submission", aad=f"{place}:payee_account"),
            "payee_index": ring.index(account, purpose="payee"), "payee_masked": f"{account[:3]}****{account[-4:]}",
            "payee_rail": rail,
        }  # fmt: skip
        if name is not None:
            values["payee_name_sealed"] = ring.seal_text(name, purpose="submission", aad=f"{place}:payee_name")
        async with self.world.database.transaction() as session:
            await session.execute(update(SubmissionRow).where(SubmissionRow.id == card.submission_id).values(**values))

    async def prepare(self, card_id: str, quote_id: str, attempt: int = 1) -> PaymentHeld | None:
        """Make the card's order, or hear why it waits."""
        return await self.world.payout.prepare(card_id, quote_id, payout_key(card_id, attempt))

    async def paid(self, account: str = "13900001111", **more: Any) -> str:
        """A card that was paid to this payee; returns the order's key."""
        card_id, quote_id = await self.accepted(**more)
        await self.named(card_id, account)
        assert await self.prepare(card_id, quote_id) is None
        key = payout_key(card_id, 1)
        await self.world.payout.send(key)
        await self.world.payout.conclude(key)
        return key

    async def order(self, key: str) -> PayoutRow | None:
        """The order of this key, None while there is none."""
        found = await self.world.rows(PayoutRow, key=key)
        return found[0] if found else None

    async def balance(self, code: str) -> int:
        """Return the balance of an account, minor units; debits are positive."""
        async with self.world.database.transaction() as session:
            return (await ledger.balance(session, code)).amount_minor

    async def long_ago(self, key: str, **ago: float) -> None:
        """Let the order have been made and tried so long ago."""
        moment = datetime.now(UTC) - timedelta(**ago)
        values = {"prepared_at": moment, "tried_at": moment}
        async with self.world.database.transaction() as session:
            await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**values))

    async def books_are_right(self) -> None:
        """I1, I2 and I3 hold."""
        async with self.world.database.transaction() as session:
            for one in (EntriesSumToZero(), SourcesAgree(), SellerMoneyAddsUp()):
                assert await one.broken(session, Look()) == []


async def paying(world: World) -> Paying:
    """A seller of a world whose partners are well."""
    await world.calm()
    return Paying(world, await world.a_seller())


async def rails_on(world: World) -> None:
    """Switch every rail on again that a test has switched off."""
    async with world.database.transaction() as session:
        await session.execute(update(RailSwitchRow).values(on_at=datetime.now(UTC)))
