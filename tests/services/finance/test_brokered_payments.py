"""What a licensed provider paid to a brokered seller is recorded by one person, posted once another confirms, and never repeated."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database.invariants import Look
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.invariants.two_people import ClaimsByTwo
from database.reads.finance import tax
from database.repositories import ledger
from database.tables.evidence import LeafRow
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.sales import BrokeredPaymentRow
from database.tables.people import AuditRow, RelativeRow
from domain.errors.files import AttachmentUnsupported
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import (
    ProviderPaidOther,
    ProviderPaymentOver,
    ProviderPaymentWaits,
    ReferenceTaken,
    ReturnWaits,
    SaleReturned,
    SellerPaid,
)
from domain.errors.work import OwnWork
from domain.identifiers import new_id
from domain.money import Currency, Money
from services.finance.brokered_payments import BrokeredPayments, ProviderPaid
from services.finance.proof_files import ProofFile
from services.finance.sale_returns import SaleReturns
from tests.builders.paying import PDF
from tests.builders.selling import a_bought_card, brokered, posted, sold, taken_back, today
from tests.builders.world import World

DUE = Money(451_25)


def said(**more: Any) -> ProviderPaid:
    """A payment of what the seller is to have, under a reference of its own."""
    given: dict[str, Any] = {
        "reference": f"R-{new_id()}",
        "amount": DUE,
        "paid_on": today(),
        "evidence": ProofFile("split.pdf", PDF),
    }
    return ProviderPaid(**(given | more))


async def both(world: World) -> tuple[BrokeredPayments, str, str]:
    """The service and two people of finance."""
    payments = BrokeredPayments(world.database, world.keyring)
    return payments, await world.a_person("finance"), await world.a_person("finance")


async def test_split_account_payment_is_recorded_and_confirmed_once(world: World) -> None:
    payments, first, second = await both(world)
    sale, owner = await brokered(world)
    paid = said()
    ids = await asyncio.gather(*(payments.record(first, sale, paid, world.photos) for _ in range(3)))  # Pressed thrice.
    assert len(set(ids)) == 1
    assert await posted(world, f"brokered:{ids[0]}") == {}  # One person's word moves nothing.
    with pytest.raises(OwnWork):
        await payments.confirm(first, ids[0])
    await asyncio.gather(*(payments.confirm(second, ids[0]) for _ in range(3)))
    assert await posted(world, f"brokered:{ids[0]}") == {
        (f"brokered_payable:{owner}", "CNY"): 451_25, ("split_account:alipay", "CNY"): -451_25,
    }  # fmt: skip
    async with world.database.transaction() as session:
        assert await ledger.balance(session, f"brokered_payable:{owner}") == Money(0)
    (posting,) = await world.rows(LedgerTransactionRow, cause=f"brokered:{ids[0]}")
    assert posting.what == "provider_paid"
    (row,) = await world.rows(BrokeredPaymentRow, sale_id=sale)
    assert (row.provider, row.reference, row.recorded_by, row.confirmed_by, row.evidence_name) == (
        "alipay", paid.reference, first, second, "split.pdf",
    )  # fmt: skip
    assert await payments.record(first, sale, paid, world.photos) == ids[0]  # Also afterwards.
    for late in (payments.confirm(first, ids[0]), payments.discard(second, ids[0])):
        with pytest.raises(ProviderPaymentOver):
            await late


async def test_what_the_provider_paid_is_income_of_the_seller_once_it_is_confirmed(world: World) -> None:
    payments, first, second = await both(world)
    sale, owner = await brokered(world)
    payment = await payments.record(first, sale, said(), world.photos)

    async def reported() -> tuple[list[tuple[str, Money, Money, Money]], list[tuple[int, Money, Money]]]:
        async with world.database.transaction() as session:
            lines = [one async for one in tax.lines(session, today(), today(), owner)]
            incomes = [one async for one in tax.incomes(session, today(), today()) if one.owner == owner]
        return (
            [(one.key, one.proceeds, one.tax, one.net) for one in lines],
            [(one.payments, one.proceeds, one.tax) for one in incomes],
        )

    assert await reported() == ([], [])
    await payments.confirm(second, payment)
    assert await reported() == ([(f"brokered:{payment}", DUE, Money(0), DUE)], [(1, DUE, Money(0))])


async def test_audit_and_evidence_name_both_acts_and_the_document(world: World) -> None:
    payments, first, second = await both(world)
    sale, _ = await brokered(world)
    payment = await payments.record(first, sale, said(reference="SPLIT-77"), world.photos)
    await payments.confirm(second, payment)
    (row,) = await world.rows(BrokeredPaymentRow, sale_id=sale)
    (posting,) = await world.rows(LedgerTransactionRow, cause=f"brokered:{payment}")
    acts = [one for one in await world.rows(AuditRow, subject=posting.card_id) if "seller_paid" in one.act]
    assert [(one.act, one.actor) for one in acts] == [
        ("console:sale:seller_paid_record", f"person:{first}"), ("console:sale:seller_paid_confirm", f"person:{second}"),
    ]  # fmt: skip
    leaves = [
        one for one in await world.rows(LeafRow, card_id=posting.card_id) if one.what == "sale.seller_paid_confirm"
    ]
    assert [(one.body["reference"], one.body["proof"]) for one in leaves] == [("SPLIT-77", row.evidence_sha256)]
    assert await asyncio.to_thread(world.photos.read, row.evidence_sha256) == PDF


async def test_a_discarded_payment_is_recorded_again_with_what_was_right(world: World) -> None:
    payments, first, second = await both(world)
    sale, _ = await brokered(world)
    paid = said()
    wrong = await payments.record(first, sale, paid, world.photos)
    with pytest.raises(ProviderPaymentWaits):
        await payments.record(second, sale, said(), world.photos)
    for _ in range(2):
        await payments.discard(second, wrong)
    with pytest.raises(ProviderPaymentOver):
        await payments.confirm(second, wrong)
    right = await payments.record(second, sale, paid, world.photos)
    assert right != wrong
    await payments.confirm(first, right)
    with pytest.raises(SellerPaid):
        await payments.record(second, sale, said(), world.photos)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"amount": Money(451_24)}, ProviderPaidOther),
        ({"amount": Money(475_00)}, ProviderPaidOther),
        ({"amount": Money(451_25, Currency.USD)}, ProviderPaidOther),
        ({"amount": Money(0)}, FieldInvalid),
        ({"amount": Money(-451_25)}, FieldInvalid),
        ({"paid_on": today() + timedelta(days=1)}, FieldInvalid),
        ({"paid_on": today() - timedelta(days=1)}, FieldInvalid),  # Before it was sold.
        ({"reference": " "}, FieldInvalid),
        ({"reference": "x" * 65}, FieldInvalid),
        ({"reference": "a\nb"}, FieldInvalid),
        ({"evidence": None}, FieldInvalid),
        ({"evidence": ProofFile("page.html", b"<html><script></script></html>")}, AttachmentUnsupported),
    ],
)
async def test_payment_of_another_sale_is_refused(world: World, changed: dict[str, Any], refusal: type) -> None:
    payments, first, _ = await both(world)
    sale, _ = await brokered(world)
    with pytest.raises(refusal):
        await payments.record(first, sale, said(**changed), world.photos)
    assert await world.rows(BrokeredPaymentRow, sale_id=sale) == []


async def test_provider_reference_is_unique(world: World) -> None:
    payments, first, second = await both(world)
    (sale, _), (other, _) = await brokered(world), await brokered(world)
    paid = said()
    found = await asyncio.gather(
        payments.record(first, sale, paid, world.photos), payments.record(second, other, paid, world.photos),
        return_exceptions=True,
    )  # fmt: skip
    assert sorted(type(one).__name__ for one in found) == ["ReferenceTaken", "str"]
    late = other if isinstance(found[0], str) else sale
    with pytest.raises(ReferenceTaken):
        await payments.record(second, late, replace(paid, paid_on=today()), world.photos)


async def test_only_finance_without_ties_to_the_seller_records_and_confirms(world: World) -> None:
    payments, first, second = await both(world)
    sale, owner = await brokered(world)
    for role in ("compliance", "senior", "ops"):
        with pytest.raises(NotAllowed):
            await payments.record(await world.a_person(role), sale, said(), world.photos)
    relative = await world.a_person("finance")
    async with world.database.transaction() as session:
        session.add(RelativeRow(person_id=relative, seller=owner))
    with pytest.raises(OwnWork):
        await payments.record(relative, sale, said(), world.photos)
    payment = await payments.record(first, sale, said(), world.photos)
    with pytest.raises(OwnWork):
        await payments.confirm(relative, payment)
    with pytest.raises(NotAllowed):
        await payments.confirm(await world.a_person("compliance"), payment)
    own = await sold(world, second, await a_bought_card(world))
    for unknown in (own, "nothing"):
        with pytest.raises(NotFound):
            await payments.record(first, unknown, said(), world.photos)
    with pytest.raises(NotFound):
        await payments.confirm(second, "nothing")


async def test_paid_sale_and_sale_under_reversal_exclude_each_other(world: World) -> None:
    payments, first, second = await both(world)
    returns = SaleReturns(world.database)
    sale, _ = await brokered(world)
    payment = await payments.record(first, sale, said(), world.photos)
    with pytest.raises(SellerPaid):
        await returns.ask(second, sale, "agreed")
    await payments.confirm(second, payment)
    with pytest.raises(SellerPaid):
        await returns.ask(second, sale, "agreed")
    other, _ = await brokered(world)
    await returns.ask(first, other, "agreed")
    with pytest.raises(ReturnWaits):
        await payments.record(second, other, said(), world.photos)
    await returns.decline(second, other)
    await taken_back(world, other, "agreed")
    with pytest.raises(SaleReturned):
        await payments.record(second, other, said(), world.photos)


async def test_invariants_hold_and_detect_direct_changes(world: World) -> None:
    payments, first, second = await both(world)
    (sale, _), (waiting, _) = await brokered(world), await brokered(world)
    payment = await payments.record(first, sale, said(), world.photos)
    await payments.confirm(second, payment)
    alone = await payments.record(first, waiting, said(), world.photos)
    checks, look = (SourcesAgree(), PostingsHaveSources(), ClaimsByTwo()), Look(most=100_000)
    async with world.database.transaction() as session:
        lines = [line for one in checks for line in await one.broken(session, look)]
        assert [line for line in lines if payment in line or alone in line] == []
        await session.execute(
            text("UPDATE brokered_payment SET confirmed_at = now(), confirmed_by = recorded_by WHERE id = :id"),
            {"id": alone},
        )
        assert any(f"brokered:{alone}" in line for line in await SourcesAgree().broken(session, look))
        assert any(alone in line for line in await ClaimsByTwo().broken(session, look))
        await session.rollback()
