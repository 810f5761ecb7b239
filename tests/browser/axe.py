"""axe-core on a page in the browser, as the page is served: its CSP stays in force."""

from __future__ import annotations

from functools import cache
from typing import Any

from playwright.async_api import Page

from bootstrap.settings import PROJECT_ROOT

PROGRAM = PROJECT_ROOT / "node_modules/axe-core/axe.min.js"
GRAVE = frozenset({"serious", "critical"})
_RUN = "() => axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice']})"
_COLOURS = "() => axe.run(document, {resultTypes: ['violations'], runOnly: {type: 'rule', values: ['color-contrast']}})"


async def faults(page: Page, *, colours_alone: bool = False) -> list[str]:
    """What axe finds serious or critical on the page as it stands: `rule: where`, in the page's own order.

    `colours_alone`: only contrast is judged, e.g. where nothing but the theme is another than a moment ago.
    """
    # Through the debugger and not as a script element, which the page's policy would rightly refuse.
    if not await page.evaluate("() => 'axe' in window"):
        await page.evaluate(_program())
    result: dict[str, Any] = await page.evaluate(_COLOURS if colours_alone else _RUN)
    grave = (one for one in result["violations"] if one["impact"] in GRAVE)
    return [f"{one['id']}: {node['target']} {node['failureSummary']}" for one in grave for node in one["nodes"]]


@cache
def _program() -> str:
    return PROGRAM.read_text(encoding="utf-8")
