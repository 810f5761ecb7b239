"""Reading partners' answers: what they write as text and numbers becomes our types, or the answer is malformed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

from domain.cards.card import CardStatus
from domain.money import Currency, Money
from gateways.errors import GatewayUnavailable

EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
COST_FEN_MAX = 100_00  # A question costs fen; a hundred yuan for one is a mistake of the partner's.
COUNT_MAX = 1_000
AMOUNT_MINOR_MAX = 10**12  # Far more than any card holds, and still a number that the database keeps.


@contextmanager
def reading(system: str) -> Iterator[None]:
    """Turn an answer with a field missing or of the wrong kind into GatewayUnavailable("malformed")."""
    try:
        yield
    except (KeyError, TypeError, ValueError, OverflowError):
        # `from None`: the message of these errors can quote the answer.
        raise GatewayUnavailable(system, "malformed", perhaps_done=True) from None


def amount(fields: Mapping[str, Any], name: str) -> Money | None:
    """Read the amount in minor units under `name`, in the answer's currency; None when it is null."""
    if fields[name] is None:
        return None
    given = fields[name]
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= AMOUNT_MINOR_MAX:
        raise ValueError(name)
    return Money(given, Currency(fields["currency"]))


def day(fields: Mapping[str, Any], name: str) -> date | None:
    """Return the ISO 8601 date under `name`, None when it is null or absent. Raises ValueError outside 2000 to 2099."""
    if fields.get(name) is None:
        return None
    found = date.fromisoformat(fields[name])
    if not EARLIEST.year <= found.year < LATEST.year:
        raise ValueError(name)
    return found


def moment(fields: Mapping[str, Any], name: str) -> datetime:
    """Return the ISO 8601 moment under `name` in UTC.

    Raises ValueError for a moment without a zone, because a guess could be hours off, and for one outside 2000 to 2099.
    """
    given = datetime.fromisoformat(fields[name])
    if given.tzinfo is None or not EARLIEST <= given < LATEST:
        raise ValueError(name)
    return given.astimezone(UTC)


def beijing_moment(text: str) -> datetime:
    """Return the moment of `2026-11-28 10:03:04` by Beijing's clock, as statements write it. Raises ValueError as `moment` does."""
    given = datetime.fromisoformat(f"{text}+08:00")
    # A million lines are known to be within by their year; only those near an edge are compared as moments.
    if not EARLIEST.year < given.year < LATEST.year - 1 and not EARLIEST <= given < LATEST:
        raise ValueError(text)
    return given


def status(fields: Mapping[str, Any]) -> CardStatus:
    """Read the card's status; a word we do not know is UNKNOWN, which sends the card to a person."""
    given = fields["status"]
    return CardStatus(given) if given in set(CardStatus) else CardStatus.UNKNOWN


def cost(fields: Mapping[str, Any]) -> int:
    """Read what the call cost, in fen; 0 when the partner does not say."""
    return count(fields, "cost_fen", COST_FEN_MAX) if "cost_fen" in fields else 0


def cost_if_readable(fields: Mapping[str, Any]) -> int:
    """Return what the call cost, in fen; 0 also for what is no cost, which `cost` refuses."""
    try:
        return cost(fields)
    except (TypeError, ValueError):
        return 0


def count(fields: Mapping[str, Any], name: str, most: int = COUNT_MAX) -> int:
    """Return the whole number from 0 to `most` under `name`. Raises ValueError for anything else, also for true and 1.5."""
    given = fields[name]
    if not isinstance(given, int) or isinstance(given, bool) or not 0 <= given <= most:
        raise ValueError(name)
    return given
