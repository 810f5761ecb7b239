"""What must hold after each step, exactly: our rows against the ledger, and both against the gateway's own books."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from domain.finance.rails import Rail
from tests.faults.money.claimed import PARTS, Claimed, claimed_of
from tests.faults.money.gateway import Status
from tests.faults.money.goodwill import Gift
from tests.faults.money.scene import Card, Scene

SHARED = (
    *(f"{what}:{rail.value}" for what in ("cash", "in_flight") for rail in Rail), "inventory", "goodwill",
    "cost_of_sales", "write_off", "tax_withheld",
)  # fmt: skip
REMITTED_FROM = "cash:alipay"
# Accounts of all seeds: what a seed adds is judged.
# Where a card's price can be: owed, ordered, paid, withheld for the tax office, or offset against what its seller owes.
PLACES = ("seller_payable", "in_flight", "cash", "seller_receivable", "tax_withheld")
# I1: no transaction without entries, and none that does not sum to zero in each currency.
UNBALANCED = """
SELECT t.key FROM ledger_transaction t LEFT JOIN entry e ON e.transaction_id = t.id
WHERE t.id > $1 GROUP BY t.key, e.currency HAVING coalesce(sum(e.amount_minor), 1) <> 0
"""
POSTED = """
SELECT t.card_id, split_part(a.code, ':', 1) AS class, sum(e.amount_minor)::bigint AS minor
FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
WHERE t.card_id = ANY($2) AND split_part(t.cause, ':', 1) NOT IN ('rollback', 'claim_receipt', 'sale') GROUP BY 1, 2
"""
ORDERS = """
SELECT key, card_id, attempt, rail, state, answered, amount_minor, offset_minor, settled_at IS NOT NULL AS settled,
       stated_id IS NOT NULL AS stated, refusal_code,
       (SELECT coalesce(sum(w.tax_minor), 0) FROM tax_withholding w WHERE w.key = payout.key)::bigint AS tax_minor
FROM payout WHERE card_id = ANY($2) ORDER BY attempt
"""
# What was paid to the tax office since the seed began.
REMITTED = """
SELECT coalesce(sum(e.amount_minor), 0)::bigint AS minor
FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
WHERE t.id > $1 AND t.what = 'statement_adjusted' AND a.code = 'tax_withheld'
"""
CARDS = """
SELECT c.id, c.outcome, c.waiting_for, q.state AS quote FROM card c JOIN quote q ON q.card_id = c.id WHERE c.id = ANY($2)
"""
BALANCES = """
SELECT code, account_balance(a.id) AS stored,
       (SELECT coalesce(sum(amount_minor), 0) FROM entry WHERE account_id = a.id)::bigint AS summed,
       (SELECT coalesce(sum(amount_minor), 0) FROM ledger_hold WHERE account_id = a.id AND state = 'held')::bigint AS held
FROM account a WHERE code = ANY($3) AND currency = 'CNY'
"""
GIFT = """
SELECT g.state AS given, o.key, o.state, o.answered, o.amount_minor
FROM goodwill g LEFT JOIN goodwill_order o ON o.goodwill_id = g.id WHERE g.id = $4
"""
_PARTS = {
    "unbalanced": UNBALANCED,
    "posted": POSTED,
    "orders": ORDERS,
    "cards": CARDS,
    "balances": BALANCES,
    "gift": GIFT,
    "remitted": REMITTED,
    **PARTS,
}
# One question for all of them: they are asked after every step.
_AS_JSON = "'{}', (SELECT coalesce(json_agg(part), '[]') FROM ({}) AS part)"
_ALL = f"SELECT json_build_object({', '.join(_AS_JSON.format(*part) for part in _PARTS.items())})::text AS books"


@dataclass(frozen=True)
class Books:
    """What our database says of a seed's cards."""

    unbalanced: Sequence[str]
    posted: dict[str, Counter[str]]  # By card and class of account.
    orders: dict[str, list[Any]]  # By card, in the order of their attempts.
    cards: dict[str, Any]
    balances: dict[str, Any]
    gift: Any  # The goodwill payment with its order.
    claimed: Claimed
    remitted: int  # To the tax office, minor units.


