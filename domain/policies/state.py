"""How far a version of a policy document has come."""

from __future__ import annotations

from enum import StrEnum


class PolicyState(StrEnum):
    """The states of a version; only a published one decides anything."""

    DRAFT = "draft"
    WAITING = "waiting"  # For a second person.
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"  # By one of its makers.
    REFUSED = "refused"  # By the second person.


class PolicyNews(StrEnum):
    """What the people who may publish are notified of."""

    ASKED = "asked"
    PUBLISHED = "published"
    REFUSED = "refused"
