"""Split rules: what is charged on a sale, and how its spread and fees are divided. A decision table; pure.

A row holds where each of its conditions is empty or equal to the sale's own. Of each kind of charge, and of the divisions of
each pot, the first row that fits counts; a pot without one is the platform's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

from domain.cards.card import CardType
from domain.errors.general import FieldInvalid
from domain.finance.counterparties import SHARING, ChargeKind, CounterpartyKind, Instalments
from domain.finance.sales import SaleMode
from domain.finance.waterfall import PLATFORM, Base, BorneBy, Charge, Division
from domain.money import BASIS_POINTS_PER_ONE, Money
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind, place
from domain.policies.schema import (
    CODE,
    Schema,
    basis_points,
    by_code,
    money,
    offered,
    one_of,
    record,
    rows,
    text,
    with_default,
)

SPLITS = Path(__file__).with_name("splits.json")
COUNTERPARTY_PLACES = "counterparties"  # Where a row's receiver is chosen from.
SELLERS = "seller"  # The condition on the owner that holds for every private seller.
_OWNER = f"^({SELLERS}|[0-9A-HJKMNP-TV-Z]{{26}})?$"
_ANY_CODE = text(40, f"{CODE}|^$", empty=True)


@dataclass(frozen=True)
class SaleFacts:
    """What rows ask of a sale. `owner` is `seller`, or the id of the partner who handed the card in."""

    mode: SaleMode
    card_type: CardType
    brand: str
    buyer: str  # The buyer's code.
    owner: str
    outlet: str = ""  # The code of the outlet that confirmed the card; empty: none did.
    instalments: Instalments = Instalments.NO
    intake_point: str = ""  # The code of the offline point that took the card in; empty: none did.


CONDITIONS = tuple(one.name for one in fields(SaleFacts))
_READ = attrgetter(*CONDITIONS)


@dataclass(frozen=True)
class Passed:
    """A row that was asked and did not fit, and the first condition that failed."""

    rule: str
    condition: str


@dataclass(frozen=True)
class Ruling:
    """What the rules say of a sale, and why: the rows that count, and those before them that did not fit."""

    version: str
    charges: tuple[Charge, ...]
    divisions: tuple[Division, ...]
    passed: tuple[Passed, ...]


class SplitRules:
    """One version of the rules, made ready once; `ruling` may be called from any thread."""

    def __init__(self, found: PolicyDocument) -> None:
        document = found.document
        self.version = found.version
        self.counterparties: Mapping[str, Mapping[str, str]] = document["counterparties"]
        self.split_provider = str(document["split_provider"])
        self._tables = (
            *(_rows(document["charges"], "kind", kind.value, _charge) for kind in ChargeKind),
            *(_rows(document["divisions"], "base", base.value, _division) for base in (Base.SPREAD, Base.FEE)),
        )

    def ruling(self, sale: SaleFacts) -> Ruling:
        """Return what counts for a sale. Fixed amounts are in CNY, as every waterfall that is posted."""
        given = _READ(sale)
        charges: list[Charge] = []
        divisions: list[Division] = []
        passed: list[Passed] = []
        for table in self._tables:
            for row in table:
                for index, wanted, on_failure in row.conditions:
                    if given[index] != wanted:
                        passed.append(on_failure)
                        break
                else:
                    if row.charge is not None:
                        charges.append(row.charge)
                    elif row.division is not None:
                        divisions.append(row.division)
                    break
        return Ruling(self.version, tuple(charges), tuple(divisions), tuple(passed))


@dataclass(frozen=True)
class _Row:
    """A row made ready: the index, wanted value and failure of each condition, and what counts where all hold."""

    conditions: tuple[tuple[int, str, Passed], ...]
    charge: Charge | None = None
    division: Division | None = None


def splits_in_force(on: date) -> SplitRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return splits_of(BOOK.in_force(KIND, on))


def intake_points(on: date) -> Mapping[str, str]:
    """Return the names of the intake points of the rules that hold on a day, by their codes."""
    parties = splits_in_force(on).counterparties
    return {code: one["name"] for code, one in parties.items() if one["kind"] == CounterpartyKind.INTAKE}


def require_intake_point(code: str, on: date) -> None:
    """Refuse FieldInvalid (`intake_point`) for a code that is no intake point of the rules that hold on a day; none is no fault."""
    if code and code not in intake_points(on):
        raise FieldInvalid(field="intake_point", why="not_offered")


@lru_cache(maxsize=16)
def splits_of(found: PolicyDocument) -> SplitRules:
    """Return one version of the rules, made ready."""
    return SplitRules(found)


def _schema() -> Schema:
    when = {
        "mode": _any_of(SaleMode, "sale_mode"),
        "card_type": _any_of(CardType, "card_type"),
        "brand": _ANY_CODE,
        "buyer": _ANY_CODE,
        "owner": text(26, _OWNER, empty=True),
        "outlet": _ANY_CODE,
        "intake_point": with_default(_ANY_CODE, ""),
        "instalments": _any_of(Instalments, "sale_instalments"),
    }
    receiver = offered(COUNTERPARTY_PLACES)
    charge = record(
        code=text(40, CODE), kind=one_of(ChargeKind, "charge_kind"), **when, rate_bp=basis_points(), fixed_minor=money(),
        to=receiver, borne_by=one_of(BorneBy, "charge_borne_by"),
    )  # fmt: skip
    base: Schema = {"type": "string", "enum": [Base.SPREAD.value, Base.FEE.value], "names": "split_base"}
    parts = rows(record(to=receiver, share_bp=basis_points()), row_key="to", most=50)
    division = record(code=text(40, CODE), base=base, **when, parts=parts)
    sharing: Schema = {"type": "string", "enum": [one.value for one in SHARING], "names": "counterparty_kind"}
    return record(
        split_provider=text(40, CODE),  # Licensed to hold buyers' money for brokered cards and to pay their sellers.
        counterparties=by_code(record(name=text(80), kind=sharing)),
        charges=_perhaps_none(rows(charge, row_key="code", ordered=True)),
        divisions=_perhaps_none(rows(division, row_key="code", ordered=True)),
    )


def _any_of(kind: Any, names: str) -> Schema:
    return {"type": "string", "enum": ["", *(one.value for one in kind)], "names": names}


def _perhaps_none(schema: Schema) -> Schema:
    return {**schema, "minItems": 0}


def _flaws(document: Mapping[str, Any], before: Mapping[str, Any]) -> Iterable[Flaw]:
    """Name every row that charges or divides what cannot be: unknown receivers, parts that are no whole, hidden rows."""
    known = {PLATFORM, *document["counterparties"]}
    gone = set(before.get("counterparties", {})) - known  # Statements and accounts are kept under their codes.
    yield from (Flaw(place(("counterparties", code)), FlawKind.IN_USE) for code in sorted(gone))
    if PLATFORM in document["counterparties"]:
        yield Flaw(place(("counterparties", PLATFORM)), FlawKind.TWICE)
    for name, key in (("charges", "kind"), ("divisions", "base")):
        yield from _row_flaws(name, key, document[name])
    for index, row in enumerate(document["charges"]):
        yield from _charge_flaws(("charges", index), row, known)
    for index, row in enumerate(document["divisions"]):
        yield from _part_flaws(("divisions", index, "parts"), row["parts"], known)


def _row_flaws(name: str, key: str, given: Sequence[Mapping[str, Any]]) -> Iterable[Flaw]:
    codes: set[str] = set()
    for index, row in enumerate(given):
        if row["code"] in codes:
            yield Flaw(place((name, index, "code")), FlawKind.TWICE)
        codes.add(row["code"])
        if any(above[key] == row[key] and _hides(above, row) for above in given[:index]):
            yield Flaw(place((name, index)), FlawKind.HIDDEN)


def _hides(above: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether no sale can reach the lower row: what the upper one asks for, it asks for too."""
    return all(above[one] in ("", row[one]) for one in CONDITIONS)


