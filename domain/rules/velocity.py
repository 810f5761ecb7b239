"""How much may be bought within an hour and a day without a person, by payee, owner, brand and installation. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

VELOCITY = Path(__file__).with_name("velocity.json")
SUBJECTS = ("payee", "seller", "partner", "brand", "installation")
HOUR, DAY = "hour", "day"


@dataclass(frozen=True)
class Velocity:
    """One version of the caps: `most_minor[subject][span]` in CNY minor units; a span is `hour` or `day`.

    `questions_fen[kind]` is what asking about one owner's cards may cost within a day, by `seller` or `partner`, before
    any of those cards is bought. `unsecured_minor` bounds the cards that their issuers neither lock nor redeem: `card` what
    one of them is bought for, `seller` and `partner` what one owner's are bought for within a day, in CNY minor units.
    """

    version: str
    most_minor: Mapping[str, Mapping[str, int]]
    questions_fen: Mapping[str, int]
    unsecured_minor: Mapping[str, int]

    def beyond(self, bought_minor: Mapping[str, Mapping[str, int]], value_minor: int) -> tuple[str, ...]:
        """Every cap that buying for `value_minor` more would break, e.g. `payee.hour`.

        `bought_minor` is what has been committed so far, by the subjects that the card has.
        """
        return tuple(
            f"{subject}.{span}"
            for subject, spans in bought_minor.items()
            for span, bought in spans.items()
            if bought + value_minor > self.most_minor[subject][span]
        )

    def beyond_unsecured(self, kind: str, bought_minor: int, value_minor: int) -> tuple[str, ...]:
        """Every limit that one more card of `value_minor` which nothing secures would break, e.g. `card`.

        `kind` is seller or partner, `bought_minor` what was committed for such cards of this owner within the day.
        """
        wanted = {"card": value_minor, kind: bought_minor + value_minor}
        return tuple(limit for limit, minor in wanted.items() if minor > self.unsecured_minor[limit])


@cache
def velocity_in_force(on: date, path: Path = VELOCITY) -> Velocity:
    """The newest caps whose `effective_from` is not after `on`. Raises LookupError when there are none yet."""
    versions = json.loads(path.read_text(encoding="utf-8"))["velocity"]
    begun = [one for one in versions if date.fromisoformat(one["effective_from"]) <= on]
    if not begun:
        raise LookupError(f"no caps are in force on {on}")
    newest = max(begun, key=lambda one: str(one["effective_from"]))
    return Velocity(newest["version"], newest["most_minor"], newest["questions_fen"], newest["unsecured_minor"])
