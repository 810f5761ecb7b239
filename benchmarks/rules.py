"""Split rules: evaluations a second with the trace that says why ÷ those of the decision engine's path from JSON on the same table."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from itertools import cycle, product
from statistics import median
from typing import Any

import zen

from benchmarks.result import Result
from domain.cards.card import CardType
from domain.finance.counterparties import Instalments
from domain.finance.sales import SaleMode
from domain.policies.document import PolicyDocument
from domain.rules.splits import CONDITIONS, KIND, SaleFacts, SplitRules

GOAL = 5
TURNS, TURNS_SHORT = 15, 5
TURN_S = 0.4
PARTNERS = tuple(f"partner-{number}" for number in range(12))
ANY = dict.fromkeys(CONDITIONS, "")


def measure(short: bool) -> list[Result]:
    """Both evaluate the same sales by the same rows in turn, and must find the same ones.

    The engine's path from JSON (`create_decision(…).evaluate`, with its trace) reads and compiles the table at each call; its
    compiled path, by which prices are found, is in the details.
    """
    document = _document()
    rules = SplitRules(PolicyDocument("splits", 1, "splits-1", date(2026, 1, 1), KIND.require_valid(document, {})))
    sales = _sales()
    drawn, engine = json.dumps(_graph(document)), zen.ZenEngine()
    compiled = zen.ZenDecisionContent(drawn)
    ready = zen.ZenEngine({"loader": lambda _key: compiled})
    asked = [_question(one) for one in sales]
    _require_same(rules, sales, lambda one: engine.create_decision(drawn).evaluate(one)["result"])
    ways: Mapping[str, Callable[[Iterator[int]], object]] = {
        "ours": lambda turn: rules.ruling(sales[next(turn)]),
        "json": lambda turn: engine.create_decision(drawn).evaluate(asked[next(turn)], {"trace": True}),
        "compiled": lambda turn: ready.evaluate("splits", asked[next(turn)], {"trace": True}),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(TURNS_SHORT if short else TURNS):
        for name, evaluate in ways.items():
            rates[name].append(_rate(evaluate, len(sales)))
    ratio = median(ours / theirs for ours, theirs in zip(rates["ours"], rates["json"], strict=True))
    details = {f"{name}_per_s": round(median(found)) for name, found in rates.items()} | {
        "ratio_to_compiled": round(median(rates["ours"]) / median(rates["compiled"]), 1),
        "rows": len(document["charges"]) + len(document["divisions"]), "sales": len(sales),
    }  # fmt: skip
    return [Result("rules", ratio, f">= {GOAL}", ratio >= GOAL, details)]


def _rate(evaluate: Callable[[Iterator[int]], object], sales: int) -> float:
    turn, done = cycle(range(sales)), 0
    began = time.perf_counter()
    while (spent := time.perf_counter() - began) < TURN_S:
        evaluate(turn)
        done += 1
    return done / spent


def _document() -> dict[str, Any]:
    """Rules as an installation with a dozen partners has them."""
    rest = {"rate_bp": 100, "fixed_minor": 0, "to": "platform", "borne_by": "buyer"}
    charges = [
        *({"code": f"fee-{one}", "kind": "service_fee", **ANY, "buyer": one, **rest, "rate_bp": 50} for one in PARTNERS[:6]),
        {"code": "fee", "kind": "service_fee", **ANY, "mode": "own", **rest},
        {"code": "commission", "kind": "commission", **ANY, "mode": "brokered", **rest, "borne_by": "seller"},
        {"code": "instalments", "kind": "instalment", **ANY, "instalments": "yes", **rest, "to": PARTNERS[0]},
    ]  # fmt: skip
    spread = [_division(f"spread-{one}", one, "spread", buyer=one) for one in PARTNERS]
    spread += [_division(f"type-{kind.value}", PARTNERS[1], "spread", card_type=kind.value) for kind in CardType]
    fees = [_division(f"fees-{one}", one, "fee", buyer=one) for one in PARTNERS[:4]]
    counterparties = {one: {"name": one, "kind": "distribution"} for one in PARTNERS}
    return {
        "split_provider": "alipay", "counterparties": counterparties, "charges": charges, "divisions": [*spread, *fees],
    }  # fmt: skip


def _division(code: str, to: str, base: str, **when: str) -> dict[str, Any]:
    parts = [{"to": to, "share_bp": 2_000}, {"to": "platform", "share_bp": 8_000}]
    return {"code": code, "base": base, **ANY, **when, "parts": parts}


def _sales() -> list[SaleFacts]:
    buyers = (*PARTNERS, "somewhere-else")
    return [
        SaleFacts(mode, kind, "jd", buyer, "seller", "", paid)
        for mode, kind, buyer, paid in product(SaleMode, CardType, buyers, Instalments)
    ]


def _question(sale: SaleFacts) -> dict[str, str]:
    return {name: str(getattr(sale, name)) for name in CONDITIONS}


def _tables(document: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    for name, key in (("charges", "kind"), ("divisions", "base")):
        for row in document[name]:
            found.setdefault(row[key], []).append(row)
    return found


def _graph(document: Mapping[str, Any]) -> dict[str, Any]:
    """The same rows as a decision graph (JDM): a table for each kind of charge and each pot, whose first row that fits counts."""
    nodes: list[dict[str, Any]] = [{"id": "in", "name": "in", "type": "inputNode", "position": {"x": 0, "y": 0}}]
    edges: list[dict[str, Any]] = []
    for table, rows in _tables(document).items():
        content = {
            "hitPolicy": "first", "passThrough": False, "executionMode": "single", "inputField": None, "outputPath": None,
            "inputs": [{"id": one, "name": one, "field": one} for one in CONDITIONS],
            "outputs": [{"id": "rule", "name": "rule", "field": table}],
            "rules": [_rule(row) for row in rows],
        }  # fmt: skip
        nodes.append(
            {"id": table, "name": table, "type": "decisionTableNode", "position": {"x": 1, "y": 1}, "content": content}
        )
        edges.append({"id": f"i-{table}", "type": "edge", "sourceId": "in", "targetId": table})
        edges.append({"id": f"o-{table}", "type": "edge", "sourceId": table, "targetId": "out"})
    nodes.append({"id": "out", "name": "out", "type": "outputNode", "position": {"x": 2, "y": 0}})
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def _rule(row: Mapping[str, Any]) -> dict[str, str]:
    conditions = {name: f'"{row[name]}"' if row[name] else "" for name in CONDITIONS}
    return {"_id": row["code"], **conditions, "rule": f'"{row["code"]}"'}


def _require_same(
    rules: SplitRules, sales: Sequence[SaleFacts], engine: Callable[[dict[str, str]], Mapping[str, str]]
) -> None:
    """Raises AssertionError where the engine finds other rows than we do: then the two are not the same table."""
    for sale in sales:
        ruling = rules.ruling(sale)
        ours = {one.rule for one in ruling.charges} | {one.rule for one in ruling.divisions}
        theirs = {str(value) for value in engine(_question(sale)).values()}
        if ours != theirs:
            raise AssertionError(f"{sale}: {sorted(ours)} here, {sorted(theirs)} by the engine")
