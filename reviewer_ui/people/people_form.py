"""The form of a person's work: as it is stored, as it was typed, and from one to the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Form

from database.tables.people import PersonRow
from domain.cards.card import CardType
from domain.errors.general import FieldInvalid
from domain.money import Money
from domain.places import today_in
from domain.rules.brands import catalogue
from domain.work.snooze import local_moment
from languages import LOCALES
from services.people.accounts import CAPACITY_MAX, WorkSetUp
from web.forms import money_of
from web.words import zone_of

COMMON_ZONES = (
    "Asia/Shanghai", "Asia/Urumqi", "Asia/Hong_Kong", "Asia/Taipei", "Asia/Singapore", "Asia/Tokyo", "Asia/Kolkata", "Europe/London",
    "Europe/Berlin", "America/New_York", "America/Los_Angeles", "Australia/Sydney", "UTC",
)  # fmt: skip

Line = Annotated[str, Form(max_length=120)]
Several = Annotated[list[str] | None, Form()]


@dataclass(frozen=True)
class WorkForm:
    """Every field as text, so that what cannot be read is shown again as it was typed."""

    skill_types: tuple[str, ...]
    skill_brands: tuple[str, ...]
    skill_languages: tuple[str, ...]
    limit: str
    capacity: str
    on_duty: bool
    probation: str  # A date; the probation ends at its beginning on the person's clock.
    team: str
    timezone: str


def typed_work(
    type: Several = None,  # noqa: A002
    brand: Several = None,
    language: Several = None,
    limit: Line = "",
    capacity: Line = "",
    on_duty: Line = "",
    probation: Line = "",
    team: Line = "",
    timezone: Line = "",
) -> WorkForm:
    """Read the form as a browser sends it."""
    skills = (tuple(type or ()), tuple(brand or ()), tuple(language or ()))
    return WorkForm(*skills, limit, capacity, on_duty == "yes", probation, team.strip(), timezone.strip())


WorkTyped = Annotated[WorkForm, Depends(typed_work)]


def work_form(row: PersonRow) -> WorkForm:
    """Return the form as it is stored."""
    zone = zone_of(row.timezone)
    return WorkForm(
        skill_types=tuple(row.skill_types),
        skill_brands=tuple(row.skill_brands),
        skill_languages=tuple(row.skill_languages),
        limit="" if row.limit_minor is None else Money(row.limit_minor).decimal_text(),
        capacity=str(row.capacity),
        on_duty=row.on_duty,
        probation="" if row.probation_until is None else today_in(zone, row.probation_until).isoformat(),
        team=row.team,
        timezone=row.timezone,
    )


def work_set_up(typed: WorkForm, row: PersonRow) -> WorkSetUp:
    """Return what the form says; a probation that was not touched stays the moment it is. Refuses FieldInvalid."""
    kept = typed.probation == work_form(row).probation
    return WorkSetUp(
        team=typed.team,
        timezone=typed.timezone,
        skill_types=_known(typed.skill_types, [one.value for one in CardType]),
        skill_brands=_known(typed.skill_brands, sorted(catalogue())),
        skill_languages=_known(typed.skill_languages, list(LOCALES)),
        limit_minor=_limit(typed.limit),
        capacity=_capacity(typed.capacity),
        on_duty=typed.on_duty,
        probation_until=row.probation_until if kept else _beginning(typed),
    )


def _known(given: tuple[str, ...], known: list[str]) -> tuple[str, ...]:
    """All of them is no restriction: what is added to the list later is theirs too."""
    chosen = tuple(one for one in known if one in given)
    return () if len(chosen) == len(known) else chosen


def _limit(written: str) -> int | None:
    if not written.strip():
        return None
    return money_of("limit", written, why="not_an_amount").amount_minor


def _capacity(written: str) -> int:
    text = written.strip() or "0"
    if not (text.isascii() and text.isdigit() and len(text) <= 6):
        raise FieldInvalid(field="capacity", why="not_a_number", most=CAPACITY_MAX)
    return int(text)


def _beginning(typed: WorkForm) -> datetime | None:
    if not typed.probation:
        return None
    return local_moment(f"{typed.probation}T00:00", zone_of(typed.timezone), "probation")
