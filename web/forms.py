"""What comes in forms and addresses as text."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

from domain.errors.general import FieldInvalid
from domain.money import Currency, Money

Member = TypeVar("Member", bound=StrEnum)


def member_of(kind: type[Member], typed: object) -> Member | None:
    """Return the member of an enum that a form names by its value; None for anything else."""
    return next((one for one in kind if one == typed), None)


def money_of(field: str, written: str, currency: Currency = Currency.CNY, why: str = "not_money") -> Money:
    """Return the amount typed into a field, by the rule of every form (`Money.typed`). Refuse FieldInvalid for text that is none."""
    try:
        return Money.typed(written, currency)
    except ValueError:
        raise FieldInvalid(field=field, why=why) from None
