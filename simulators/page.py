"""The one page of each simulator: its controls, what it knows, and what it was asked, in Chinese or English."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from simulators.controls import Words

TEMPLATES = Environment(loader=PackageLoader("simulators", "."), autoescape=True, undefined=StrictUndefined)

SHARED = {
    "controls": Words("故障控制", "Controls"),
    "apply": Words("应用", "Apply"),
    "reset": Words("重置（清空并回到种子）", "Reset (clear, back to the seed)"),
    "requests": Words("收到的请求（卡号已遮盖）", "Requests received (card numbers masked)"),
    "nothing": Words("暂无。收到请求后会显示在这里。", "Nothing yet. What arrives is shown here."),
    "other": Words("English", "中文"),
    "warning": Words("这是模拟程序，不是真实的系统。", "This is a simulator, not the real system."),
}


@dataclass(frozen=True)
class Button:
    """A small form in a table cell: posts `hidden` and the texts of `inputs` (name to label and first value)."""

    label: Words
    url: str
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, tuple[Words, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Panel:
    """A table on the page: columns, rows of text, and buttons for each row (as many lists as rows, or none)."""

    title: Words
    columns: tuple[Words, ...]
    rows: Sequence[Sequence[str]]
    buttons: Sequence[Sequence[Button]] = ()


def render(
    title: Words,
    controls: list[dict[str, Any]],
    panels: list[Panel],
    requests: list[Any],
    language: str,
    upload: tuple[Words, str] | None = None,
) -> str:
    """Render the page as HTML."""
    words = {key: text.of(language) for key, text in SHARED.items()}
    return TEMPLATES.get_template("page.html").render(
        title=title.of(language),
        controls=controls,
        panels=panels,
        requests=requests,
        language=language,
        words=words,
        upload=upload,
    )


def language_of(asked: str | None, accepted: str) -> str:
    """`?lang=` wins; then whichever of zh and en the browser names first; then Chinese."""
    if asked:
        return "en" if asked.startswith("en") else "zh"
    english, chinese = accepted.find("en"), accepted.find("zh")
    return "en" if english >= 0 and (chinese < 0 or english < chinese) else "zh"
