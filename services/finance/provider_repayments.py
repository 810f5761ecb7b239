"""What we pay back to a licensed provider of commissions whose sales came back.

What the provider keeps of our next part instead is recorded with that part (`receipts`).
"""

from __future__ import annotations

from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import provider_debts
from database.repositories import ledger
from database.tables.finance.sales import ProviderRepaymentRow
from domain.errors.general import FieldInvalid
from domain.errors.sales import ProviderOwedLess
from domain.finance.postings import sales as postings
from domain.finance.rails import Rail
from domain.money import Currency, Money
from domain.places import business_day
from services.finance.available import available
from services.finance.repaying import Kind
from services.finance.second_person import Proposal
from services.finance.taking_back import Posted


async def _owed_since(session: AsyncSession, provider: str, _rail: Rail, amount: Money, today: date) -> date:
    """Refuse FieldInvalid (`amount`) for foreign money, and ProviderOwedLess for more than the provider is owed."""
    if amount.currency is not Currency.CNY:
        raise FieldInvalid(field="amount", why="out_of_range")
    if (owed := await available(session, postings.provider_payable(provider))) < amount:
        raise ProviderOwedLess(there=str(owed))
    debts = await provider_debts.owed_back(session)
    return next((business_day(one.since) for one in debts if one.provider == provider), today)


async def _post(session: AsyncSession, row: ProviderRepaymentRow, key: str) -> None:
    lines = postings.provider_repaid(row.rail, row.provider, row.amount)
    await ledger.post(session, key, None, "provider_repaid", lines, happened_on=row.paid_on, cause=key)


PROVIDERS = Kind(
    ProviderRepaymentRow, "provider_repayment",
    Posted("provider_repaid", Proposal.PROVIDER_REPAYMENT, "/sales/brokered#owed-back"),
    lambda row: (row.provider, row.amount), lambda said: {"provider": said.to}, _owed_since,
    _post,
)  # fmt: skip
