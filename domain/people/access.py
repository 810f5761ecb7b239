"""Who may get access to money and checks: such roles, and new passwords of accounts in use, are given by two people."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from domain.people.roles import PERMISSIONS, Permission, Role

# Whoever has one of these can pay, check, or decide who may.
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


class AccessAnswer(StrEnum):
    """What became of a request."""

    CONFIRMED = "confirmed"
    REFUSED = "refused"
    REPLACED = "replaced"  # A newer request, or a change of roles, took its place.


class AccessNews(StrEnum):
    """What compliance is told about somebody's access."""

    ADDED = "added"
    INVITED = "invited"
    ROLES_ASKED = "roles_asked"
    RESET_ASKED = "reset_asked"
    GRANTED = "granted"
    REVOKED = "revoked"
    RESET = "reset"
    REFUSED = "refused"
    TOTP_RESET = "totp_reset"
    SWITCHED_ON = "switched_on"
    SWITCHED_OFF = "switched_off"


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
