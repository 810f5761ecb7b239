"""Cards of a demo's first start that are paid otherwise than through Alipay: one to confirm in WeChat, two for a bank's batch."""

from __future__ import annotations

import secrets

from sqlalchemy import select
from stdnum.iso7064 import mod_37_36

from bootstrap import keys
from bootstrap.demo.tickets import SELLERS
from database.session import Database
from database.tables.cards import SubmissionRow
from database.tables.people import SellerRow
from domain.cards.intake import Submission, SubmittedCard
from domain.finance.rails import Rail
from domain.money import Money
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.people.seller_sign_in import phone_index

LETTERS = "ABCDEFGHKLMNPQRSTUVWXYZ"
FACE = Money(500_00)
PAYEES = (
    ("wechat", Rail.WECHAT, "o-DemoDemoDemoDemoDemoDemo01", "王芳"),
    ("bank-1", Rail.BANK, "6222020200112233445 中国工商银行", "王芳"),
    ("bank-2", Rail.BANK, "6217000010099887766 中国建设银行", "李明"),
)


async def hand_in(store: Database, held: keys.Secrets, photos: PhotoStore) -> int:
    """Hand the cards in for a seller of the demo, accepted in advance; return how many. A second start adds none."""
    index = phone_index(held.keyring, SELLERS["wang"][1])
    async with store.transaction() as session:
        seller = (await session.execute(select(SellerRow.id).where(SellerRow.phone_index == index))).scalar_one()
    intake, owner, made = Intake(store, held.keyring, photos), f"seller:{seller}", 0
    for name, rail, account, holder in PAYEES:
        if await _is_there(store, owner, f"demo-{name}"):
            continue
        card = SubmittedCard("jd", FACE, _number(), accept_at_or_above=Money(1))
        await intake.submit(Submission(owner, f"demo-{name}", (card,), account, holder, channel="web", payee_rail=rail))
        made += 1
    return made


async def _is_there(store: Database, owner: str, key: str) -> bool:
    wanted = (SubmissionRow.owner == owner, SubmissionRow.idempotency_key == key)
    async with store.transaction() as session:
        return (await session.execute(select(SubmissionRow.id).where(*wanted))).first() is not None


def _number() -> str:
    """A fresh number; the issuer simulator takes one of letters for an active card."""
    body = "JD" + "".join(secrets.choice(LETTERS) for _ in range(13))
    return body + str(mod_37_36.calc_check_digit(body))
