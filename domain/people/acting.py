"""For whom a person acts at this moment, and what all of them may do."""

from __future__ import annotations

from dataclasses import dataclass

from domain.people.roles import Permission


@dataclass(frozen=True)
class Reviewer:
    """What one person knows and may; an empty set of skills means all, no limit means any value."""

    person: str
    card_types: frozenset[str] = frozenset()
    brands: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    limit_minor: int | None = None  # CNY minor units.
    permissions: frozenset[Permission] = frozenset()  # Of their own roles.


@dataclass(frozen=True)
class ActingReviewer:
    """A person at this moment: for whom they act, as whom they are able, and what their own roles allow.

    Skills and limits may be anyone's in `eligible_as`; four eyes and relatives count over the whole `circle`.
    """

    person: str
    circle: frozenset[str]
    eligible_as: tuple[Reviewer, ...]
    relatives: frozenset[str] = frozenset()  # Sellers: seller:<id> or partner:<id>.
    permissions: frozenset[Permission] = frozenset()  # Of the person's own roles.
    handlers: frozenset[str] = frozenset()  # Who recently made, invited, reset or gave roles to one of the circle.

    @property
    def hands(self) -> frozenset[str]:
        """Return all who count as one with this person when two people are needed."""
        return self.circle | self.handlers
