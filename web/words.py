"""How amounts and moments are written for a person: money with its sign, times relative with the exact one on focus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_datetime, format_timedelta
from markupsafe import Markup

from domain.money import Money
from domain.places import BUSINESS_ZONE
from languages import has, needs, translate

_NOW_BELOW = timedelta(seconds=10)


def money(amount: Money) -> str:
    """`¥465.00`"""
    return str(amount)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of that IANA name; the business zone for none and for one that is no longer known."""
    try:
        return ZoneInfo(name) if name else BUSINESS_ZONE
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return BUSINESS_ZONE  # A zone may go with an update of the zone data, or be a folder of it.


def when(moment: datetime, locale: str, zone: ZoneInfo = BUSINESS_ZONE) -> str:
    """`6月3日 14:02` or `3 Jun 14:02`, on the clock of `zone`; with its year when that is not the present one."""
    local = moment.astimezone(zone)
    this_year = local.year == datetime.now(zone).year
    if locale == "zh_CN":
        return format_datetime(local, "M月d日 HH:mm" if this_year else "y年M月d日 HH:mm", locale=locale)
    return format_datetime(local, "d MMM HH:mm" if this_year else "d MMM y HH:mm", locale=locale)


def by_day(moment: datetime, locale: str, zone: ZoneInfo = BUSINESS_ZONE, now: datetime | None = None) -> str:
    """Write `Tuesday 10:00` or `星期二 10:00` within the next six days, `10:00 today` on the same day; else as `when`."""
    local, today = moment.astimezone(zone), (now or datetime.now(UTC)).astimezone(zone)
    days = local.toordinal() - today.toordinal()
    if days in (0, 1):
        return translate("time.today" if days == 0 else "time.tomorrow", locale, {"time": local.strftime("%H:%M")})
    if 1 < days < 7:
        return format_datetime(local, "EEEE HH:mm", locale=locale)
    return when(moment, locale, zone)


def ago(moment: datetime, locale: str, now: datetime | None = None) -> str:
    """`3分钟前`, `in 37 min`, or `刚刚` within ten seconds."""
    difference = moment - (now or datetime.now(UTC))
    if abs(difference) < _NOW_BELOW:
        return translate("time.now", locale)
    return format_timedelta(difference, add_direction=True, format="short", threshold=1.2, locale=locale).rstrip(".")


def duration(seconds: int, locale: str) -> str:
    """`47 sec`, `50 min` or `47秒`: how long something still takes."""
    return format_timedelta(timedelta(seconds=seconds), format="short", threshold=1.2, locale=locale)


def time_element(moment: datetime, locale: str, now: datetime | None = None, zone: ZoneInfo = BUSINESS_ZONE) -> Markup:
    """`<time>` with the relative time as its text and the exact one, on the clock of `zone`, on hover and focus."""
    return Markup('<time datetime="{}" title="{}" tabindex="0">{}</time>').format(
        moment.astimezone(UTC).isoformat(timespec="seconds"), when(moment, locale, zone), ago(moment, locale, now)
    )


def percent(basis_points: int) -> str:
    """`93 %` or `92.5 %`"""
    return f"{basis_points / 100:.2f}".rstrip("0").rstrip(".") + " %"


# Facts of a story entry that are an enum's value, and the catalogue's family of words for it.
_WORDS_OF_FACT = {
    "asked_item": "asked_item",
    "consequence": "consequence",
    "party": "party",
    "payee_fault": "payee_fault",
    "reason": "end_reason",
    "reject_reason": "reject_reason",
    "result": "dynamic_code_result",
    "status": "card_status",
}


class Audience(StrEnum):
    """Who reads a card's story: a seller is spoken to, staff and a partner's people read about the seller."""

    SELLER = "seller"
    STAFF = "staff"
    PARTNER = "partner"


class Happening(Protocol):
    """An entry of a card's story, whichever page's own class it is."""

    @property
    def what(self) -> str:
        """The kind of entry, e.g. `offer.made`."""
        ...

    @property
    def facts(self) -> Mapping[str, str]:
        """The values of its sentence."""
        ...


Entry = TypeVar("Entry", bound=Happening)
# A step of the workflow that says what the entry before it has said in more detail.
_SAYS_THE_SAME = {"reading.done": "reading.read"}


# Facts of a story entry that are moments, in ISO 8601.
_MOMENTS = frozenset({"stated_at", "agreed_at"})


def story_sentence(
    what: str, facts: Mapping[str, str], locale: str, audience: Audience = Audience.SELLER, zone: ZoneInfo = BUSINESS_ZONE
) -> str:  # fmt: skip
    """One entry of a card's story as a sentence for `audience`; enum values and moments among its facts are put into words first.

    An entry without the facts that its sentence needs uses the shorter sentence `story.<what>.bare`. An outcome that
    two people stated has the sentence `story.<what>.stated`: no provider reported it.
    """
    worded = {name: _worded(name, value, locale, audience, zone) for name, value in _in(locale, facts).items() if value}
    key = f"story.{what}"
    if "stated" in worded and has(f"{key}.stated", locale):
        key = f"{key}.stated"
    if needs(key, locale) - worded.keys() and has(f"{key}.bare", locale):
        key = f"{key}.bare"
    elif has(f"{key}.{audience.value}", locale):
        key = f"{key}.{audience.value}"
    return translate(key, locale, worded)


def _in(locale: str, facts: Mapping[str, str]) -> dict[str, str]:
    """The facts, of those that were written in each language (`answer.en`) the one in this language (`answer`)."""
    plain = {name: value for name, value in facts.items() if "." not in name}
    own = {name.removesuffix(f".{locale}"): value for name, value in facts.items() if name.endswith(f".{locale}")}
    return plain | own


def without_repeats(story: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the entries, in their order, without those that only repeat what an adjacent one says with at least as many facts."""
    kept: list[Entry] = []
    for entry in story:
        if kept and _same(kept[-1], entry):
            kept[-1] = max(kept[-1], entry, key=lambda one: len(one.facts))
        else:
            kept.append(entry)
    return tuple(kept)


def _same(one: Happening, other: Happening) -> bool:
    """Of two entries with the same words one has no facts of its own: two real answers are two entries."""
    if _SAYS_THE_SAME.get(one.what) == other.what or _SAYS_THE_SAME.get(other.what) == one.what:
        return True
    return one.what == other.what and not (one.facts and other.facts)


def worded_for(key: str, locale: str, audience: Audience, values: Mapping[str, object] | None = None) -> str:
    """Return the words of `key` for `audience`: everyone but the seller reads `<key>.staff` where the plain words speak to the seller."""
    about_the_seller = f"{key}.{Audience.STAFF.value}"
    return translate(
        about_the_seller if audience is not Audience.SELLER and has(about_the_seller, locale) else key, locale, values
    )


def _worded(name: str, value: str, locale: str, audience: Audience, zone: ZoneInfo) -> str:
    if name in _MOMENTS:
        return when(datetime.fromisoformat(value), locale, zone)
    key = f"{_WORDS_OF_FACT.get(name, '')}.{value}"
    return worded_for(key, locale, audience) if has(key, locale) else value
