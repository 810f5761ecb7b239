"""axe-core on a page in the browser, as the page is served: its CSP stays in force."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from playwright.async_api import Page

from bootstrap.settings import PROJECT_ROOT

PROGRAM = PROJECT_ROOT / "node_modules/axe-core/axe.min.js"
GRAVE = frozenset({"serious", "critical"})
ALL = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
COLOURS = ("color-contrast",)
# What a missing or wrong translation can break. These take a twentieth of the time of all rules.
NAMES = (
    "aria-command-name", "aria-dialog-name", "aria-input-field-name", "aria-toggle-field-name", "aria-tooltip-name", "area-alt", "button-name",
    "document-title", "empty-heading", "empty-table-header", "frame-title", "html-has-lang", "html-lang-valid", "image-alt", "input-button-name",
    "input-image-alt", "label", "link-name", "role-img-alt", "select-name", "summary-name", "svg-img-alt", "valid-lang",
)  # fmt: skip
# `preload` would fetch the styles a second time, for rules that are not run.
_RUN = "(runOnly) => axe.run(document, {resultTypes: ['violations'], runOnly, preload: false})"


async def faults(page: Page, rules: Sequence[str] = ()) -> list[str]:
    """Return what axe finds serious or critical on the page: `rule: where`, in the page's own order.

    `rules` restricts the run, e.g. to `COLOURS` where only the theme differs from a page that was judged already.
    """
    # Through the debugger and not as a script element, which the page's policy would rightly refuse.
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_program())
    wanted = {"type": "rule", "values": list(rules)} if rules else ALL
    result: dict[str, Any] = await page.evaluate(_RUN, wanted)
    grave = (one for one in result["violations"] if one["impact"] in GRAVE)
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in grave for node in one["nodes"]]


@cache
def _program() -> str:
    return PROGRAM.read_text(encoding="utf-8")
