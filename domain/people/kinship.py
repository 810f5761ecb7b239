"""Detect whether a person of the console is the seller of a card: the same phone, payee or address."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from domain.people.roles import is_address
from domain.typed import plain

_PHONE = re.compile(r"\+?[0-9]{7,15}")
_BETWEEN = re.compile(r"[\s().·-]+")
_COUNTRY = "86"  # A number without a country is a Chinese one.
_NATIONAL_DIGITS = 11


@dataclass(frozen=True)
class Traits:
    """Identifying traits of a person, made comparable; all of it personal data. Build it with `traits`."""

    accounts: frozenset[str] = field(default=frozenset(), repr=False)
    names: frozenset[str] = field(default=frozenset(), repr=False)


def traits(*, accounts: Iterable[str] = (), names: Iterable[str] = ()) -> Traits:
    """Return the traits of accounts (telephones, e-mail addresses, payee accounts) and names as they were written."""
    known = (account_trait(one) for one in accounts)
    called = (_BETWEEN.sub("", plain(one)).casefold() for one in names)
    return Traits(frozenset(one for one in known if one), frozenset(one for one in called if one))


def account_trait(written: str) -> str:
    """Return an account in the form in which it is compared: a telephone with its country's digits, else small letters."""
    text = plain(written).casefold()
    digits = _BETWEEN.sub("", text)
    if not _PHONE.fullmatch(digits):
        return text
    number = digits.removeprefix("+")
    return _COUNTRY + number if len(number) == _NATIONAL_DIGITS and not digits.startswith("+") else number


def linked(person: Traits, seller: Traits) -> bool:
    """Return whether both have an account or a whole name in common."""
    return bool(person.accounts & seller.accounts or person.names & seller.names)


def is_account(trait: str) -> bool:
    """Return whether a compared form is a telephone number or an e-mail address, so that it can be declared as one's own."""
    return _PHONE.fullmatch(trait) is not None or is_address(trait)
