"""A form that is refused says of each field what is wrong with it, in both languages."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from languages import LOCALES, has
from tests.architecture.tree import Module, modules, name_of

# Only programs meet these: their answer is read as code.
MACHINES = frozenset(
    ("body", "charset", "json_invalid", "not_an_id", "not_json", "not_sealed_here", "not_a_secret", "not_an_amount_in_CNY")
)  # fmt: skip
# Notices say what they want beside the field itself.
OWN_WORDS = ("reviewer_ui/notices/", "services/notices/")


def whys(module: Module) -> Iterator[str]:
    """Yield what the module can say is wrong with a field; parts of a name that is put together are left out."""
    for call in ast.walk(module.tree):
        if isinstance(call, ast.Call) and name_of(call.func) == "FieldInvalid":
            for given in (one.value for one in call.keywords if one.arg == "why"):
                yield from _texts(given)


def _texts(given: ast.expr) -> Iterator[str]:
    if isinstance(given, ast.IfExp):  # Its condition is no text of it.
        yield from _texts(given.body)
        yield from _texts(given.orelse)
    elif isinstance(given, ast.Constant) and isinstance(given.value, str):
        yield given.value


@pytest.mark.parametrize("locale", LOCALES)
def test_what_is_wrong_with_a_field_has_words(locale: str) -> None:
    found = {
        why
        for module in modules("domain", "services", "reviewer_ui")
        if not str(module).startswith(OWN_WORDS)
        for why in whys(module)
    } - MACHINES
    assert {"missing", "not_money", "not_expected", "paid_nothing"} <= found
    assert [why for why in sorted(found | {"of_wechat", "of_bank"}) if not has(f"console.why.{why}", locale)] == []
