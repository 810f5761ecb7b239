"""The filter of the queue of one kind of work that a person views or claims from, and its form in a URL."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlencode

from domain.errors.general import FieldInvalid
from domain.money import Money
from domain.work.kinds import REVIEW, kind_of, kinds
from domain.work.task import TaskPhase

ENDING_CHARACTERS_MAX = 26  # A whole id.
CARD_NUMBER_DIGITS_MIN = 13


class QueueSort(StrEnum):
    """The orders of the queue page; "next" always goes by the queue's own."""

    QUEUE = "queue"  # Escalated, about to breach, came back, then by value and age.
    DUE = "due"  # Due soonest first.
    VALUE = "value"  # Highest value first.
    AGE = "age"  # The longest waiting first.


class Hand(StrEnum):
    """Whose hand a task is in."""

    MINE = "mine"  # I hold its lease.
    OTHERS = "others"  # A colleague holds it.
    FREE = "free"  # Unclaimed.


@dataclass(frozen=True)
class Wanted:
    """The filters of the queue; an empty one leaves its kind open. Several values of one filter mean any of them.

    Snoozed tasks are shown only when they are asked for. Amounts are CNY minor units, both ends included.
    """

    card_types: tuple[str, ...] = ()  # Members of what the kind declares, as `brands` and `reasons`.
    brands: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()  # The seller's.
    phase: TaskPhase | None = None
    hand: Hand | None = None
    mine: bool = False  # Held by me or assigned to me.
    assigned_to_me: bool = False
    snoozed: bool = False
    escalated: bool = False
    waiting: bool = False  # Another desk or the customer is to act; shown only when asked for.
    soon_late: bool = False
    value_min_minor: int | None = None
    value_max_minor: int | None = None
    team: str = ""
    kind: str = REVIEW  # A code of `domain.work.kinds`; a queue is always one kind's.
    ending: str = ""  # The last characters of the card's id.
    sort: QueueSort = QueueSort.QUEUE

    @property
    def narrowed(self) -> bool:
        """Whether anything but the order differs from the whole queue."""
        return replace(self, sort=QueueSort.QUEUE) != Wanted(kind=self.kind)

    def for_next(self) -> Wanted:
        """Return the filter that "next" uses: claimed and snoozed tasks are excluded, whatever the page shows."""
        return replace(self, hand=None, snoozed=False, waiting=False, sort=QueueSort.QUEUE)

    def pairs(self) -> list[tuple[str, str]]:
        """Return names and values as in an address; open ones are left out."""
        words = [
            ("kind", "" if self.kind == REVIEW else self.kind),
            *_many("type", self.card_types), *_many("brand", self.brands), *_many("reason", self.reasons), *_many("language", self.languages),
            ("phase", self.phase or ""), ("hand", self.hand or ""), ("assigned", "me" if self.assigned_to_me else ""),
            *((name, "yes" if getattr(self, name) else "") for name in ("mine", "snoozed", "waiting", "escalated", "soon_late")),
            ("value_min", _amount_text(self.value_min_minor)), ("value_max", _amount_text(self.value_max_minor)),
            ("team", self.team), ("ending", self.ending), ("sort", "" if self.sort is QueueSort.QUEUE else self.sort),
        ]  # fmt: skip
        return [(name, str(value)) for name, value in words if value]

    def query(self) -> str:
        """Write the filters as a query string, always in the same order; empty for the whole queue."""
        return urlencode(self.pairs())

    @classmethod
    def from_pairs(cls, pairs: Iterable[tuple[str, str]], *, strict: bool = False) -> Wanted:
        """Read the filters from what `pairs` returned; names that are no filter's are ignored.

        A value that cannot be read counts as not given, or is refused as FieldInvalid (`field`, `why`) when `strict`.
        """
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if value.strip() and "\0" not in value:  # No text of PostgreSQL holds that character.
                given.setdefault(name, []).append(value.strip())
        read = _Given(given, strict)
        return cls(**{field.name: _READERS[field.name](read) for field in fields(cls)})

    @classmethod
    def from_query(cls, query: str, *, strict: bool = False) -> Wanted:
        """Read the filters from what `query` returned; see `from_pairs`."""
        return cls.from_pairs(parse_qsl(query, max_num_fields=200) if query.count("&") < 200 else [], strict=strict)


