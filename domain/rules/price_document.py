"""Prices as a policy document: rows of conditions and basis points, and the decision graph (JDM) that is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from domain.cards.card import CardType
from domain.policies.document import BUILT_IN_NUMBER, PolicyDocument
from domain.policies.schema import CODE, Schema, basis_points, by_code, record, rows, text, whole

PRICING = Path(__file__).with_name("pricing")
COMPARISON = "^((<|<=|>|>=) [0-9]{1,6})?$"
_ANY_TYPE: Schema = {"type": "string", "enum": ["", *(one.value for one in CardType)], "names": "card_type"}
_ANY_POPULARITY: Schema = {"type": "string", "enum": ["", "high", "medium", "low"], "names": "brand_popularity"}
_CHANGE = basis_points(10_000, -10_000)
_COMPARED = text(12, COMPARISON, empty=True)
# Table → its second condition with its schema and name, and the name of its result.
_TABLES: Mapping[str, tuple[str, Schema, str, str]] = {
    "base": ("brand", text(40, f"{CODE}|^$", empty=True), "Brand", "Basis points of the balance"),
    "popularity": ("popularity", _ANY_POPULARITY, "Popularity", "Basis points added"),
    "validity": ("days_left", _COMPARED, "Days left", "Basis points added"),
    "demand": ("stock_bp", _COMPARED, "Stock in basis points of its target", "Basis points added"),
    "margin": ("popularity", _ANY_POPULARITY, "Popularity", "Basis points of the balance"),
}
_TITLES = {
    "base": "Base rate", "popularity": "Popularity", "validity": "Remaining validity", "demand": "Stock against demand",
    "margin": "Margin of the resale",
}  # fmt: skip


def schema() -> Schema:
    """Return what a document of prices is like. The rows of a table are read from the top; the first that fits counts."""
    tables = {
        table: rows(record(card_type=_ANY_TYPE, **{second: condition}, **{f"{table}_bp": _CHANGE}))
        for table, (second, condition, _, _) in _TABLES.items()
    }
    targets = by_code(whole(0, 10_000_000))
    return record(rule_set=text(40, CODE), service_fee_bp=basis_points(), stock_targets=targets, **tables)


@cache
def built_in(folder: Path = PRICING) -> tuple[PolicyDocument, ...]:
    """Return the versions of `sets.json`, each with its decision graph as rows."""
    sets: list[dict[str, Any]] = json.loads((folder / "sets.json").read_text(encoding="utf-8"))["sets"]
    return tuple(_version(one, folder) for one in sets)


def graph(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decision graph of a document, as the engine and the editors of such graphs take it."""
    middle = 160 * (len(_TABLES) // 2)
    nodes = [{"id": "request", "name": "Card", "type": "inputNode", "position": {"x": 0, "y": middle}}]
    nodes += [_node(table, document[table], 160 * index) for index, table in enumerate(_TABLES)]
    nodes.append({"id": "response", "name": "Rates", "type": "outputNode", "position": {"x": 800, "y": middle}})
    edges = [{"id": f"in-{one}", "type": "edge", "sourceId": "request", "targetId": one} for one in _TABLES]
    edges += [{"id": f"out-{one}", "type": "edge", "sourceId": one, "targetId": "response"} for one in _TABLES]
    return {"contentType": "application/vnd.gorules.decision", "nodes": nodes, "edges": edges}


def _version(described: Mapping[str, Any], folder: Path) -> PolicyDocument:
    drawn = json.loads((folder / str(described["table"])).read_text(encoding="utf-8"))
    nodes = {node["id"]: node for node in drawn["nodes"]}
    values = {name: described[name] for name in ("rule_set", "service_fee_bp", "stock_targets")}
    values |= {table: [_row(table, rule) for rule in nodes[table]["content"]["rules"]] for table in _TABLES}
    begins = date.fromisoformat(str(described["effective_from"]))
    return PolicyDocument("prices", BUILT_IN_NUMBER, str(described["version"]), begins, values)


def _row(table: str, rule: Mapping[str, str]) -> dict[str, Any]:
    second = _TABLES[table][0]
    conditions = {name: rule[f"{table}-{name}"].strip('"') for name in ("card_type", second)}
    return {**conditions, f"{table}_bp": int(rule[f"{table}-{table}_bp"])}


def _node(table: str, given: list[Mapping[str, Any]], y: int) -> dict[str, Any]:
    second, _, named, result = _TABLES[table]
    content = {
        "hitPolicy": "first", "passThrough": False, "executionMode": "single", "inputField": None, "outputPath": None,
        "inputs": [
            {"id": f"{table}-card_type", "name": "Card type", "field": "card_type"},
            {"id": f"{table}-{second}", "name": named, "field": second},
        ],
        "outputs": [{"id": f"{table}-{table}_bp", "name": result, "field": f"{table}_bp"}],
        "rules": [_rule(table, second, number, row) for number, row in enumerate(given, 1)],
    }  # fmt: skip
    return {"id": table, "name": _TITLES[table], "type": "decisionTableNode", "position": {"x": 400, "y": y}, "content": content}  # fmt: skip


def _rule(table: str, second: str, number: int, row: Mapping[str, Any]) -> dict[str, str]:
    compared = second in ("days_left", "stock_bp")
    return {
        "_id": f"{table}-{number}",
        f"{table}-card_type": _quoted(row["card_type"]),
        f"{table}-{second}": row[second] if compared else _quoted(row[second]),
        f"{table}-{table}_bp": str(row[f"{table}_bp"]),
    }


def _quoted(word: str) -> str:
    return f'"{word}"' if word else ""
