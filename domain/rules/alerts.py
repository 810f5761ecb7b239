"""When operations are alerted, and who: limits by rule, how long a value must stay above, and the owner. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from domain.ops.alerts import AGES, COUNTS, SHARES, AlertRule, Timing
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.flaws import Flaw, FlawKind
from domain.policies.schema import Schema, basis_points, offered, record, text, whole, yes_or_no

ALERTS = Path(__file__).with_name("alerts.json")
MONTH_S = 31 * 24 * 3600
URL_MAX = 500
NAMES = "ops_topic"  # The catalogue of the rules' names.
WEBHOOK = "webhook_url"


@dataclass(frozen=True)
class Rule:
    """One rule: it alerts its owner (a role, or `person:<id>`) while a value is above `limit`."""

    limit: int
    timing: Timing
    owner: str


@dataclass(frozen=True)
class AlertRules:
    """One version of the rules that are switched on. Times in seconds.

    `quote_s` is the time within which a card that needs no person should be quoted; a share is judged from `quotes_least`
    cards on. An empty `webhook_url` sends nothing.
    """

    version: str
    rules: Mapping[AlertRule, Rule]
    quote_s: int
    quotes_least: int
    webhook_url: str


def _rule(limit: Schema) -> Schema:
    return record(
        on=yes_or_no(), limit=limit, for_s=whole(0, MONTH_S, "s"), calm_s=whole(0, MONTH_S, "s"),
        owner=offered("notified"),
    )  # fmt: skip


def _table(rules: Iterable[AlertRule], limit: Schema) -> Schema:
    return record(NAMES, **{rule.value: _rule(limit) for rule in rules})


def _flaws(document: Mapping[str, Any], _before: Mapping[str, Any]) -> Iterable[Flaw]:
    url = document[WEBHOOK]
    if url and not _is_address(url):
        yield Flaw(WEBHOOK, FlawKind.WRONG_FORM)


def _is_address(url: str) -> bool:
    """Whether it is an http or https address without a user name; http is refused at delivery unless the settings allow it."""
    try:
        parts = urlsplit(url)
        return parts.scheme in ("https", "http") and bool(parts.hostname) and parts.username is None and parts.port != 0
    except ValueError:
        return False


KIND = PolicyKind(
    "alerts",
    record(
        quote_s=whole(1, 24 * 3600, "s"),
        quotes_least=whole(1, 100_000),
        webhook_url=text(URL_MAX, empty=True),
        counts=_table(COUNTS, whole(0, 1_000_000)),
        ages=_table(AGES, whole(0, MONTH_S, "s")),
        shares=_table(SHARES, basis_points()),
    ),
    lambda: built_in_file("alerts", ALERTS, "alerts"),
    two_people=False,
    further=_flaws,
)


def alerts_in_force(on: date) -> AlertRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return alerts_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def alerts_of(found: PolicyDocument) -> AlertRules:
    """Return one version of the rules."""
    given = found.document
    every = {**given["counts"], **given["ages"], **given["shares"]}
    return AlertRules(
        found.version, {AlertRule(name): _read(one) for name, one in every.items() if one["on"]}, given["quote_s"],
        given["quotes_least"], given[WEBHOOK],
    )  # fmt: skip


def _read(one: Mapping[str, Any]) -> Rule:
    timing = Timing(timedelta(seconds=one["for_s"]), timedelta(seconds=one["calm_s"]))
    return Rule(one["limit"], timing, one["owner"])