class _Given:
    """The values of one address, read one filter at a time."""

    def __init__(self, values: dict[str, list[str]], strict: bool) -> None:
        self._values = values
        self._strict = strict
        self.kind = kind_of(self.word("kind", [kind.code for kind in kinds()]) or REVIEW)

    def words(self, name: str, known: Iterable[str]) -> tuple[Any, ...]:
        """Return the known members that were given, each once, in their own order."""
        given = set(self._values.get(name, ()))
        members = tuple(member for member in known if member in given)
        if len(members) < len(given):
            self._refuse(name, "not_a_choice")
        return members

    def word(self, name: str, known: Iterable[str]) -> Any:
        """Return the one known member that was given, or None."""
        return next(iter(self.words(name, known)), None)

    def texts(self, name: str, most: int) -> tuple[str, ...]:
        """Free words, each once, sorted."""
        return tuple(sorted({value[:40].strip() for value in self._values.get(name, ())[:most]}))

    def text(self, name: str, longest: int) -> str:
        """Return the first text given, or an empty one."""
        return next(iter(self._values.get(name, ())), "")[:longest].strip()

    def minor(self, name: str) -> int | None:
        """Convert an amount written in yuan to minor units."""
        written = self.text(name, 20)
        if not written:
            return None
        try:
            return Money.typed(written).amount_minor
        except ValueError:
            self._refuse(name, "not_an_amount")
            return None

    def ending(self, name: str) -> str:
        """Return the end of a card's id; a text with as many digits as a card number is cut, since a number was entered here by mistake."""
        written = self.text(name, ENDING_CHARACTERS_MAX).upper()[:ENDING_CHARACTERS_MAX]
        if sum(one.isdigit() for one in written) >= CARD_NUMBER_DIGITS_MIN and len(written) < ENDING_CHARACTERS_MAX:
            self._refuse(name, "not_a_choice")
            return ""
        return written

    def _refuse(self, name: str, why: str) -> None:
        if self._strict:
            raise FieldInvalid(field=name, why=why)


_READERS: dict[str, Any] = {
    "card_types": lambda given: given.words("type", given.kind.card_types or ()),
    "brands": lambda given: given.words("brand", given.kind.brands()),
    "reasons": lambda given: given.words("reason", given.kind.opened_for or ()),
    "languages": lambda given: given.texts("language", 10),
    "phase": lambda given: given.word("phase", TaskPhase),
    "hand": lambda given: given.word("hand", Hand),
    "mine": lambda given: bool(given.word("mine", ("yes",))),
    "assigned_to_me": lambda given: bool(given.word("assigned", ("me",))),
    "snoozed": lambda given: bool(given.word("snoozed", ("yes",))),
    "waiting": lambda given: bool(given.word("waiting", ("yes",))),
    "escalated": lambda given: bool(given.word("escalated", ("yes",))),
    "soon_late": lambda given: bool(given.word("soon_late", ("yes",))),
    "value_min_minor": lambda given: given.minor("value_min"),
    "value_max_minor": lambda given: given.minor("value_max"),
    "kind": lambda given: given.kind.code,
    "team": lambda given: given.text("team", 40),
    "ending": lambda given: given.ending("ending"),
    "sort": lambda given: given.word("sort", QueueSort) or QueueSort.QUEUE,
}


def _many(name: str, values: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, str(value)) for value in values]


def _amount_text(minor: int | None) -> str:
    return "" if minor is None else Money(minor).decimal_text()
