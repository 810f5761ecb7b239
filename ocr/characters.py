"""Characters that print confuses, and what a brand's rules say about a doubtful number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product

CHANGES_MAX = 2  # With three changed characters a check digit proves nothing any more.
ALTERNATIVES_MAX = 6

# Letters read where only digits can stand, likeliest digit first.
_DIGITS_FOR = {
    "O": "0", "D": "0", "Q": "09", "U": "0", "I": "17", "L": "1", "|": "1", "T": "71", "Z": "27", "S": "58",
    "B": "83", "G": "69", "A": "4", "E": "3",
}  # fmt: skip
# Pairs that printing and photographing really confuse where both letters and digits can stand.
_PAIRS = (("O", "0"), ("I", "1"), ("B", "8"), ("S", "5"), ("Z", "2"), ("G", "6"), ("D", "0"), ("Q", "0"), ("L", "1"))
_LOOKALIKES: dict[str, str] = {}
for _pair in _PAIRS:
    for _character, _other in (_pair, _pair[::-1]):
        _LOOKALIKES[_character] = _LOOKALIKES.get(_character, "") + _other
CONFUSED = frozenset("".join(map("".join, _PAIRS)))
# In most card fonts these are one shape: no score of the engine tells them apart.
SAME_SHAPE = frozenset("O0I1")


@dataclass(frozen=True)
class Repair:
    """A value after the rules were asked: how many characters were changed, whether the rules hold, other values."""

    value: str
    changes: int
    holds: bool
    alternatives: tuple[str, ...]


def digits_only(text: str) -> tuple[str, ...]:
    """List the readings of `text` if only digits can stand there, likeliest first; none when a letter resembles no digit."""
    choices = [character if character.isdigit() else _DIGITS_FOR.get(character, "") for character in text]
    return tuple(islice(("".join(choice) for choice in product(*choices)), ALTERNATIVES_MAX))


def lookalikes(text: str, changes_max: int = CHANGES_MAX) -> Iterator[tuple[int, str]]:
    """Other values the same print could mean, with the number of changed characters, fewest first."""
    doubtful = [place for place, character in enumerate(text) if character in _LOOKALIKES]
    for changes in range(1, changes_max + 1):
        for places in combinations(doubtful, changes):
            for choice in product(*(_LOOKALIKES[text[place]] for place in places)):
                yield changes, _replaced(text, dict(zip(places, choice, strict=True)))


def repair(text: str, has_letters: bool, has_check: bool, is_valid: Callable[[str], bool]) -> Repair:
    """Find the value that the rules allow for the print `text`.

    A number that holds is kept. One that does not is changed only if a check digit then holds and exactly one value with
    the fewest changes does; otherwise it stays as read and all values that would hold are alternatives.
    """
    if not has_letters:
        return _repair_digits(text, has_check, is_valid)
    if is_valid(text):
        others = () if has_check else tuple(other for _, other in lookalikes(text, 1) if is_valid(other))
        return Repair(text, 0, True, others[:ALTERNATIVES_MAX])
    return _fewest_changes(text, is_valid)


def _fewest_changes(text: str, is_valid: Callable[[str], bool]) -> Repair:
    holding = [(changes, other) for changes, other in lookalikes(text) if is_valid(other)]
    fewest = [other for changes, other in holding if changes == holding[0][0]]
    others = tuple(dict.fromkeys(other for _, other in holding))
    if len(set(fewest)) == 1:
        return Repair(fewest[0], holding[0][0], True, others[1 : ALTERNATIVES_MAX + 1])
    return Repair(text, 0, False, others[:ALTERNATIVES_MAX])


def _repair_digits(text: str, has_check: bool, is_valid: Callable[[str], bool]) -> Repair:
    letters = sum(not character.isdigit() for character in text)
    readings = digits_only(text)
    holding = tuple(reading for reading in readings if is_valid(reading))
    if letters and is_valid(text):
        return Repair(text, 0, True, ())  # Letters stand where the brand prints letters.
    if not letters or not holding:
        value = readings[0] if readings else text
        return Repair(value, letters, bool(holding), holding[1:])
    if has_check and len(holding) > 1:
        return Repair(text, 0, False, holding)
    return Repair(holding[0], letters, True, holding[1:])


def _replaced(text: str, changed: dict[int, str]) -> str:
    return "".join(changed.get(place, character) for place, character in enumerate(text))