def read(scene: Scene, since: int, cards: Sequence[Card], gift: Gift, accounts: Iterable[str]) -> Books:
    """Read everything that is judged."""
    ids, owners = [card.id for card in cards], {card.owner for card in cards}
    codes = [
        *SHARED,
        *(f"{what}:{owner}" for owner in owners for what in ("seller_payable", "seller_receivable")),
        *accounts,
    ]
    (row,) = scene.rows(_ALL, since, ids, codes, gift.id)
    found: dict[str, list[Any]] = json.loads(row["books"])
    by_card: dict[str, Counter[str]] = defaultdict(Counter)
    for one in found["posted"]:
        by_card[one["card_id"]][one["class"]] = one["minor"]
    of: dict[str, list[Any]] = defaultdict(list)
    for one in found["orders"]:
        of[one["card_id"]].append(one)
    return Books(
        [one["key"] for one in found["unbalanced"]], by_card, of, {one["id"]: one for one in found["cards"]},
        {one["code"]: one for one in found["balances"]}, found["gift"][0], claimed_of(found), int(found["remitted"][0]["minor"]),
    )  # fmt: skip


def orders(scene: Scene, cards: Sequence[Card]) -> list[Any]:
    """Read the orders of cards as they stand."""
    return scene.rows(ORDERS.replace("$2", "$1"), [card.id for card in cards])


def wrong(scene: Scene, cards: Sequence[Card], gift: Gift, before: Books, now: Books) -> list[str]:
    """List what does not hold; `before` are the books as they were when the seed began."""
    return [
        *(f"I1 {key} is not balanced" for key in now.unbalanced),
        *_balances(cards, gift, before, now),
        *(line for card in cards for line in _value(card, now)),
        *(line for card in cards for line in _payments(scene, card, now)),
        *gift.wrong(now.gift, scene.gateway.transfers.get(gift.key)),
        *_cash(scene, cards, gift, before, now),
        *now.claimed.wrong(_prices(cards, now), _offset(now), scene.sent()),
        *(line for one in scene.providers.values() for line in one.wrongs),
    ]


def _balances(cards: Sequence[Card], gift: Gift, before: Books, now: Books) -> Iterator[str]:
    """I2: every balance is the sum of its entries, and what rows other than the ledger's say that it must be."""
    for code, row in now.balances.items():
        if row["stored"] != row["summed"]:
            yield f"I2 {code} stands at {row['stored']} where its entries sum to {row['summed']}"
        if code.startswith(("seller_payable:", "buyer_deposit:")) and row["stored"] + row["held"] > 0:
            yield f"I2 {code} is overdrawn: {row['stored']} with {row['held']} held"
        if code.startswith("seller_receivable:") and row["stored"] < 0:
            yield f"I2 {code} is overdrawn: {row['stored']}"
    due: Counter[str] = Counter(dict.fromkeys(SHARED, 0))
    due.update(dict(gift.due(now.gift)))
    for card in cards:
        payable = f"seller_payable:{card.owner}"
        due.update({payable: 0, f"seller_receivable:{card.owner}": 0})
        if now.cards[card.id]["quote"] == "accepted":
            due["inventory"] += card.amount.amount_minor
            due[payable] -= card.amount.amount_minor
        for order in now.orders[card.id]:
            if order["state"] != "refused":
                due[payable] += order["amount_minor"] + order["offset_minor"] + order["tax_minor"]
                due["tax_withheld"] -= order["tax_minor"]
                where = "cash" if order["state"] == "paid" else "in_flight"
                due[f"{where}:{order['rail']}"] -= order["amount_minor"]
    for code, minor in now.claimed.due(_prices(cards, now)):
        due[code] += minor
    due.update({"tax_withheld": now.remitted, REMITTED_FROM: -now.remitted})
    for code, minor in due.items():
        stands = _stands(now, code) - (_stands(before, code) if code in SHARED else 0)
        if stands != minor:
            yield f"I2 {code} stands at {stands} where {minor} is due"


