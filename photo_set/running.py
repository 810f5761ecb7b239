"""Reads a set of photos with our reader and with bare engines on the same pictures, photo by photo."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from domain.cards.reading import FieldName, Reading
from ocr.preprocess import opened, reduced
from ocr.reader import CardReader
from photo_set.engines import BareEngine
from photo_set.evaluation import Outcome, beyond, is_among, outcome
from photo_set.folder import RealPhoto
from photo_set.photos import LabelledPhoto
from photo_set.spent import Spent


@dataclass
class Comparison:
    """Outcomes of our reader, of readings beyond the cards in a photo too, and by engine for which photos (condition, name) its lines held number and PIN, with what it spent.

    `photos` were read in `seconds`. A kept answer of an engine counts with the seconds of the call that gave it first. `refused`: files
    that the product would not take, with the reason.
    """

    ours: list[Outcome] = field(default_factory=list)
    bare: dict[str, dict[tuple[str, str], bool]] = field(default_factory=dict)
    bare_spent: dict[str, Spent] = field(default_factory=dict)
    photos: int = 0
    seconds: float = 0.0
    refused: dict[str, str] = field(default_factory=dict)

    @property
    def seconds_each(self) -> float:
        """Return the seconds that our reader takes for a photo."""
        return self.seconds / max(1, self.photos)

    def bare_share(self, engine: str, condition: str | None = None) -> float:
        """Return the share of photos, of one condition or of all, whose number and PIN are among the engine's lines."""
        found = [good for (of, _), good in self.bare[engine].items() if condition in (None, of)]
        return sum(found) / max(1, len(found))


def compared(
    photos: Iterable[LabelledPhoto | RealPhoto],
    reader: CardReader,
    engines: Sequence[BareEngine],
    seen: Callable[[], None] = lambda: None,
    spent: Spent | None = None,
) -> Comparison:
    """Read every photo; our reader knows the brand that the seller chose, as in the product. `seen` is called after each.

    `spent` is of our reader's engine: what kept answers spare is added to the time of the clock.
    """
    result, spent = Comparison(), spent or Spent()
    for photo in photos:
        began, spared = time.perf_counter(), spent.kept
        readings = reader.read(photo.jpeg, photo.printed.brand)
        seconds = time.perf_counter() - began + spent.kept - spared
        result.photos, result.seconds = result.photos + 1, result.seconds + seconds
        cards: Sequence[LabelledPhoto | RealPhoto] = photo.cards if isinstance(photo, LabelledPhoto) else (photo,)
        found = by_card(cards, readings)
        result.ours += [outcome(card, read) for card, read in zip(cards, found, strict=True)]
        left = [one for one in readings if not any(one is read for read in found) and not one.is_empty]
        result.ours += [beyond(cards[0], read, place) for place, read in enumerate(left, start=1)]
        picture = reduced(opened(photo.jpeg))
        for engine in engines:
            texts = engine.texts_in(picture)
            result.bare_spent[engine.name] = engine.spent
            result.bare.setdefault(engine.name, {}).update(
                {(card.condition, card.name): is_among(card.printed, texts) for card in cards}
            )
        seen()
    return result


def by_card(cards: Sequence[LabelledPhoto | RealPhoto], readings: Sequence[Reading]) -> list[Reading]:
    """Return the reading of each card: the one with its number, else one that is nobody's, else an empty one."""
    left, found = list(readings), []
    for card in cards:
        own = next((one for one in left if _has_number_of(one, card)), None)
        found.append(own)
        left = [one for one in left if one is not own]
    return [one or (left.pop(0) if left else Reading((), readings[0].reader, 0)) for one in found]


def _has_number_of(reading: Reading, card: LabelledPhoto | RealPhoto) -> bool:
    number = reading.field(FieldName.NUMBER)
    return number is not None and card.printed.is_printed(FieldName.NUMBER, number.value)
