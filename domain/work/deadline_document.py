"""The deadline policies as one JSON document: read with every flaw named by its path, e.g. `policies[2].chain[0].minutes`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.people.roles import Role
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.work.deadlines import AtEnd, ChainStep, Counts, Delay, Policies, Policy
from domain.work.kinds import REVIEW, KindOfWork, kind_of, kinds
from domain.work.task import Priority
from domain.work.working_time import ALL_DAY, MINUTES_PER_DAY, Day, Holidays, Shift, WorkingCalendar

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS = "always"  # A week of whole days.
BUDGET_S = (60, 90 * 86_400)
DELAY_MINUTES = (0, 90 * 1440)
CHAIN_MAX, POLICIES_MAX, SHIFTS_MAX = 9, 200, 8
RESPONSES = ("first_response_s", "next_response_s")
VALUE_MAX = 10**12
_CODE = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_PERSON = re.compile(r"person:[0-9A-Z]{26}")
_SHIFT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
Member = TypeVar("Member", bound=StrEnum)


def parse(document: object, version: int) -> Policies:
    """Parse the policies of a document. Raises DocumentWrong with all flaws."""
    reader = _Reader()
    top = reader.record("", document, {"calendars", "otherwise", "policies"}, {"teams"})
    calendars = {
        code: _calendar(reader, f"calendars.{code}", code, given)
        for code, given in reader.named("calendars", top.get("calendars", {})).items()
    }
    teams = reader.named("teams", top.get("teams", {}))
    for team, calendar in teams.items():
        reader.one_of(f"teams.{team}", calendar, calendars)
    reader.one_of("otherwise", top.get("otherwise"), calendars)
    policies = [
        _policy(reader, f"policies[{index}]", given, calendars)
        for index, given in enumerate(reader.items("policies", top.get("policies", []), POLICIES_MAX))
    ]
    _require_order(reader, policies)
    if reader.flaws:
        raise DocumentWrong(reader.flaws)
    return Policies(version, calendars, dict(teams), str(top["otherwise"]), tuple(policies))


class _Reader:
    """Collect flaws and continue with a harmless value, so that one check finds them all."""

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def flaw(self, path: str, kind: FlawKind) -> None:
        self.flaws.append(Flaw(path or "$", kind))

    def record(self, path: str, given: object, needed: set[str], more: set[str]) -> Mapping[str, Any]:
        if not isinstance(given, dict):
            self.flaw(path, FlawKind.NOT_AN_OBJECT)
            return {}
        prefix = f"{path}." if path else ""
        for name in sorted(needed - given.keys()):
            self.flaw(prefix + name, FlawKind.MISSING)
        for name in sorted(str(name) for name in given.keys() - needed - more):
            self.flaw(prefix + name[:40], FlawKind.NOT_KNOWN)
        return given

    def named(self, path: str, given: object) -> Mapping[str, Any]:
        """Check an object whose names are codes of ours."""
        if not isinstance(given, dict):
            self.flaw(path, FlawKind.NOT_AN_OBJECT)
            return {}
        for name in given:
            self.code(f"{path}.{str(name)[:40]}", name)
        return given

    def items(self, path: str, given: object, most: int) -> list[Any]:
        if not isinstance(given, list):
            self.flaw(path, FlawKind.NOT_A_LIST)
            return []
        if len(given) > most:
            self.flaw(path, FlawKind.OUT_OF_RANGE)
        return given[:most]

    def whole(self, path: str, given: object, least: int, most: int) -> int:
        if not isinstance(given, int) or isinstance(given, bool):
            self.flaw(path, FlawKind.NOT_A_NUMBER)
            return least
        if not least <= given <= most:
            self.flaw(path, FlawKind.OUT_OF_RANGE)
            return least
        return given

    def code(self, path: str, given: object) -> str:
        if not isinstance(given, str) or not _CODE.fullmatch(given):
            self.flaw(path, FlawKind.NOT_A_CODE)
            return ""
        return given

    def one_of(self, path: str, given: object, known: Iterable[str]) -> str:
        if not isinstance(given, str) or given not in set(known):
            self.flaw(path, FlawKind.NOT_KNOWN)
            return ""
        return given

    def member(self, path: str, given: object, kind: type[Member], instead: Member) -> Member:
        known = self.one_of(path, given, kind)
        return kind(known) if known else instead

    def members(self, path: str, given: object, kind: type[Member] | None) -> frozenset[Member]:
        """Members of the enum; none are known where a kind of work has no such trait."""
        if kind is None:
            if given:
                self.flaw(path, FlawKind.NOT_KNOWN)
            return frozenset()
        listed = self.items(path, given, len(kind))
        first = next(iter(kind))
        return frozenset(self.member(f"{path}[{index}]", one, kind, first) for index, one in enumerate(listed))


def _calendar(reader: _Reader, path: str, code: str, given: object) -> WorkingCalendar:
    fields = reader.record(path, given, {"timezone", "week"}, {"holidays", "dates"})
    zone = _zone(reader, f"{path}.timezone", fields.get("timezone"))
    week = _week(reader, f"{path}.week", fields.get("week"))
    holidays = reader.member(f"{path}.holidays", fields.get("holidays", "none"), Holidays, Holidays.NONE)
    given_dates = fields.get("dates", {})
    dates = given_dates if isinstance(given_dates, dict) else {}
    if dates is not given_dates:
        reader.flaw(f"{path}.dates", FlawKind.NOT_AN_OBJECT)
    own = (
        (_date(reader, f"{path}.dates", day), _day(reader, f"{path}.dates.{day}", one)) for day, one in dates.items()
    )
    return WorkingCalendar(code, zone, week, holidays, tuple(sorted(own)))


def _zone(reader: _Reader, path: str, given: object) -> str:
    try:
        return ZoneInfo(str(given)).key if isinstance(given, str) and given else _no_zone(reader, path)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # As the name is unknown, malformed, or a folder's.
        return _no_zone(reader, path)


def _no_zone(reader: _Reader, path: str) -> str:
    reader.flaw(path, FlawKind.NOT_A_ZONE)
    return "UTC"


def _week(reader: _Reader, path: str, given: object) -> tuple[Day, ...]:
    if given == ALWAYS:
        return (ALL_DAY,) * 7
    fields = reader.record(path, given, set(), set(WEEKDAYS))
    week = tuple(_day(reader, f"{path}.{day}", fields.get(day, [])) for day in WEEKDAYS)
    if not any(week):
        reader.flaw(path, FlawKind.NEVER_OPEN)
    return week


def _day(reader: _Reader, path: str, given: object) -> Day:
    listed = reader.items(path, given, SHIFTS_MAX)
    shifts = sorted(_shift(reader, f"{path}[{index}]", one) for index, one in enumerate(listed))
    if any(one.ends > following.starts for one, following in itertools.pairwise(shifts)):
        reader.flaw(path, FlawKind.OVERLAPS)
    return tuple(shifts)


def _shift(reader: _Reader, path: str, given: object) -> Shift:
    found = _SHIFT.fullmatch(given) if isinstance(given, str) else None
    hours = [int(part) for part in found.groups()] if found else [0, 0, 0, 0]
    shift = Shift(hours[0] * 60 + hours[1], hours[2] * 60 + hours[3])
    if not shift.starts < shift.ends <= MINUTES_PER_DAY:
        reader.flaw(path, FlawKind.NOT_A_SHIFT)
    return shift


def _date(reader: _Reader, path: str, given: str) -> date:
    try:
        return date.fromisoformat(given)
    except ValueError:
        reader.flaw(f"{path}.{given[:40]}", FlawKind.NOT_A_DATE)
        return date.min


def _policy(reader: _Reader, path: str, given: object, calendars: Mapping[str, object]) -> Policy:
    fields = reader.record(
        path, given, {"code", "budget_s", "warn_share_bp"}, {"when", "calendar", "chain", "at_end", *RESPONSES}
    )
    when_path, when = f"{path}.when", fields.get("when", {})
    when = reader.record(
        when_path, when, set(), {"kind", "card_types", "value_minor_from", "value_minor_below", "priorities", "reasons"}
    )
    below = when.get("value_minor_below")
    calendar = fields.get("calendar")
    known = reader.one_of(f"{when_path}.kind", when.get("kind", REVIEW), [one.code for one in kinds()])
    kind = kind_of(known or REVIEW)
    at_end, end_delay = _at_end(reader, f"{path}.at_end", fields.get("at_end", {"do": AtEnd.LEAVE_OPEN.value}))
    return Policy(
        code=reader.code(f"{path}.code", fields.get("code")),
        budget_s=reader.whole(f"{path}.budget_s", fields.get("budget_s"), *BUDGET_S),
        warn_share_bp=reader.whole(f"{path}.warn_share_bp", fields.get("warn_share_bp"), 1, 10_000),
        kind=kind.code,
        card_types=reader.members(f"{when_path}.card_types", when.get("card_types", []), kind.card_types),
        value_from=reader.whole(f"{when_path}.value_minor_from", when.get("value_minor_from", 0), 0, VALUE_MAX),
        value_below=None if below is None else reader.whole(f"{when_path}.value_minor_below", below, 1, VALUE_MAX),
        priorities=reader.members(f"{when_path}.priorities", when.get("priorities", []), Priority),
        reasons=reader.members(f"{when_path}.reasons", when.get("reasons", []), kind.opened_for),
        calendar=None if calendar is None else reader.one_of(f"{path}.calendar", calendar, calendars),
        chain=tuple(
            _step(reader, f"{path}.chain[{index}]", one)
            for index, one in enumerate(reader.items(f"{path}.chain", fields.get("chain", []), CHAIN_MAX))
        ),
        at_end=at_end,
        end_delay=end_delay,
        first_response_s=_response(reader, path, "first_response_s", fields, kind),
        next_response_s=_response(reader, path, "next_response_s", fields, kind),
    )


def _response(reader: _Reader, path: str, name: str, fields: Mapping[str, Any], kind: KindOfWork) -> int | None:
    """A promise to answer; kinds without an outside customer have none."""
    given = fields.get(name)
    if given is None:
        return None
    if not kind.answers_customers:
        reader.flaw(f"{path}.{name}", FlawKind.NOT_KNOWN)
        return None
    return reader.whole(f"{path}.{name}", given, *BUDGET_S)


def _step(reader: _Reader, path: str, given: object) -> ChainStep:
    fields = reader.record(path, given, {"tell", "minutes"}, {"counts"})
    delay, tell = _delay(reader, path, fields), fields.get("tell")
    if isinstance(tell, str) and _PERSON.fullmatch(tell):
        return ChainStep(delay, person=tell.removeprefix("person:"))
    return ChainStep(delay, role=reader.member(f"{path}.tell", tell, Role, Role.SENIOR))


def _at_end(reader: _Reader, path: str, given: object) -> tuple[AtEnd, Delay]:
    fields = reader.record(path, given, {"do"}, {"minutes", "counts"})
    return reader.member(f"{path}.do", fields.get("do"), AtEnd, AtEnd.LEAVE_OPEN), _delay(reader, path, fields)


def _delay(reader: _Reader, path: str, fields: Mapping[str, Any]) -> Delay:
    minutes = reader.whole(f"{path}.minutes", fields.get("minutes", 0), *DELAY_MINUTES)
    return Delay(minutes, reader.member(f"{path}.counts", fields.get("counts", "working"), Counts, Counts.WORKING))


def _require_order(reader: _Reader, policies: list[Policy]) -> None:
    """Codes are their policies' own, and of each kind the last policy, and only the last, matches every item."""
    codes = [policy.code for policy in policies]
    for index, code in enumerate(codes):
        if code and code in codes[:index]:
            reader.flaw(f"policies[{index}].code", FlawKind.TWICE)
    for index, policy in enumerate(policies):
        last = all(other.kind != policy.kind for other in policies[index + 1 :])
        if _matches_everything(policy) is not last:
            reader.flaw(f"policies[{index}].when", FlawKind.NOT_LAST)
        if policy.at_end is AtEnd.REJECT and policy.kind != REVIEW:  # There is no card to reject.
            reader.flaw(f"policies[{index}].at_end.do", FlawKind.NOT_KNOWN)
    if not any(policy.kind == REVIEW for policy in policies):
        reader.flaw("policies", FlawKind.MISSING)


def _matches_everything(policy: Policy) -> bool:
    narrow = (policy.card_types, policy.priorities, policy.reasons, policy.value_from, policy.value_below is not None)
    return not any(narrow)
