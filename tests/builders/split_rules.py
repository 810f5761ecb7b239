"""Split rules of every kind that the business has."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.splits import KIND

ANY = {
    "mode": "",
    "card_type": "",
    "brand": "",
    "buyer": "",
    "owner": "",
    "outlet": "",
    "intake_point": "",
    "instalments": "",
}


def charge(code: str, kind: str = "service_fee", **values: Any) -> dict[str, Any]:
    rest = {"rate_bp": 100, "fixed_minor": 0, "to": "platform", "borne_by": "buyer"}
    return {"code": code, "kind": kind, **ANY, **rest, **values}


def division(code: str, *parts: tuple[str, int], base: str = "spread", **when: Any) -> dict[str, Any]:
    given = [{"to": to, "share_bp": share} for to, share in parts]
    return {"code": code, "base": base, **ANY, **when, "parts": given}


def a_document() -> dict[str, Any]:
    """Rules of every kind that the business has."""
    return {
        "split_provider": "alipay",
        "counterparties": {
            "corner": {"name": "Corner shop", "kind": "intake"},
            "mall": {"name": "Mall outlet", "kind": "outlet"},
            "bank": {"name": "Bank", "kind": "instalment"},
            "club": {"name": "Club", "kind": "co_marketing"},
            "resale": {"name": "Resale network", "kind": "distribution"},
            "works": {"name": "Works", "kind": "enterprise"},
        },
        "charges": [
            charge("acme-fee", buyer="acme", rate_bp=50),
            charge("fee", mode="own"),
            charge("commission", "commission", mode="brokered", rate_bp=500, borne_by="seller"),
            charge("instalments", "instalment", instalments="yes", rate_bp=150, fixed_minor=100, to="bank"),
        ],
        "divisions": [
            division("regional", ("mall", 4_000), ("platform", 6_000), outlet="mall"),
            division("works", ("works", 2_500), ("platform", 7_500), owner="01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            division("taken-in", ("corner", 1_500), ("platform", 8_500), intake_point="corner"),
            division("rest", ("club", 1_000), ("resale", 2_000), ("corner", 333), ("platform", 6_667)),
            division("fees", ("resale", 5_000), ("platform", 5_000), base="fee"),
        ],
    }


def divided_with(counterparty: str) -> None:
    """Let rules be in force by which this counterparty has half of every spread."""
    document = a_document() | {"divisions": [division("half", (counterparty, 5_000), ("platform", 5_000))]}
    document["counterparties"][counterparty] = {"name": "Half of it", "kind": "outlet"}
    BOOK.fill("splits", [PolicyDocument("splits", 1, "splits-1", date(2026, 1, 1), KIND.require_valid(document, {}))])
