"""The form that asks to reverse a decision, the same on every page of one."""

from __future__ import annotations

from dataclasses import dataclass

from domain.finance.reversals import ReversalOf
from reviewer_ui.finance.sale_new import day_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import Console
from services.finance.reversals import Reversals


@dataclass(frozen=True)
class TypedReversal:
    """What was entered, as text."""

    reason: str = ""
    counts_for: str = ""


NOTHING_TYPED = TypedReversal()


async def asked_to_reverse(
    console: Console, person: Person, of: ReversalOf, subject: str, typed: TypedReversal
) -> None:  # fmt: skip
    """Ask; without a day it counts for the first open one. Refuse as `Reversals.ask`, and FieldInvalid for a day that is none."""
    day = day_of("counts_for", typed.counts_for) if typed.counts_for.strip() else None
    await Reversals(console.services.database, console.services.keyring).ask(person.id, of, subject, typed.reason, day)
