"""A card's story as pages show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from domain.cards.card import StoryEntry


@dataclass(frozen=True)
class Moment:
    """A story entry with its time as a moment."""

    at: datetime
    what: str
    facts: Mapping[str, str]


def moments(story: Iterable[StoryEntry]) -> tuple[Moment, ...]:
    """Return the entries in their order."""
    return tuple(Moment(datetime.fromisoformat(one.at), one.what, one.facts) for one in story)
