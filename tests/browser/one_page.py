"""One page that the browser tests visit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from domain.people.roles import Role


@dataclass(frozen=True)
class OnePage:
    """A route, who opens it (a role, or one of the three who are not signed in), and its address where that says more."""

    route: str
    who: Role | str
    address: str = ""
    status: int = 200

    def at(self, names: Mapping[str, str]) -> str:
        """The address with real ids in it."""
        return (self.address or self.route).format_map(names)