def _charge_flaws(at: tuple[str | int, ...], row: Mapping[str, Any], known: set[str]) -> Iterable[Flaw]:
    if row["to"] not in known:
        yield Flaw(place((*at, "to")), FlawKind.NOT_KNOWN)
    elif (row["to"] == PLATFORM) == (row["kind"] == ChargeKind.INSTALMENT):
        yield Flaw(place((*at, "to")), FlawKind.CONTRADICTS)
    commission = row["kind"] == ChargeKind.COMMISSION
    if commission != (row["borne_by"] == BorneBy.SELLER):
        yield Flaw(place((*at, "borne_by")), FlawKind.CONTRADICTS)
    if commission and row["mode"] != SaleMode.BROKERED:
        yield Flaw(place((*at, "mode")), FlawKind.CONTRADICTS)


def _part_flaws(at: tuple[str | int, ...], parts: Sequence[Mapping[str, Any]], known: set[str]) -> Iterable[Flaw]:
    named: set[str] = set()
    for index, part in enumerate(parts):
        if part["to"] not in known:
            yield Flaw(place((*at, index, "to")), FlawKind.NOT_KNOWN)
        if part["to"] in named:
            yield Flaw(place((*at, index, "to")), FlawKind.TWICE)
        named.add(part["to"])
    if sum(part["share_bp"] for part in parts) != BASIS_POINTS_PER_ONE:
        yield Flaw(place(at), FlawKind.NOT_WHOLE)


KIND = PolicyKind(
    "splits", _schema(), lambda: built_in_file("splits", SPLITS, "splits"), further=_flaws,
)  # fmt: skip


def _rows(given: Sequence[Mapping[str, Any]], key: str, value: str, made: Any) -> tuple[_Row, ...]:
    found = []
    for row in given:
        if row[key] == value:
            asked = ((index, row[name], name) for index, name in enumerate(CONDITIONS) if row[name])
            conditions = tuple((index, wanted, Passed(row["code"], name)) for index, wanted, name in asked)
            found.append(_Row(conditions, **made(row)))
    return tuple(found)


def _charge(row: Mapping[str, Any]) -> dict[str, Charge]:
    borne = BorneBy(row["borne_by"])
    return {"charge": Charge(row["code"], row["rate_bp"], Money(row["fixed_minor"]), row["to"], borne)}


def _division(row: Mapping[str, Any]) -> dict[str, Division]:
    parts = tuple((part["to"], part["share_bp"]) for part in row["parts"])
    return {"division": Division(row["code"], Base(row["base"]), parts)}
