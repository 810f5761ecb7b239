"""One line of the matrix of who may use which address."""

from __future__ import annotations

from dataclasses import dataclass

from domain.people.roles import Role


@dataclass(frozen=True)
class Line:
    """One address. `who` is None for public addresses.

    `gives` is what who may gets: for an act the one status that FORM leads to, whichever of these roles sends it.
    """

    method: str
    path: str
    who: frozenset[Role] | None
    gives: tuple[int, ...] = ()

    @property
    def expected(self) -> tuple[int, ...]:
        """A page is shown; an act is done, or refused for what it says and never for who says it."""
        return self.gives or (200,)
