"""WeChat Pay in the machine: a transfer waits for its receiver, who confirms it, lets its day pass, or has it called off."""

from __future__ import annotations

from dataclasses import dataclass, replace

from domain.finance.payout import PayoutOrder
from tests.faults.money.gateway import HarshGateway, Status
from tests.faults.money.points import ACT

CALLED_OFF = "when it is called off"


@dataclass
class HarshWechat(HarshGateway):
    """The gateway whose transfers wait for their receiver."""

    refusal: str = "OPENID_INVALID"
    pays_at_once: Status = Status.WAITING

    async def cancel(self, order: PayoutOrder) -> None:
        """Begin to cancel an unconfirmed transfer; it ends only later."""
        await ACT.get().arrive(CALLED_OFF)
        self._moves(order.key, Status.WAITING, Status.DEALING)

    def turn(self, key: str, what: str) -> bool:
        """Let the receiver of a transfer that waits confirm it, or let their day pass; return whether it waited."""
        waited = self.waits(key)
        if what in (turns := {"confirms": Status.SUCCESS, "expires": Status.FAIL}):
            self._moves(key, Status.WAITING, turns[what])
        return waited

    def waits(self, key: str) -> bool:
        """Return whether a transfer waits for its receiver."""
        return key in self.transfers and self.transfers[key].status is Status.WAITING

    def _moves(self, key: str, before: Status, after: Status) -> None:
        record = self.transfers.get(key)
        if record is not None and record.status is before:
            self.transfers[key] = replace(record, status=after)
