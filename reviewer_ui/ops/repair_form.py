"""The form of a repair: its kinds with their options, as the engine declares them, and what was typed into it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData

from database.tables.ops.repairs import RepairRow
from domain.errors.general import FieldInvalid
from domain.ops.repair_kinds import KINDS, KindOfRepair
from domain.ops.repairs import RepairKind
from domain.rules.repairs import RepairRules
from services.ops.repairs.desk import RepairPlan
from web.forms import member_of

DIGITS_MAX = 9
POINTS = 100  # Basis points of one percent.
CHECKED = "yes"


@dataclass(frozen=True)
class OptionField:
    """One option of a kind. `choices` are its values where it has a list, `least` and `most` bound a number of seconds."""

    name: str  # In the form: `<kind>.<option>`.
    key: str  # Of its words.
    value: str
    choices: tuple[str, ...] = ()
    words: str = ""  # The family of the choices' words.
    least: int = 0
    most: int = 0
    is_check: bool = False


@dataclass(frozen=True)
class KindChoice:
    """One kind as the form offers it."""

    kind: RepairKind
    declared: KindOfRepair
    options: tuple[OptionField, ...]


@dataclass(frozen=True)
class Typed:
    """The input of the form; numbers as entered."""

    kind: str = ""
    reason_code: str = ""
    note: str = ""
    canary: str = ""
    rate_per_s: str = ""
    failures: str = ""  # Percent.
    runs: str = ""
    cause: str = ""


def typed_of(form: FormData) -> Typed:
    """Return what was sent, whatever it is."""
    return Typed(**{name: str(form.get(name, "")) for name in Typed.__annotations__})


def as_usual(rules: RepairRules, runs: str = "", cause: str = "", kind: str = "") -> Typed:
    """Return an empty form with the numbers of the rules in force."""
    return Typed(
        kind=kind, canary=str(rules.canary), rate_per_s=str(rules.rate_per_s), failures=_percent(rules.failures_bp),
        runs=runs, cause=cause,
    )  # fmt: skip


def as_planned(row: RepairRow) -> Typed:
    """Return the form of a repair that is there."""
    return Typed(
        row.kind.value, row.reason_code, row.note, str(row.canary), str(row.rate_per_s), _percent(row.failures_bp)
    )


def choices(given: Mapping[str, Any] | None = None, chosen: str = "") -> tuple[KindChoice, ...]:
    """Return every kind with its options; `given` are the options of the `chosen` one, the others have their defaults."""
    return tuple(
        KindChoice(kind, declared, _fields(kind, declared, (given or {}) if kind == chosen else {}))
        for kind, declared in KINDS.items()
    )


def options_in(form: FormData, kind: RepairKind) -> dict[str, Any]:
    """Return the options of the kind as the form has them. Refuses FieldInvalid for a number that is none."""
    found: dict[str, Any] = {}
    for name, schema in KINDS[kind].options["properties"].items():
        sent = str(form.get(f"{kind.value}.{name}", "")).strip()
        if schema["type"] == "boolean":
            found[name] = sent == CHECKED
        elif sent:
            found[name] = _number(name, sent) if schema["type"] == "integer" else sent
    return found


def plan_of(form: FormData) -> RepairPlan:
    """Return the plan that the form asks for. Refuses FieldInvalid."""
    typed = typed_of(form)
    kind = member_of(RepairKind, typed.kind)
    if kind is None or kind not in KINDS:
        raise FieldInvalid(field="kind", why="missing")
    percent = _optional("failures", typed.failures)
    return RepairPlan(
        kind, typed.reason_code, options_in(form, kind), typed.note, _optional("canary", typed.canary),
        _optional("rate_per_s", typed.rate_per_s), None if percent is None else percent * POINTS,
    )  # fmt: skip


def _fields(kind: RepairKind, declared: KindOfRepair, given: Mapping[str, Any]) -> tuple[OptionField, ...]:
    return tuple(
        _field(kind, name, schema, given.get(name, schema.get("default")))
        for name, schema in declared.options["properties"].items()
    )


def _field(kind: RepairKind, name: str, schema: Mapping[str, Any], value: Any) -> OptionField:
    form_name, key = f"{kind.value}.{name}", f"ops.repair.option.{name}"
    if schema["type"] == "boolean":
        return OptionField(form_name, key, CHECKED if value else "", is_check=True)
    if "enum" in schema:
        return OptionField(form_name, key, str(value), tuple(schema["enum"]), schema.get("names", ""))
    return OptionField(form_name, key, str(value), least=schema["minimum"], most=schema["maximum"])


def _optional(name: str, typed: str) -> int | None:
    return _number(name, typed.strip()) if typed.strip() else None


def _number(name: str, typed: str) -> int:
    if not (typed.isascii() and typed.isdigit() and len(typed) <= DIGITS_MAX):
        raise FieldInvalid(field=name, why="not_a_number")
    return int(typed)


def _percent(basis_points: int) -> str:
    return str(basis_points // POINTS)
