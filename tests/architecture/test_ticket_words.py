"""Check that all words of a ticket are indexed: others are never found again."""

from __future__ import annotations

import ast

from tests.architecture.tree import modules, name_of


def test_every_writer_of_a_message_of_a_ticket_indexes_its_words() -> None:
    forgotten = [str(module) for module in modules("services") if _writes(module.tree) and not _indexes(module.tree)]
    assert forgotten == [], "call services.support.grams.index after writing the message"


def test_a_writer_that_forgets_the_index_is_found() -> None:
    assert _writes(ast.parse("session.add(TicketMessageRow(id=new_id()))"))
    assert _writes(ast.parse("rows: list[TicketMessageRow]\nfor message in rows:\n    message.words = erased"))
    assert not _writes(ast.parse("found = select(TicketMessageRow.words)"))
    assert not _indexes(ast.parse("session.add(TicketMessageRow(id=new_id()))"))
    assert _indexes(ast.parse("async def write(): await grams.index(session, ticket.id)"))


def _writes(tree: ast.AST) -> bool:
    """Whether it makes a message, or knows messages and sets the words of something."""
    nodes = list(ast.walk(tree))
    made = any(isinstance(node, ast.Call) and name_of(node.func) == "TicketMessageRow" for node in nodes)
    set_words = any(
        isinstance(node, ast.Attribute) and node.attr == "words" and isinstance(node.ctx, ast.Store) for node in nodes
    )
    return made or (set_words and any(name_of(node) == "TicketMessageRow" for node in nodes))


def _indexes(tree: ast.AST) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "index"
        and name_of(node.func.value) == "grams"
        for node in ast.walk(tree)
    )  # fmt: skip
