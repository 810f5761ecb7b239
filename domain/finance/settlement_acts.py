"""What people and partners' programs do with a settlement run, and what a run does next. Messages of its workflow."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from domain.finance.settlement import SettlementDeed, SettlementState


@dataclass(frozen=True)
class SettlementAct:
    """One deed. `by` is person:<id> or partner:<id>, `version` the statement that they saw.

    `lines` are entries that a dispute names; `amount_minor` is what a correction adds, or an invoice says; `reference` is the
    counterparty's own number. The same deed with the same `token` is done once.
    """

    run_id: str
    deed: SettlementDeed
    by: str
    version: int
    words: str = ""
    lines: tuple[str, ...] = ()
    amount_minor: int | None = None
    reference: str = ""
    token: str = ""

    @property
    def key(self) -> str:
        """Return the key under which the deed is done once."""
        said = (
            self.run_id, self.deed.value, self.by, str(self.version), self.words, ",".join(self.lines),
            str(self.amount_minor), self.reference, self.token,
        )  # fmt: skip
        return hashlib.sha256("\n".join(said).encode()).hexdigest()


class NextStep(StrEnum):
    """What a run's workflow does next."""

    COLLECT = "collect"
    STATE = "state"  # Make the statement, or its next version.
    WAIT = "wait"
    PAY = "pay"
    OVER = "over"


@dataclass(frozen=True)
class SettlementStep:
    """What comes next by the rows: `wait_s` until the next look (None: until something changes), `key` of the order to pay."""

    state: SettlementState
    next: NextStep
    wait_s: int | None = None
    key: str = ""
