"""A seller's request in the queue of support, for the console's tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from database.tables.people import SellerRow
from database.tables.support.callbacks import CallbackRequestRow
from database.tables.work import WorkItemRow
from domain.identifiers import new_id, work_item
from domain.support.callbacks import CALLBACK, TEAM, CallbackWanted
from domain.work.deadlines import ClockOwner
from services.work import sla
from services.work.ordering import placed
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting

PHONE = "+8613800008888"


async def a_request(
    house: House, about: Waiting, words: str = "Why was it not bought?", *, about_no_card: bool = False
) -> str:  # fmt: skip
    """An appeal about the card of a seller whose telephone is PHONE, or about nothing in particular; returns its id."""
    seller, now = new_id(), datetime.now(UTC)
    sealed = house.keyring.seal_text(PHONE, purpose="seller", aad=f"seller:{seller}:phone")
    card = None if about_no_card else about.card_id
    task = WorkItemRow(
        id=f"work:{CALLBACK}:{new_id()}" if about_no_card else work_item(about.card_id, CALLBACK, 1),
        kind=CALLBACK, card_id=card, seller=f"seller:{seller}", team=TEAM,
        value_minor=0, reasons=["appeal"], opened_at=now, warn_at=now + timedelta(hours=6), due_at=now + timedelta(hours=8),
    )  # fmt: skip
    asked = CallbackRequestRow(
        id=task.id, card_id=card, seller=f"seller:{seller}", wanted=CallbackWanted.APPEAL, words=words,
        phone_masked="138****8888", language="zh_CN",
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(SellerRow(id=seller, phone_sealed=sealed, phone_index=new_id(), phone_masked="138****8888"))
        session.add(task)
        await session.flush()
        session.add(asked)
        await sla.pass_to(session, task, ClockOwner.SUPPORT, now)
        placed(task, now)
    return task.id
