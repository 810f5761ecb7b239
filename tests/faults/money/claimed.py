"""What must hold of sales, claims, payments on them and payments back: from their rows alone, against the ledger and the gateway."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.money.gateway import Status, Transfer

# Of the cards `$2`.
CLAIMS = """
SELECT r.id, r.card_id, r.owner, r.state, r.price_minor, r.amount_minor, r.given_up_minor, r.reversed,
       r.objected_at IS NOT NULL AND r.objection_answered_at IS NULL AS disputed,
       (SELECT coalesce(sum(o.amount_minor), 0) FROM rollback_offset o
        WHERE o.rollback_id = r.id AND o.undone_at IS NULL)::bigint AS taken,
       (SELECT coalesce(sum(c.amount_minor - c.recovered_minor), 0) FROM claim_receipt c
        WHERE c.claim_id = r.id AND c.reversed_at IS NULL)::bigint AS received,
       (SELECT coalesce(sum(c.recovered_minor), 0) FROM claim_receipt c
        WHERE c.claim_id = r.id AND c.reversed_at IS NULL)::bigint AS recovered
FROM rollback r WHERE r.card_id = ANY($2) ORDER BY r.id
"""
RECEIPTS = """
SELECT c.rail, c.amount_minor FROM claim_receipt c JOIN rollback r ON r.id = c.claim_id
WHERE r.card_id = ANY($2) AND c.reversed_at IS NULL
"""
SALES = "SELECT card_id FROM sale WHERE card_id = ANY($2) AND reversed_at IS NULL"
PAYBACKS = """
SELECT g.id, g.claim_id, g.owner, g.state AS given, o.key, o.rail, o.state, o.amount_minor
FROM goodwill g JOIN rollback r ON r.id = g.claim_id LEFT JOIN goodwill_order o ON o.goodwill_id = g.id
WHERE r.card_id = ANY($2) ORDER BY g.id
"""
STOCK = """
SELECT t.card_id, a.code, sum(e.amount_minor)::bigint AS minor
FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
WHERE t.card_id = ANY($2) AND a.code IN ('inventory', 'cost_of_sales') GROUP BY 1, 2
"""
PARTS = {"claims": CLAIMS, "receipts": RECEIPTS, "sales": SALES, "paybacks": PAYBACKS, "stock": STOCK}
STANDS = ("claimed", "settled", "written_off")
COUNTED = ("proposed", "agreed", "paid")


@dataclass(frozen=True)
class Claimed:
    """What our database says of a seed's sales and claims."""

    claims: Sequence[Any]
    received: Counter[str]  # By rail.
    sold: frozenset[str]  # Cards.
    sales: int
    paybacks: Sequence[Any]
    stock: Mapping[str, Counter[str]]  # By card and account.

    def stands(self, card_id: str) -> bool:
        """Return whether the card has an open claim against its seller: it is worth nothing."""
        return any(one["card_id"] == card_id and one["state"] in STANDS for one in self.claims)

    def due(self, prices: Mapping[str, int]) -> Iterator[tuple[str, int]]:
        """Yield what must stand on the accounts because of it; `prices` of the bought cards, which are in the inventory but for it."""
        for card_id, price in prices.items():
            sold, stands = card_id in self.sold, self.stands(card_id)
            yield "inventory", -price if sold or stands else 0
            yield "cost_of_sales", price if sold and not stands else 0
        for one in self.claims:
            if one["state"] in (*STANDS, "dropped"):
                yield f"seller_receivable:{one['owner']}", left(one)
            if one["state"] in STANDS:
                yield "write_off", one["price_minor"] - one["amount_minor"] + one["given_up_minor"] - one["recovered"]
            if one["state"] == "dropped":
                yield f"seller_payable:{one['owner']}", one["given_up_minor"] - one["amount_minor"]
        for rail, minor in self.received.items():
            yield f"cash:{rail}", minor
        for one in self.paybacks:
            if one["key"] is not None and one["state"] != "refused":
                yield f"seller_payable:{one['owner']}", one["amount_minor"]
                yield f"{'cash' if one['state'] == 'paid' else 'in_flight'}:{one['rail']}", -one["amount_minor"]

    def wrong(self, prices: Mapping[str, int], offset: int, made: Mapping[str, Transfer]) -> Iterator[str]:
        """List what does not hold; `offset` is what orders that are not refused have offset, `made` what gateways have."""
        for card_id, stock in self.stock.items():
            price, sold, stands = prices.get(card_id, 0), card_id in self.sold, self.stands(card_id)
            due = (0 if sold or stands else price, price if sold and not stands else 0)
            if (stock["inventory"], stock["cost_of_sales"]) != due:
                yield f"I3 the cost of card {card_id} is in {dict(stock)} where {due} is due: sold {sold}, claimed {stands}"
        if len(self.sold) != self.sales:
            yield f"I3 cards {sorted(self.sold)} are sold by {self.sales} sales"
        if sum(one["taken"] for one in self.claims) != offset:
            yield f"I3 claims have {[one['taken'] for one in self.claims]} offset, their orders {offset}"
        open_ones = Counter(one["card_id"] for one in self.claims if one["state"] in ("proposed", *STANDS))
        if any(many > 1 for many in open_ones.values()):
            yield f"I3 more than one claim stands on a card: {dict(open_ones)}"
        for one in self.claims:
            yield from _claim(one)
        for one in self.paybacks:
            yield from self._payback(one, made.get(str(one["key"])))

    def _payback(self, row: Any, made: Transfer | None) -> Iterator[str]:
        claim = next(one for one in self.claims if one["id"] == row["claim_id"])
        others = [one for one in self.paybacks if one["claim_id"] == claim["id"] and one["given"] in COUNTED]
        if len(others) > 1:
            yield f"I4 claim {claim['id']} is paid back by {[one['id'] for one in others]}"
        owed = claim["amount_minor"] - claim["given_up_minor"]
        if row["key"] is not None and row["amount_minor"] != owed:
            yield f"I4 {row['key']} pays {row['amount_minor']} where {owed} is owed"
        if made is not None and (row["state"] == "prepared" or made.amount.amount_minor != row["amount_minor"]):
            yield f"I4 {row['key']} is {row['state']}, and the gateway has it as {made}"
        status = {"paid": Status.SUCCESS, "refused": Status.FAIL}.get(str(row["state"]))
        if status is not None and (made is None or made.status is not status or row["given"] != row["state"]):
            yield f"I4 {row['key']} is {row['state']} of {row['given']}, and the gateway has it as {made}"


