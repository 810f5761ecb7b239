"""Whose money a payment order is, and who therefore has no part in deciding about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors.work import OwnWork
from domain.people.acting import ActingReviewer
from domain.sealing import KeyRing
from services.finance.second_person import stranger


@dataclass(frozen=True)
class Whose:
    """`owner` is paid, or `also` the same under another name; `card_id` names the seller whose people take no part.

    `makers` (person ids) proposed or decided what is paid: none of them lets it go when it is held.
    """

    owner: str
    card_id: str | None
    also: str = ""
    makers: frozenset[str] = frozenset()


async def stranger_to(
    session: AsyncSession, keyring: KeyRing, person: str, whose: Whose, now: datetime
) -> ActingReviewer:
    """Return the standing of a person who has nothing to do with who is paid. Refuse OwnWork to any other."""
    who = await stranger(session, keyring, person, whose.owner, whose.card_id, now)
    if whose.also in who.relatives:
        raise OwnWork()
    return who


def require_no_maker(who: ActingReviewer, makers: Iterable[str]) -> None:
    """Refuse OwnWork to a person who is among the makers (ids), or acts for one."""
    if who.circle & set(makers):
        raise OwnWork()
