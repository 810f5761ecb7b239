"""No log call, metric label, span and text of an error can be handed a card's secret: the names that hold one are not passed to them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.architecture.tree import LAYERS, SECRET, modules, name_of

LEVELS = frozenset("debug info warning error exception critical".split())
SPOKEN = frozenset(
    "labels set_attribute set_attributes add_event start_as_current_span bound_contextvars bind_contextvars".split()
)
LOGS = frozenset("log _log logger".split())
# `code` is a refusal's public code where it names the event, and a one-time code everywhere else.
SECRET_BUT_AS_EVENT = SECRET | {"code"}


def faults(tree: ast.AST) -> list[str]:
    """Each log call, label or span that is handed a secret or a text made on the spot, and each raised text that quotes a secret."""
    spoken = [*log_calls(tree), *spoken_calls(tree)]
    return [*(f"log: {ast.unparse(call)}" for call in spoken if _speaks(call)), *_raised(tree)]


def log_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls like `_log.info(…)` and `workflow.logger.warning(…)`."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in LEVELS and name_of(node.func.value) in LOGS:
            yield node


def spoken_calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Labels of metrics, names and attributes of spans, and what is bound to every later line of a log."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in SPOKEN) or (
            isinstance(node, ast.Call) and name_of(node.func) in SPOKEN
        ):
            yield node


@pytest.mark.parametrize("layer", LAYERS)
def test_no_log_and_no_error_text_is_handed_a_secret(layer: str) -> None:
    assert {str(module): found for module in modules(layer) if (found := faults(module.tree))} == {}


def test_the_layers_do_log() -> None:
    assert sum(1 for module in modules(*LAYERS) for _ in log_calls(module.tree)) >= 5


@pytest.mark.parametrize(
    "line",
    [
        "_log.info('read', number=number)",
        "log.warning('read', tail=card.number[-4:])",
        "_log.error(f'card {card_id} is away')",
        "workflow.logger.info('code %s', code)",
        "_log.info('x', card={'pin': read.pin})",
        "ATTEMPTS.labels(card.number).inc()",
        "span.set_attribute('pin', pin)",
        "span.set_attributes({'who': payee_name})",
        "with bound_contextvars(phone=phone): ...",
        "tracer.start_as_current_span(f'GET {path}')",
        "raise ValueError(f'{number} is wrong')",
        "raise GatewayRefused('issuer', 'no ' + pin)",
    ],
)
def test_a_planted_leak_is_seen(line: str) -> None:
    assert faults(ast.parse(line))


def _speaks(call: ast.Call) -> bool:
    event, *values = call.args or [ast.Constant("")]
    values += [word.value for word in call.keywords]
    made_on_the_spot = any(isinstance(node, ast.JoinedStr | ast.BinOp) for node in ast.walk(event))
    return made_on_the_spot or bool(_names(event) & SECRET) or any(_names(one) & SECRET_BUT_AS_EVENT for one in values)


def _raised(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            texts = [part for part in ast.walk(node.exc) if isinstance(part, ast.JoinedStr | ast.BinOp)]
            if any(_names(text) & SECRET for text in texts):
                yield f"raise: {ast.unparse(node)}"


def _names(node: ast.AST) -> set[str]:
    return {name for part in ast.walk(node) if (name := name_of(part)) is not None}
