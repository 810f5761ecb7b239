"""Every identifier the product writes is made here and nowhere else, so that a log line can be read back by eye.

An id is a Crockford base-32 ULID (26 characters, sortable by time); workflow ids and effect keys are built on it.
"""

from __future__ import annotations

import functools
import re
import secrets
import time
from datetime import UTC, datetime

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TIME_CHARACTERS, RANDOM_CHARACTERS = 10, 16
_PAYOUT_KEY = re.compile(rf"card-([{ALPHABET}]{{26}})-payout-([1-9][0-9]{{0,3}})")
_SETTLEMENT_KEY = re.compile(rf"settlement-([{ALPHABET}]{{26}})-payout-([1-9][0-9]{{0,3}})")
_BILL_NUMBER = re.compile(rf"([CS])([{ALPHABET}]{{26}})N([1-9][0-9]{{0,3}})")


def new_id() -> str:
    """Make a fresh 26-character ULID. Never called inside a workflow: ids enter it as recorded facts."""
    return _encode(time.time_ns() // 1_000_000, TIME_CHARACTERS) + _encode(secrets.randbits(80), RANDOM_CHARACTERS)


def is_id(text: str) -> bool:
    """Return whether a text has the form of an id."""
    return len(text) == TIME_CHARACTERS + RANDOM_CHARACTERS and set(text) <= set(ALPHABET)


def least_id(milliseconds: int) -> str:
    """Return an id below every id that is made from this moment on (milliseconds since 1970)."""
    return _encode(milliseconds, TIME_CHARACTERS) + ALPHABET[0] * RANDOM_CHARACTERS


def card_workflow(card_id: str) -> str:
    """Return the Temporal workflow id of a card."""
    return f"card:{card_id}"


def repair_workflow(repair_id: str) -> str:
    """Return the Temporal workflow id of a repair."""
    return f"repair:{repair_id}"


def payout_key(card_id: str, attempt: int) -> str:
    """Return the idempotency key of one payout order; `attempt` rises only after the one before was refused for certain."""
    return f"card-{card_id}-payout-{attempt}"


def goodwill_workflow(goodwill_id: str) -> str:
    """Return the Temporal workflow id of a goodwill payment."""
    return f"goodwill:{goodwill_id}"


def goodwill_key(goodwill_id: str) -> str:
    """Return the idempotency key of the one payment order of a goodwill payment."""
    return f"goodwill-{goodwill_id}"


def is_goodwill_key(key: str) -> bool:
    """Return whether a payment order of this key is of a goodwill payment."""
    return key.startswith("goodwill-")


def settlement_workflow(counterparty_id: str, period: str) -> str:
    """Return the Temporal workflow id of the settlement of a counterparty's period."""
    return f"settlement:{counterparty_id}:{period}"


def settlement_key(run_id: str, attempt: int) -> str:
    """Return the idempotency key of one payment order of a settlement run; `attempt` rises only after a sure refusal."""
    return f"settlement-{run_id}-payout-{attempt}"


def is_settlement_key(key: str) -> bool:
    """Return whether a payment order of this key is of a settlement run."""
    return key.startswith("settlement-")


def subject_of(key: str) -> str:
    """Return the id of what a payment order's key pays for: a card, a goodwill payment or a run; the key where it names none."""
    found = _PAYOUT_KEY.fullmatch(key) or _SETTLEMENT_KEY.fullmatch(key)
    return found[1] if found is not None else key.removeprefix("goodwill-")


def order_key_of(text: str) -> str | None:
    """Return the payment order's key that a text is, or is the short form of (`bill_number`); None for any other text."""
    found = key_of_bill(text) or text
    known = _PAYOUT_KEY.fullmatch(found) or _SETTLEMENT_KEY.fullmatch(found)
    goodwill = is_goodwill_key(found) and is_id(found.removeprefix("goodwill-"))
    return found if known is not None or goodwill else None


def settlement_task(run_id: str, number: int) -> str:
    """Return the id of the n-th work item of a settlement run, counted from 1."""
    return f"settlement:{run_id}:settlement:{number}"


def bill_number(key: str) -> str:
    """Return a payment order's key as letters and digits, at most 32 of them, for providers that take no more.

    `key_of_bill` gives the key back. Raises ValueError for what is no key of ours.
    """
    if is_goodwill_key(key) and is_id(found := key.removeprefix("goodwill-")):
        return f"G{found}"
    if (order := _PAYOUT_KEY.fullmatch(key)) is not None:
        return f"C{order[1]}N{order[2]}"
    if (order := _SETTLEMENT_KEY.fullmatch(key)) is not None:
        return f"S{order[1]}N{order[2]}"
    raise ValueError("no key of a payment order")


def key_of_bill(number: str) -> str | None:
    """Return the key that `bill_number` was made from; None for any other text."""
    if number[:1] == "G" and is_id(number[1:]):
        return goodwill_key(number[1:])
    order = _BILL_NUMBER.fullmatch(number)
    if order is None:
        return None
    return (payout_key if order[1] == "C" else settlement_key)(order[2], int(order[3]))


def request_key(card_id: str, step: str, number: int) -> str:
    """Return the request id of one call to an outside system on behalf of a card."""
    return f"card-{card_id}-{step}-{number}"


def review_task(card_id: str, number: int) -> str:
    """Return the id of a card's n-th review task, counted from 1."""
    return f"card:{card_id}:review:{number}"


def ticket_task(ticket_id: str) -> str:
    """Return the id of the work item of a ticket."""
    return f"ticket:{ticket_id}:ticket:1"


def escalation_task(escalation_id: str, kind: str) -> str:
    """Return the id of the work item of a question to another desk."""
    return f"escalation:{escalation_id}:{kind}:1"


def break_task(break_id: str) -> str:
    """Return the id of the work item of a break between a statement and our books."""
    return f"break:{break_id}:break:1"


def ticket_workflow(ticket_id: str) -> str:
    """Return the Temporal workflow id of a ticket."""
    return f"ticket:{ticket_id}"


def work_item(card_id: str, kind: str, number: int) -> str:
    """Return the id of a card's n-th item of a kind of work, counted from 1."""
    return f"card:{card_id}:{kind}:{number}"


def quote(card_id: str, number: int) -> str:
    """Return the id of a card's n-th quote, counted from 1."""
    return f"card:{card_id}:quote:{number}"


def short(identifier: str) -> str:
    """Return the last six characters: enough for two people to talk about one card."""
    return identifier[-6:]


def moment_of(identifier: str) -> datetime:
    """When an id of ours was made, to the millisecond. Raises ValueError for any other text."""
    made = identifier[:TIME_CHARACTERS]
    if len(made) < TIME_CHARACTERS or set(made) - set(ALPHABET):
        raise ValueError("no id of ours")
    milliseconds = functools.reduce(lambda number, one: number << 5 | ALPHABET.index(one), made, 0)
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _encode(number: int, characters: int) -> str:
    return "".join(ALPHABET[(number >> 5 * place) & 31] for place in reversed(range(characters)))
