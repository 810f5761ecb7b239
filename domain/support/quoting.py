"""Whether a colleague's words repeat what a customer wrote, or name them. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from domain.support.grams import folded

LETTERS, SIGNS = (
    20,
    8,
)  # So many letters or digits in a row, or Chinese characters, that two people do not write by chance.
NAME_MIN = 2
_CHINESE = (0x3400, 0x9FFF)


class Quotes:
    """What one customer wrote (`texts`) and is called (`names`: name, telephone, account, address)."""

    def __init__(self, texts: Iterable[str], names: Iterable[str]) -> None:
        self._runs = {run for text in texts for run in _runs(_joined(text))}
        self._names = {one for one in map(_joined, names) if len(one) >= NAME_MIN}

    def stand_in(self, words: str) -> bool:
        """Return whether the words name the customer, or repeat a run of what they wrote."""
        said = _joined(words)
        return any(one in said for one in self._names) or not self._runs.isdisjoint(_runs(said))


def _joined(text: str) -> str:
    return folded(text).replace(" ", "")


def _runs(text: str) -> Iterable[str]:
    """Every run that is long enough: of Chinese characters shorter than of letters."""
    for at in range(len(text) - SIGNS + 1):
        run = text[at : at + SIGNS]
        if all(_CHINESE[0] <= ord(one) <= _CHINESE[1] for one in run):
            yield run
    for at in range(len(text) - LETTERS + 1):
        yield text[at : at + LETTERS]
