"""A repair as its page shows it: totals that add up, and each run with what would change, what is kept, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from database.reads.ops.repairs import Counts
from database.tables.ops.repairs import RepairItemRow
from domain.money import Money
from domain.ops.repairs import ItemState
from languages import has, translate
from web.words import Audience, worded_for

# In the order of the bar: from what is proven to what was never touched.
SHARES = (
    ItemState.CURED, ItemState.ACTED, ItemState.ACTING, ItemState.FAILED_AGAIN, ItemState.FAILED, ItemState.ENDED,
    ItemState.WAITING, ItemState.LEFT, ItemState.EXCLUDED,
)  # fmt: skip
# The families of words for facts that are codes.
FAMILIES = {"stage": "stage", "waiting_for": "waiting_for", "point": "reset_point"}
LASTS = {"repair": 6, "order": 24, "task": 6, "decision": 6}  # How much of an id is shown.


@dataclass(frozen=True)
class Share:
    """How many runs are in one state; `per_mille` of all of them."""

    state: ItemState
    count: int
    per_mille: int


@dataclass(frozen=True)
class Line:
    """A sentence about one run: a key of words and its facts, in words too."""

    key: str
    facts: Mapping[str, str]
    href: str = ""


@dataclass(frozen=True)
class ItemView:
    """One run of a repair."""

    row: RepairItemRow
    value: Money
    foreseen: Line | None
    excluded: Line | None
    keeps: tuple[Line, ...]


def shares(counts: Counts) -> tuple[Share, ...]:
    """Return the states that any run is in; their counts add up to the total."""
    total = max(1, counts.total)
    return tuple(
        Share(state, counts.by_state[state], counts.by_state[state] * 1000 // total)
        for state in SHARES
        if counts.by_state.get(state)
    )


def item_views(
    rows: Iterable[RepairItemRow], locale: str, names: Mapping[str, str], brands: Mapping[str, Mapping[str, str]]
) -> tuple[ItemView, ...]:
    """Return the runs for a page in this language; `names` are people's by id."""
    facts = _Facts(locale, names, brands)
    return tuple(_item(row, facts) for row in rows)


def _item(row: RepairItemRow, facts: _Facts) -> ItemView:
    found: Mapping[str, Any] = row.found
    foreseen = found.get("foreseen")
    why = found.get("why") or {}
    return ItemView(
        row,
        Money(row.value_minor),
        None if foreseen is None else Line(f"repair.foreseen.{foreseen}", facts.words(found.get("facts") or {})),
        None if row.excluded is None else Line(f"excluded.{row.excluded.value}", facts.words(why), _href(why)),
        tuple(Line(f"kept.{one['what']}", facts.words(one["facts"])) for one in found.get("keeps") or ()),
    )


def _href(why: Mapping[str, str]) -> str:
    return f"/operations/repairs/{why['repair']}" if "repair" in why else ""


@dataclass(frozen=True)
class _Facts:
    """The values of sentences in words: people by name, codes by their families."""

    locale: str
    names: Mapping[str, str]
    brands: Mapping[str, Mapping[str, str]]

    def words(self, facts: Mapping[str, str]) -> dict[str, str]:
        return {name: self._word(name, str(value)) for name, value in facts.items()}

    def _word(self, name: str, value: str) -> str:
        if name == "person":
            return self.names.get(value, value[-6:])
        if name == "step":
            return self._known(f"ops.step.{value}", value)
        if name == "provider":
            return self._provider(value)
        if name in FAMILIES:
            return worded_for(f"{FAMILIES[name]}.{value}", self.locale, Audience.STAFF)
        if name in LASTS:
            return value[-LASTS[name] :]
        return value

    def _provider(self, value: str) -> str:
        party, _, whose = value.partition(":")
        said = self._known(f"ops.provider.{party}", party)
        return f"{said} · {self.brands[whose][self.locale]}" if whose in self.brands else said

    def _known(self, key: str, otherwise: str) -> str:
        return translate(key, self.locale) if has(key, self.locale) else otherwise
