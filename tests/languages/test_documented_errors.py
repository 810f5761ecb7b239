"""Check that docs/errors.md lists exactly the refusals that exist. Run this module to regenerate the page."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import domain.errors
from domain.errors.base import REGISTER
from languages import translate

PAGE = Path(__file__).parents[2] / "docs" / "errors.md"
HEAD = """# Every refusal and its code

A refusal is `{"code", "message", "data", "request_id"}` with the status beside it; on a page it is the sentence alone. Codes do not
change their meaning. The same list, in the caller's language, is at `GET /v1/errors`. Written by `python -m tests.languages.test_documented_errors`.

| code | status | when | 中文 | English |
|---|---|---|---|---|
"""
OTHERS = (
    ("internal_error", 500, "A fault of ours; `request_id` finds it in the log."),
    ("method_not_allowed", 405, "The address takes another method."),
)


def page() -> str:
    """The whole document as it should be."""
    for module in iter_modules(domain.errors.__path__):
        import_module(f"domain.errors.{module.name}")  # Importing an area registers its refusals.
    known = [(code, kind.http_status, " ".join((kind.__doc__ or "").split())) for code, kind in REGISTER.items()]
    return HEAD + "".join(_row(*entry) for entry in sorted([*known, *OTHERS]))


def test_every_refusal_is_documented_as_it_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == page()


def _row(code: str, status: int, meaning: str) -> str:
    chinese, english = (_sentence(code, locale) for locale in ("zh_CN", "en"))
    return f"| `{code}` | {status} | {meaning} | {chinese} | {english} |\n"


def _sentence(code: str, locale: str) -> str:
    named = {name: f"{{{name}}}" for name in ("field", "least", "most", "retry_after_s", "tries_left")}
    return translate(f"error.{code}", locale, named)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
