"""A kind of row that moves money, and what its postings must have left on the accounts."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One source. `name` is what the cause of its postings begins with: `payout` for `payout:<key>`.

    `due` selects (id, account's code, currency, minor units): the sum of all postings of that row on that account as its
    state is now, positive for a debit; several rows of one account are added up. A row that has moved nothing is left out,
    or gives 0. `of_the_seller` says that its postings belong to what a seller is paid for a card (I3). Accounts of the
    classes in `by_class` are compared as one, by the class alone: whose they are the row does not keep.
    """

    name: str
    due: str
    of_the_seller: bool = False
    by_class: tuple[str, ...] = ()
