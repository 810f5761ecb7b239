"""How much may be bought within an hour and a day without a person, by payee, owner, brand and installation. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import money, record

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


KIND = PolicyKind(
    "velocity",
    record(
        most_minor=record(
            "velocity_subject", **dict.fromkeys(SUBJECTS, record("velocity_span", hour=money(), day=money()))
        ),
        unsecured_minor=record("velocity_subject", card=money(), seller=money(), partner=money()),
        questions_fen=record("velocity_subject", seller=money(), partner=money()),
    ),
    lambda: built_in_file("velocity", VELOCITY, "velocity"),
)


def velocity_in_force(on: date) -> Velocity:
    """Return the caps that hold on a day. Raises LookupError when there are none yet."""
    return velocity_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def velocity_of(found: PolicyDocument) -> Velocity:
    """Return one version of the caps."""
    return Velocity(version=found.version, **found.document)
