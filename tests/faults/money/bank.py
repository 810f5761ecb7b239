"""A bank in the machine: it pays what stands in the files that are brought to it, once for each batch, and answers by file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from domain.money import Money
from simulators.bills import Result, bank_format, bank_result
from tests.faults.money.gateway import Status, Transfer
from tests.faults.money.points import Done, Fault

BANK, DAY = "harbour", date(2026, 11, 29)
LINE = "SELECT l.outcome, b.state FROM bank_line l LEFT JOIN bank_batch b ON b.id = l.batch_id WHERE l.key = $1"
BATCH = "SELECT b.id, b.number FROM bank_line l JOIN bank_batch b ON b.id = l.batch_id WHERE l.key = $1"
ENDED = {Status.SUCCESS: ("00", ""), Status.FAIL: ("01", "")}


@dataclass
class HarshBank:
    """Its books by the key of each order. A batch that is brought again is known; a line in another batch is paid again."""

    transfers: dict[str, Transfer] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)
    batches: dict[str, bytes] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)

    def take(self, content: bytes) -> None:
        """Take a file and begin to pay its lines; note what no bank may be given."""
        lines = [line.split("|") for line in content.decode("gb18030").split("\r\n")]
        number = lines[0][1]
        if number in self.batches:
            if self.batches[number] != content:
                self.wrongs.append(f"batch {number} was brought twice and differs")
            return
        self.batches[number] = content
        for _, _, bank, account, _, amount, key, _ in (line for line in lines if line[0] == "D"):
            if key in self.transfers:
                self.wrongs.append(f"{key} was sent again in another batch")
            paid = Money(int(amount.replace(".", "")))
            self.transfers[key] = Transfer(key, paid, f"{account} {bank}", Status.DEALING, f"B{len(self.transfers)}")

    def ends(self, key: str, *, well: bool) -> None:
        """End a transfer; nothing where it had ended or was never brought."""
        record = self.transfers.get(key)
        if record is not None and record.status is Status.DEALING:
            self.transfers[key] = replace(record, status=Status.SUCCESS if well else Status.FAIL)

    def comes_back(self, key: str) -> None:
        """Return what was paid; nothing where it was not."""
        record = self.transfers.get(key)
        if record is not None and record.status is Status.SUCCESS:
            self.transfers[key] = replace(record, status=Status.FAIL)
            self.returned.add(key)

    def results(self, number: str) -> bytes:
        """Return the bank's file of a batch: what ended of it."""
        return bank_result(bank_format(BANK), number, DAY, list(self._ended(number)))

    def _ended(self, number: str) -> Iterator[Result]:
        named = self.batches[number].decode("gb18030")
        for place, one in enumerate(self.transfers.values(), 1):
            if one.key in named and one.status in ENDED:
                state, reason = ("90", "") if one.key in self.returned else ENDED[one.status]
                yield Result(place, one.key, one.amount.amount_minor, state, reason, one.reference)


def step_of(scene: Any, key: str) -> str:
    """Return what is to be done next with an order at the bank: `propose`, `decide`, `file`, `results`, or nothing."""
    rows = scene.rows(LINE, key)
    if not rows or rows[0]["outcome"] is not None:
        return ""
    return {None: "propose", "proposed": "decide", "approved": "file"}.get(rows[0]["state"], "results")


@dataclass
class AtBank:
    """What people of finance do with batches. `did` does an act of theirs, broken at its fault, and judges it."""

    scene: Any
    did: Callable[[Callable[[], Awaitable[Any]], Fault | None], Done]

    def step(self, key: str, well: bool | None, drops: bool, fault: Fault | None) -> None:
        """Do what is next with an order: gather, let out or drop, take the file, bring the bank's answer where it has one."""
        (one, two), batches, what = self.scene.closers, self.scene.batches, step_of(self.scene, key)
        rows = self.scene.rows(BATCH, key)
        batch = rows[0]["id"] if rows else ""
        if what == "propose":
            self.did(lambda: batches.propose(one, BANK), fault)
        elif what == "decide":
            decide = batches.drop if drops else batches.approve
            self.did(lambda: decide(two, batch), fault)
        elif what == "file" or (what == "results" and rows[0]["number"] not in self.scene.bank.batches):
            self._take(two, batch, fault)  # Where who had taken it was lost with it, it is taken again.
        elif what == "results" and well is not None:
            self.scene.bank.ends(key, well=well)
            content = self.scene.bank.results(rows[0]["number"])
            self.did(lambda: batches.take_in(two, batch, content), fault)

    def again(self, fault: Fault | None) -> None:
        """Gather what waits, let it out and take it to the bank; the first is broken."""
        one, two = self.scene.closers
        proposed = self.did(lambda: self.scene.batches.propose(one, BANK), fault)
        if proposed.value is not None:
            self.did(lambda: self.scene.batches.approve(two, proposed.value), None)
            self._take(two, proposed.value, None)

    def _take(self, person: str, batch_id: str, fault: Fault | None) -> None:
        taken = self.did(lambda: self.scene.batches.file(person, batch_id), fault)
        if taken.value is not None:
            self.scene.bank.take(taken.value[1])
