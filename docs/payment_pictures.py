"""Takes the pictures of the finance guide's newer chapters: payments, claims, sales, settlement, reconciliation and its close."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import update

from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from docs.console_pictures import ids, studio
from domain import identifiers
from domain.finance.payout import PayoutState
from domain.identifiers import payout_key
from domain.people.roles import Role
from tests.reviewer_ui.payment_scenes import payment_pages
from tests.reviewer_ui.queue_scenes import person_with
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind
from tests.reviewer_ui.sale_scenes import sales_in_every_state
from tests.reviewer_ui.settlement_scenes import settlements_in_every_state

PAGES = (
    ("money-payouts", "/payouts"),
    ("money-order", "/payouts/{order}"),
    ("money-held", "/held"),
    ("money-claims", "/claims"),
    ("money-sale", "/sales/{sale}"),
    ("money-brokered", "/sales/brokered"),
    ("money-foreign", "/fx"),
    ("money-settlements", "/settlements"),
    ("money-settlement", "/settlements/{settlement_approval}"),
    ("money-reconciliation", "/reconciliation"),
    ("money-break", "/reconciliation/breaks/{break_proposed}"),
    ("money-suspense", "/reconciliation/suspense"),
    ("money-day", "/reconciliation/days/wechat/{recon_day}"),
)


async def main(program: Path) -> None:
    """Write every picture of these pages."""
    with patch.object(identifiers, "new_id", ids()):
        async with studio(program) as made:
            house = made.house
            zhao = await person_with(house, Role.FINANCE, "赵敏 Zhao Min", email="zhao@desk.example")
            qian = await person_with(house, Role.COMPLIANCE, "钱程 Qian Cheng", email="qian@desk.example")
            unknown = await house.cards.waiting()
            await house.cards.payout(unknown, PayoutState.UNKNOWN)
            async with house.database.transaction() as session:
                of_order = update(PayoutRow).where(PayoutRow.key == payout_key(unknown.card_id, 1))
                await session.execute(of_order.values(prepared_at=now() - timedelta(hours=3)))
            names = await payment_pages(house, qian, unknown)
            for scene in (sales_in_every_state, settlements_in_every_state, reconciliation_of_every_kind):
                names |= await scene(house)
            for name, address in PAGES:
                await made.take(name, zhao, address.format_map(names))
