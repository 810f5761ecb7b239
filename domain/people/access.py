"""Who may get access to money and checks: such roles, and new passwords of accounts in use, are given by two people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from domain.people.roles import PERMISSIONS, Permission, Role

# People with one of these can pay, check, or decide who may.
_WEIGHTY = frozenset(
    {
        Permission.DECIDE,
        Permission.CHECK,
        Permission.SEE_PAYOUTS,
        Permission.MANAGE_PEOPLE,
        Permission.CONFIRM_ACCESS,
        Permission.SET_POLICIES,
        Permission.CONFIRM_POLICIES,
    }
)
GUARDED = frozenset(role for role, allowed in PERMISSIONS.items() if allowed & _WEIGHTY)
# Acts of the record by which one person makes another able to act: `domain.cards.review.four_eyes.apart` holds them together.
HANDLING = (
    "console:person:add", "console:person:invite", "console:person:roles", "console:person:grant",
    "console:person:reset", "console:person:switch_on", "console:totp:reset",
)  # fmt: skip


class AccessKind(StrEnum):
    """What waits for a second person."""

    ROLES = "roles"  # Guarded roles are given.
    RESET = "reset"  # An account that is in use gets a new password.
    LIMITS = "limits"  # A limit is raised or a probation ends early.
    TOTP = "totp"  # An authenticator is taken away.
    STAND_IN = "stand_in"  # A colleague acts for a person who did not name them.


class AccessAnswer(StrEnum):
    """What became of a request."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REPLACED = "replaced"  # A newer request, or a change of roles, took its place.


class AccessNews(StrEnum):
    """Changes of a person's access that compliance is notified of."""

    ADDED = "added"
    INVITED = "invited"
    ROLES_ASKED = "roles_asked"
    RESET_ASKED = "reset_asked"
    GRANTED = "granted"
    REVOKED = "revoked"
    RESET = "reset"
    REFUSED = "refused"
    LIMITS_ASKED = "limits_asked"
    LIMITS_LOOSENED = "limits_loosened"
    LIMITS_TIGHTENED = "limits_tightened"
    STAND_IN_ASKED = "stand_in_asked"
    STAND_IN = "stand_in"
    TOTP_ASKED = "totp_asked"
    TOTP_RESET = "totp_reset"
    SWITCHED_ON = "switched_on"
    SWITCHED_OFF = "switched_off"


ASKED = {
    AccessKind.ROLES: AccessNews.ROLES_ASKED, AccessKind.RESET: AccessNews.RESET_ASKED,
    AccessKind.LIMITS: AccessNews.LIMITS_ASKED, AccessKind.TOTP: AccessNews.TOTP_ASKED,
    AccessKind.STAND_IN: AccessNews.STAND_IN_ASKED,
}  # fmt: skip


@dataclass(frozen=True)
class StandInAsked:
    """Who is to act for a person, and from when until when; `absence` is the absence that has no stand-in until then.

    Without one they only delegate: nothing counts before a second person has confirmed it.
    """

    stand_in: str
    starts_at: datetime
    ends_at: datetime
    absence: str | None = None

    def to_json(self) -> dict[str, str]:
        """As a request keeps it."""
        kept = {"stand_in": self.stand_in, "starts_at": self.starts_at.isoformat(), "ends_at": self.ends_at.isoformat()}
        return kept | ({"absence": self.absence} if self.absence else {})

    @classmethod
    def from_json(cls, kept: Mapping[str, str]) -> StandInAsked:
        """Read a request from what `to_json` returned."""
        starts, ends = datetime.fromisoformat(kept["starts_at"]), datetime.fromisoformat(kept["ends_at"])
        return cls(kept["stand_in"], starts, ends, kept.get("absence"))


@dataclass(frozen=True)
class Bounds:
    """What keeps a person's approvals small (CNY minor units; None: any value) and checked (until a moment)."""

    limit_minor: int | None
    probation_until: datetime | None


def loosened(before: Bounds, after: Bounds, now: datetime) -> frozenset[str]:
    """Return the names of the bounds that would bind less than they do: those changes need a second person."""
    names = set()
    if before.limit_minor is not None and (after.limit_minor is None or after.limit_minor > before.limit_minor):
        names.add("limit_minor")
    until, then = before.probation_until, after.probation_until
    if until is not None and until > now and (then is None or then < until):
        names.add("probation_until")
    return frozenset(names)


def split(roles: Iterable[Role], held: Iterable[Role]) -> tuple[tuple[Role, ...], tuple[Role, ...]]:
    """Return the wanted roles that count at once, and those that wait for a second person."""
    wanted, had = set(roles), set(held)
    waiting = (wanted - had) & GUARDED
    return tuple(one for one in Role if one in wanted - waiting), tuple(one for one in Role if one in waiting)


def news_of(before: Iterable[str], after: Iterable[str]) -> tuple[AccessNews, ...]:
    """Return what changed between two lists of role values that count."""
    had, has = set(before), set(after)
    changed = {AccessNews.GRANTED: has - had, AccessNews.REVOKED: had - has}
    return tuple(news for news, roles in changed.items() if roles)
