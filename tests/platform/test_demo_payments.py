"""Once a demo's seller was paid, the pages of held payments and claims have something to show, once for all."""

from __future__ import annotations

from typing import Any

import pytest

from bootstrap.demo.payments import KEY, DemoPayments
from bootstrap.demo.people import login_of
from bootstrap.demo.tickets import SELLERS
from database.sealed import SELLER_PHONE
from database.tables.cards import SubmissionRow
from database.tables.finance_rollback import RollbackRow
from database.tables.people import PersonRow, SellerRow
from domain.finance.rollback import RollbackState
from domain.identifiers import new_id
from domain.people.roles import Role
from services.people.seller_sign_in import masked_phone, phone_index
from tests.builders.paying import Paying
from tests.builders.world import World, a_typed_card


class Without(DemoPayments):
    """The demo's seller sells, with no simulator beside the platform."""

    async def _sell(self, owner: str) -> None:
        await self.world.submitted(a_typed_card(), owner=owner, key=KEY)

    world: Any = None


@pytest.mark.asyncio(loop_scope="session")
async def test_a_paid_seller_gets_a_claim_and_sells_again_once(world: World) -> None:
    await world.calm()
    phone, seller_id = SELLERS["wang"][1], new_id()
    index = phone_index(world.keyring, phone)
    known = await world.rows(SellerRow, phone_index=index)
    async with world.database.transaction() as session:
        if not known:
            sealed = SELLER_PHONE.seal(world.keyring, seller_id, phone)
            session.add(
                SellerRow(id=seller_id, phone_sealed=sealed, phone_index=index, phone_masked=masked_phone(phone))
            )
        email = login_of(Role.COMPLIANCE)
        if not await world.rows(PersonRow, email=email):
            session.add(PersonRow(id=new_id(), email=email, name="Gu", password_hash="", roles=["compliance"]))
    owner = f"seller:{known[0].id if known else seller_id}"
    demo = Without(None, world.database, world.keyring, world.photos)  # type: ignore[arg-type]
    demo.world = world
    await Paying(world, owner).paid()
    assert [await demo.look() for _ in range(4)] == [1, 1, 0, 0]
    again = Without(None, world.database, world.keyring, world.photos)  # type: ignore[arg-type]
    again.world = world
    assert await again.look() == 0  # After a restart of the platform.
    claims = await world.rows(RollbackRow, owner=owner)
    assert [(one.state, one.evidence_name) for one in claims] == [(RollbackState.PROPOSED, "发卡方对账.txt")]
    assert len(await world.rows(SubmissionRow, owner=owner, idempotency_key=KEY)) == 1
