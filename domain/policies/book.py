"""The policy documents that this process decides by: published versions as last read, else those built in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from domain.policies.document import PolicyDocument, PolicyKind

HELD_MAX = 1000  # Kinds times the days that are asked about.


class PolicyBook:
    """Published versions by kind. A reader in the background replaces them whole, so that any thread may look."""

    def __init__(self) -> None:
        self._published: Mapping[str, tuple[PolicyDocument, ...]] = {}
        self._held: dict[tuple[str, date], PolicyDocument] = {}  # What was found; replaced whole like the versions.

    def in_force(self, kind: PolicyKind, on: date) -> PolicyDocument:
        """Return the version that holds on a day. Raises LookupError where even the built-in ones begin later.

        Of the published versions that have begun, the one with the highest number: it was written last. None has begun:
        of the built-in ones that have, the newest by date.
        """
        held, asked = self._held, (kind.code, on)
        found = held.get(asked)
        if found is None:
            found = self._found(kind, on)
            if len(held) < HELD_MAX:
                held[asked] = found
        return found

    def _found(self, kind: PolicyKind, on: date) -> PolicyDocument:
        begun = [one for one in self._published.get(kind.code, ()) if one.effective_from <= on]
        if begun:
            return max(begun, key=lambda one: one.number)
        begun = [one for one in kind.built_in() if one.effective_from <= on]
        if not begun:
            raise LookupError(f"no policy of kind {kind.code} is in force on {on}")
        return max(begun, key=lambda one: one.effective_from)

    def fill(self, kind: str, published: Sequence[PolicyDocument]) -> None:
        """Replace the published versions of one kind."""
        self._published = {**self._published, kind: tuple(published)}
        self._held = {}  # After the versions: a search that began before writes into the one that is thrown away.

    def published(self) -> Mapping[str, tuple[PolicyDocument, ...]]:
        """Return the published versions by kind: another object after each change, for a process that keeps a book like this one."""
        return self._published

    def counts(self) -> dict[str, int]:
        """Return how many published versions of each kind are known."""
        return {kind: len(documents) for kind, documents in self._published.items() if documents}


BOOK = PolicyBook()  # One per process; `services.policies.reading` fills it.