def _prices(cards: Sequence[Card], now: Books) -> dict[str, int]:
    return {card.id: card.amount.amount_minor for card in cards if now.cards[card.id]["quote"] == "accepted"}


def _offset(now: Books) -> int:
    return sum(one["offset_minor"] for rows in now.orders.values() for one in rows if one["state"] != "refused")


def _value(card: Card, now: Books) -> Iterator[str]:
    """I3: what is owed, in flight, paid and offset of a bought card is its price at every step; of one not bought, nothing."""
    posted, bought = now.posted[card.id], now.cards[card.id]["quote"] == "accepted"
    price = card.amount.amount_minor if bought else 0
    parts = sum(posted[one] for one in PLACES)
    if (posted["inventory"], parts) != (price, -price):
        yield f"I3 card {card.id} is worth {price}, and {dict(posted)} is posted"
    if any(posted[one] > 0 for one in PLACES):
        yield f"I3 card {card.id} has a part below nothing: {dict(posted)}"


def _payments(scene: Scene, card: Card, now: Books) -> Iterator[str]:
    """I4: at most one transfer that may arrive, exactly one if and only if the card is paid, of its amount to its payee."""
    orders = {order["key"]: order for order in now.orders[card.id]}
    theirs = [one for one in scene.sent().values() if f"card-{card.id}-" in one.key]
    alive = [one.key for one in theirs if one.status is not Status.FAIL]
    if len(alive) > 1:
        yield f"I4 {alive} may all arrive"
    for one in theirs:
        order = orders.get(one.key)
        if order is None or order["state"] == "prepared":
            yield f"I4 {one.key} is at the gateway, and our rows have not sent it"
        elif (one.amount.amount_minor, one.account) != (order["amount_minor"], card.accounts.get(one.key)):
            yield f"I4 {one.key} went out with another amount or to another payee than ordered"
    made = {one.key: one.status for one in theirs}
    for key, order in orders.items():
        due = {"paid": {Status.SUCCESS}, "refused": {Status.FAIL}}.get(order["state"])
        never = order["stated"] and order["state"] == "refused" and key not in made  # It never came there.
        if due is not None and made.get(key) not in due and not never:
            yield f"I4 {key} is {order['state']}, and the gateway has it as {made.get(key)}"
        if order["settled"] != (order["state"] in ("paid", "refused")):
            yield f"I4 {key} is {order['state']} and settled: {order['settled']}"
        if order["settled"] and order["answered"] != order["state"]:
            yield f"I4 {key} is {order['state']} where the gateway answered {order['answered']}"
    paid = [order for order in orders.values() if order["state"] == "paid"]
    if (now.cards[card.id]["outcome"] == "paid") != (len(paid) == 1) or len(paid) > 1:
        yield f"I4 card {card.id} ended {now.cards[card.id]['outcome']} with {len(paid)} paid orders"


def _cash(scene: Scene, cards: Sequence[Card], gift: Gift, before: Books, now: Books) -> Iterator[str]:
    """What left by each gateway's books is what left by ours, but for orders that it has paid and we have not settled."""
    ours = {order["key"]: order["state"] for card in cards for order in now.orders[card.id]}
    ours[gift.key] = now.gift["state"]
    ours |= {one["key"]: one["state"] for one in now.claimed.paybacks if one["key"] is not None}
    for rail, provider in scene.providers.items():
        gone = [
            one for one in provider.transfers.values() if one.status is Status.SUCCESS and ours.get(one.key) == "paid"
        ]
        left, code = sum(one.amount.amount_minor for one in gone), f"cash:{rail.value}"
        cash = _stands(before, code) - _stands(now, code) + now.claimed.received[rail.value]
        cash -= now.remitted if code == REMITTED_FROM else 0
        if cash != left:
            yield f"I4 {cash} left by our books of {rail.value}, {left} by the provider's"


def _stands(books: Books, code: str) -> int:
    return int(books.balances[code]["stored"]) if code in books.balances else 0
