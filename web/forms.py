"""What comes in forms and addresses as text."""

from __future__ import annotations

from enum import StrEnum
from typing import TypeVar

Member = TypeVar("Member", bound=StrEnum)


def member_of(kind: type[Member], typed: object) -> Member | None:
    """Return the member of an enum that a form names by its value; None for anything else."""
    return next((one for one in kind if one == typed), None)
