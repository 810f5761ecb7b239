"""A ticket's history in sentences: codes by their words, people by name, other tickets by the end of their id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from database.tables.support.tickets import TicketEventRow
from domain.identifiers import short
from languages import has, translate

ReasonNames = Mapping[str, Mapping[str, Mapping[str, str]]]
# Where the words of a changed trait are.
_FAMILIES = {"category": "ticket_category", "priority": "priority", "language": "console.language"}
_FACTS = {"category": "ticket_category", "channel": "ticket_channel", "after": "ticket.macro.after"}
_LISTS = {
    "hand_over_offered": "hand_over",
    "escalated": "escalate",
    "solved": "solve_ticket",
    "snoozed": "snooze",
    "taken_over": "take_over",
}


@dataclass(frozen=True)
class HistoryLine:
    """One event: what happened in words, and who did it."""

    text: str
    who: str
    at: datetime


def history_line(
    event: TicketEventRow, names: Mapping[str, str], reasons: ReasonNames, customer: str, locale: str
) -> HistoryLine:  # fmt: skip
    """Return the event in the reader's language; one that has no words yet is shown as stored."""
    facts = {name: _fact(event.what, name, value, names, reasons, locale) for name, value in event.facts.items()}
    key = f"ticket_event.{event.what}"
    own = f"{key}.{event.facts.get('code', '')}"  # Refusals that no channel said have sentences of their own.
    key = own if has(own, locale) else key
    return HistoryLine(
        translate(key, locale, facts) if has(key, locale) else event.what,
        _who(event.actor, names, customer, locale),
        event.at,
    )


def _who(actor: str, names: Mapping[str, str], customer: str, locale: str) -> str:
    kind, _, number = actor.partition(":")
    if kind == "person":
        return names.get(number, "–")
    return customer if number else translate("ticket.machine", locale)


def _fact(
    what: str, name: str, value: str, names: Mapping[str, str], reasons: ReasonNames, locale: str
) -> str:  # fmt: skip
    if name in ("from", "to") and what.endswith("_changed"):
        return _trait(what.removesuffix("_changed"), value, reasons, locale)
    if name == "to" and not value:
        return translate("ticket.hand_over.leads", locale)
    if name in ("by", "to"):
        return names.get(value, value)
    if name == "other":
        return short(value)
    if name in _FACTS:
        return translate(f"{_FACTS[name]}.{value}", locale)
    if name == "reason" and what in _LISTS:
        return _listed(_LISTS[what], value, reasons, locale)
    return value


def _trait(trait: str, value: str, reasons: ReasonNames, locale: str) -> str:
    if trait == "cause":
        return _listed("ticket_cause", value, reasons, locale) if value else translate("ticket.cause.none", locale)
    return translate(f"{_FAMILIES[trait]}.{value}", locale) if trait in _FAMILIES else value


def _listed(act: str, code: str, reasons: ReasonNames, locale: str) -> str:
    return reasons.get(act, {}).get(code, {}).get(locale, code)
