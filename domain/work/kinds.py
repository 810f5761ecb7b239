"""Kinds of work: what each declares of its own. Queue, claim, lease, order, clock and comments are the same for all.

`domain.kinds` registers the kinds of the product; importing the table of work items does that for every process.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.people.roles import Permission
from domain.work.queue_order import OrderFacts, order_at
from domain.work.reason_codes import ReasonedAct

REVIEW = "review"
_CODE = re.compile(r"[a-z]{1,20}")


class Facet(StrEnum):
    """A trait of items that the queue of a kind can be narrowed by; language, team and holder serve every kind."""

    CARD_TYPE = "card_type"
    BRAND = "brand"
    REASON = "reason"
    VALUE = "value"
    PHASE = "phase"


@dataclass(frozen=True)
class KindOfWork:
    """What one kind of work declares.

    Skills need no declaration: an item without card type, brand or value asks for no skill in it. People who must not
    have an item (who took part in what it is about) are barred on the item itself.
    """

    code: str  # Small letters; part of ids and addresses.
    see: Permission  # Opens its queue.
    take: Permission  # Leases, snoozes, escalates and closes an item.
    take_escalated: Permission  # The same once it was escalated.
    page: str  # The address of an item's page, with `{card}`, `{task}` or `{subject}`, the second part of its id.
    reasons: str = "review_reason"  # The family of words for why an item was opened.
    closes: ReasonedAct | None = None  # The managed list that its outcomes are chosen from; None: outcomes of its own.
    check: Permission | None = None  # The second person; None: one person is enough.
    # The traits of its items: they narrow its queue (see `facets`) and choose its deadlines. None: it has no such trait.
    opened_for: type[StrEnum] | None = None  # Why an item was opened.
    card_types: type[StrEnum] | None = None
    brands: Callable[[], Iterable[str]] = tuple  # Codes.
    facets: frozenset[Facet] = frozenset()
    order_at: Callable[[OrderFacts], datetime] = order_at  # The place within the band.
    # The card's journey waits for the item: its acts move the card, its clock is the card's, its timers the workflow's.
    # Otherwise the item has a clock of its own, which a background job rings.
    holds_card: bool = False
    keeps_own_time: bool = False  # A workflow of the item's own rings its clock, not the background job.
    answers_customers: bool = False  # Policies may promise times to the first and to the next public reply.
    breach_escalates: bool = True  # A late item is for those who take escalated ones only.

    def page_of(self, task_id: str, card_id: str | None) -> str:
        """Return the address of an item's page."""
        return self.page.format(task=task_id, card=card_id or "", subject=subject_of(task_id))


_KINDS: dict[str, KindOfWork] = {}


def register(kind: KindOfWork) -> None:
    """Make a kind known to every desk of this process. Raises ValueError for a code that is malformed or taken."""
    if not _CODE.fullmatch(kind.code) or _KINDS.setdefault(kind.code, kind) is not kind:
        raise ValueError(f"no kind of work can be registered as {kind.code!r}")


def withdraw(code: str) -> None:
    """Forget a kind again. Raises KeyError for an unknown code."""
    del _KINDS[code]


def subject_of(task_id: str) -> str:
    """Return what an item is about by its id, `<kind of subject>:<subject>:<kind of work>:<number>`; empty for other ids."""
    parts = task_id.split(":")
    return parts[1] if len(parts) == 4 else ""


def page_at(task_id: str | None, card_id: str | None) -> str | None:
    """Return the address of an item's page by its id, or its card's; None where there is neither."""
    parts = (task_id or "").split(":")
    code = parts[2] if len(parts) == 4 else parts[1] if len(parts) == 3 else ""
    if task_id is not None and code in _KINDS:
        return _KINDS[code].page_of(task_id, card_id or parts[1])
    return f"/cards/{card_id}" if card_id else None


def keeps_own_time(task_id: str) -> bool:
    """Return whether the item of this id is rung by a workflow of its own."""
    parts = task_id.split(":")
    return len(parts) == 4 and parts[2] in _KINDS and _KINDS[parts[2]].keeps_own_time


def kinds() -> tuple[KindOfWork, ...]:
    """Return all kinds in the order of their registration."""
    return tuple(_KINDS.values())


def kind_of(code: str) -> KindOfWork:
    """Return the kind of this code. Raises KeyError for an unknown one."""
    return _KINDS[code]
