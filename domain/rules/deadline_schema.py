"""What a document of deadline policies is like; what no schema can say is judged by `domain.work.deadline_document`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.cards.card import CardType
from domain.policies.schema import (
    Schema,
    basis_points,
    by_code,
    completed,
    money,
    offered,
    one_of,
    optional,
    record,
    rows,
    several,
    text,
    whole,
    with_default,
)
from domain.work.deadline_document import ALWAYS, BUDGET_S, CHAIN_MAX, DELAY_MINUTES, POLICIES_MAX, SHIFTS_MAX, WEEKDAYS
from domain.work.deadlines import AtEnd, Counts
from domain.work.kinds import REVIEW
from domain.work.task import Priority
from domain.work.working_time import Holidays

ROUND_THE_CLOCK = ["00:00-24:00"]


def schema() -> Schema:
    """Return the schema: calendars by code, the calendars of teams, and the policies in the order they are tried in."""
    shifts = several(text(40), SHIFTS_MAX)
    calendar = record(
        timezone=text(60),
        holidays=with_default(one_of(Holidays, "holidays"), Holidays.NONE.value),
        week=record("weekday", **dict.fromkeys(WEEKDAYS, with_default(shifts, []))),
        dates=with_default(by_code(shifts), {}),
    )
    return record(
        "",
        ["teams"],  # Where a document lacks them, there are none.
        otherwise=offered("calendars"),
        teams=with_default(by_code(offered("calendars")), {}),
        calendars=by_code(calendar),
        policies=rows(_policy(), "code", POLICIES_MAX, ordered=True),
    )


def spelled_out(document: Any) -> Any:
    """Return the document with every week that is written short, `always`, as its seven days, and each condition once."""
    if not isinstance(document, Mapping):
        return document
    calendars, policies = document.get("calendars"), document.get("policies")
    made = dict(document)
    if isinstance(calendars, Mapping):
        made["calendars"] = {code: _with_days(one) for code, one in calendars.items()}
    if isinstance(policies, list):
        made["policies"] = [_each_once(one) for one in policies]
    return made


def _with_days(calendar: Any) -> Any:
    if not isinstance(calendar, Mapping) or calendar.get("week") != ALWAYS:
        return calendar
    return {**calendar, "week": {day: list(ROUND_THE_CLOCK) for day in WEEKDAYS}}


def _each_once(policy: Any) -> Any:
    """Earlier releases took a card type or reason that a policy names twice."""
    if not isinstance(policy, Mapping) or not isinstance(policy.get("when"), Mapping):
        return policy
    when = {
        name: list(dict.fromkeys(value)) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
        for name, value in policy["when"].items()
    }  # fmt: skip
    return {**policy, "when": when}


def _policy() -> Schema:
    minutes = whole(*DELAY_MINUTES, "min")
    counts = with_default(one_of(Counts, "counts"), Counts.WORKING.value)
    when = record(
        kind=with_default(offered("kinds"), REVIEW),
        card_types=with_default(several(one_of(CardType, "card_type")), []),
        value_minor_from=with_default(money(), 0),
        value_minor_below=optional(money(1)),
        priorities=with_default(several(one_of(Priority, "priority")), []),
        reasons=with_default(several(offered("reasons")), []),
    )
    at_end = record(
        do=with_default(one_of(AtEnd, "at_end"), AtEnd.LEAVE_OPEN.value),
        minutes=with_default(minutes, 0),
        counts=counts,
    )
    step = record(tell=offered("notified"), minutes=minutes, counts=counts)
    return record(
        code=text(80),
        when=with_default(when, completed(when, {})),
        budget_s=whole(*BUDGET_S, "s"),
        first_response_s=optional(whole(*BUDGET_S, "s")),
        next_response_s=optional(whole(*BUDGET_S, "s")),
        warn_share_bp=basis_points(least=1),
        calendar=optional(offered("calendars", "console.deadlines.of_team")),
        chain=with_default({**rows(step, "", CHAIN_MAX), "minItems": 0}, []),
        at_end=with_default(at_end, completed(at_end, {})),
    )
