"""What a person may choose where a policy's schema only says where the values come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.finance.waterfall import PLATFORM
from domain.people.roles import Role
from domain.rules.splits import COUNTERPARTY_PLACES
from domain.work.kinds import kinds
from languages import has, translate

Offer = tuple[str, str]  # A value and what it is called.
PERSON = "person:"


@dataclass(frozen=True)
class People:
    """Names by id: of the people who can be chosen, and of all, including those who left."""

    offered: Mapping[str, str] = field(default_factory=dict)
    everybody: Mapping[str, str] = field(default_factory=dict)


class Offers:
    """The values of each source in one language."""

    def __init__(self, locale: str, people: People, document: Mapping[str, Any]) -> None:
        self._locale = locale
        self._people = people
        self._document = document

    def of(self, source: str) -> tuple[Offer, ...]:
        """Return what a source offers. Raises KeyError for an unknown one."""
        sources: Mapping[str, Callable[[], Iterable[Offer]]] = {
            "calendars": self._calendars,
            COUNTERPARTY_PLACES: self._counterparties,
            "kinds": self._kinds,
            "notified": self._notified,
            "reasons": self._reasons,
        }
        return tuple(sources[source]())

    def named(self, source: str, value: str) -> str:
        """Return what a value is called, also one that is not offered any more."""
        return dict(self.of(source)).get(value) or self._people.everybody.get(value.removeprefix(PERSON), value)

    def _calendars(self) -> Iterable[Offer]:
        """The calendars of the document itself."""
        calendars = self._document.get("calendars")
        return [(str(code), str(code)) for code in calendars] if isinstance(calendars, Mapping) else []

    def _counterparties(self) -> Iterable[Offer]:
        """The platform itself, and the counterparties of the document."""
        known = self._document.get(COUNTERPARTY_PLACES)
        named = known.items() if isinstance(known, Mapping) else ()
        others = [(str(code), _name_of(one) or str(code)) for code, one in named]
        return [(PLATFORM, self._word("split_to.platform", PLATFORM)), *others]

    def _kinds(self) -> Iterable[Offer]:
        return [(kind.code, self._word(f"kind_of_work.{kind.code}", kind.code)) for kind in kinds()]

    def _reasons(self) -> Iterable[Offer]:
        """Why items of any kind are opened."""
        return {
            one.value: self._word(f"{kind.reasons}.{one.value}", one.value)
            for kind in kinds()
            for one in kind.opened_for or ()
        }.items()

    def _notified(self) -> Iterable[Offer]:
        roles = [(role.value, self._word(f"role.{role.value}", role.value)) for role in Role]
        return [*roles, *((f"{PERSON}{person}", name) for person, name in self._people.offered.items())]

    def _word(self, key: str, otherwise: str) -> str:
        return translate(key, self._locale) if has(key, self._locale) else otherwise


def _name_of(described: Any) -> str:
    return str(described.get("name", "")) if isinstance(described, Mapping) else ""