def left(claim: Any) -> int:
    """Return what is left of a claim, minor units."""
    return int(claim["amount_minor"] - claim["given_up_minor"] - claim["taken"] - claim["received"])


def claimed_of(found: Mapping[str, list[Any]]) -> Claimed:
    """Return what was read."""
    received, stock = Counter[str](), dict[str, Counter[str]]()
    for one in found["receipts"]:
        received[one["rail"]] += one["amount_minor"]
    for one in found["stock"]:
        stock.setdefault(one["card_id"], Counter())[one["code"]] = one["minor"]
    sold = [one["card_id"] for one in found["sales"]]
    return Claimed(found["claims"], received, frozenset(sold), len(sold), found["paybacks"], stock)


def _claim(one: Any) -> Iterator[str]:
    rest, state = left(one), one["state"]
    if rest < 0:
        yield f"I3 more is paid of claim {one['id']} than was claimed: {dict(one)}"
    if one["recovered"] > (one["given_up_minor"] if state == "written_off" else 0):
        yield f"I3 more of claim {one['id']} is recovered than was written off: {dict(one)}"
    if state in ("proposed", "declined") and (one["taken"] or one["received"]):
        yield f"I3 claim {one['id']} is {state}, and something is paid of it"
    if (state == "settled" and rest) or (state == "claimed" and not rest and not one["disputed"]):
        yield f"I3 claim {one['id']} is {state} with {rest} left"
    if (state == "dropped") != one["reversed"]:
        yield f"I3 claim {one['id']} is {state} and reversed: {one['reversed']}"
