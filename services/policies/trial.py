"""What a dry run of a policy is given, and the figures that it answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from domain.policies.document import PolicyDocument
from domain.sealing import KeyRing

LOOKS_BACK = timedelta(days=30)


@dataclass(frozen=True)
class Figure:
    """How many of the `looked_at` a rule concerns: by the version in force, and by the draft. `words.name` is its word."""

    name: str
    looked_at: int
    before: int
    after: int
    unit: str = ""  # minor: the two numbers are sums in CNY minor units; bp: shares in basis points.
    words: str = "policy_figure"


@dataclass(frozen=True)
class Trial:
    """What a dry run is given: the two versions and the way to the work."""

    session: AsyncSession
    keyring: KeyRing
    before: PolicyDocument
    after: PolicyDocument
    since: datetime
    now: datetime
