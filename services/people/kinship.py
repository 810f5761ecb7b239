"""Which people of the console are linked to a card's seller: none of them may take, decide or check it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.sealed import payee_of, phone_of
from database.tables.cards import CardRow, SubmissionRow
from database.tables.people import PersonRow, RelativeRow, SellerRow
from database.tables.work import WorkItemRow
from domain.people.kinship import Traits, account_trait, linked, traits
from domain.sealing import KeyRing

OWN = "account:"  # Prefix of a declared account among a person's relatives: account:<keyed hash>:<mask>.


async def people_linked(
    session: AsyncSession, keyring: KeyRing, card_id: str, among: Iterable[str] | None = None
) -> frozenset[str]:
    """Return all people (or those of `among`, ids) who share phone, payee account, payee name or address with the seller."""
    seller = await _seller(session, keyring, card_id)
    people = select(PersonRow.id, PersonRow.email, PersonRow.name)
    declared = select(RelativeRow.person_id, RelativeRow.seller).where(RelativeRow.seller.startswith(OWN))
    if among is not None:
        people = people.where(PersonRow.id.in_(list(among)))
        declared = declared.where(RelativeRow.person_id.in_(list(among)))
    named = {row.id for row in await session.execute(people) if linked(_of(row), seller)}
    hashes = {own_account(keyring, one) for one in seller.accounts}
    owners = {row.person_id for row in await session.execute(declared) if row.seller.rpartition(":")[0] in hashes}
    return frozenset(named | owners)


async def relink(session: AsyncSession, keyring: KeyRing, person: str) -> None:
    """Keep every open task that is linked to this person from them: they are new, or declared another account."""
    tasks = select(WorkItemRow.id, WorkItemRow.card_id).where(
        WorkItemRow.card_id.is_not(None), WorkItemRow.closed_at.is_(None), ~WorkItemRow.linked.contains([person])
    )
    for task_id, card_id in (await session.execute(tasks)).all():
        if card_id is not None and await people_linked(session, keyring, card_id, [person]):
            kept = (
                update(WorkItemRow).where(WorkItemRow.id == task_id).values(linked=WorkItemRow.linked.concat([person]))
            )
            await session.execute(kept.execution_options(synchronize_session=False))


def own_account(keyring: KeyRing, account: str) -> str:
    """Return the form of an account (phone, e-mail address or payee account) in a declaration, without its mask."""
    return OWN + keyring.index(account_trait(account), purpose="link")


async def _seller(session: AsyncSession, keyring: KeyRing, card_id: str) -> Traits:
    found = select(SubmissionRow).join(CardRow, CardRow.submission_id == SubmissionRow.id).where(CardRow.id == card_id)
    submission = (await session.execute(found)).scalar_one()
    account, name = payee_of(keyring, submission)
    kind, _, number = submission.owner.partition(":")
    seller = await session.get(SellerRow, number) if kind == "seller" else None
    phone = () if seller is None else (phone_of(keyring, seller),)
    return traits(accounts=(account, *phone), names=(name,))


def _of(row: Any) -> Traits:
    return traits(accounts=(row.email,), names=(row.name,))
