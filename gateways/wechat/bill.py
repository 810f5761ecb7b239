"""Read WeChat Pay's fund bill: what left our account under one of our numbers, and what of it came back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from domain.identifiers import key_of_bill
from domain.money import Money

OUT, BACK = "支出", "收入"
COLUMNS = {"way": "收支类型", "amount": "收支金额", "reference": "微信支付业务单号", "number": "业务凭证号"}
SUMS = "资金流水总笔数"


class BillUnreadable(ValueError):
    """The file has no header of a fund bill, or a line that does not fit its header."""


@dataclass(frozen=True)
class FundMovement:
    """One line of ours; `amount` is positive, `out` tells whether it left."""

    key: str
    reference: str
    amount: Money
    out: bool


def movements(bill: bytes) -> Iterator[FundMovement]:
    """Yield the lines under our own numbers; other movements of the account are left out. Raises BillUnreadable."""
    try:
        lines = bill.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise BillUnreadable("encoding") from None
    if not lines:
        return
    places = _places(lines[0])
    for line in lines[1:]:
        if line.startswith(SUMS):
            return
        cells = [cell.strip().removeprefix("`") for cell in line.split(",")]
        if len(cells) <= max(places.values()):
            raise BillUnreadable("columns")
        key = key_of_bill(cells[places["number"]])
        if key is not None:
            yield _movement(key, {name: cells[place] for name, place in places.items()})


def _places(header: str) -> dict[str, int]:
    names = [name.strip().removeprefix("`") for name in header.split(",")]
    found = {
        one: next((at for at, name in enumerate(names) if name.startswith(word)), -1) for one, word in COLUMNS.items()
    }
    if min(found.values()) < 0:
        raise BillUnreadable("header")
    return found


def _movement(key: str, cells: dict[str, str]) -> FundMovement:
    if cells["way"] not in (OUT, BACK):
        raise BillUnreadable("way")
    try:
        amount = Money.from_decimal_text(cells["amount"])
    except ValueError:
        raise BillUnreadable("amount") from None
    return FundMovement(key, cells["reference"], amount, cells["way"] == OUT)
