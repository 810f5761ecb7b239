"""The forms of a page as a browser would send them: their address, their fields with what they hold, their files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

NOT_TYPED = {"hidden", "submit", "button", "checkbox", "radio", "file"}


@dataclass
class PageForm:
    """One form that posts. `typed` names what a person types, `chosen` what they choose from a list."""

    action: str
    values: dict[str, str] = field(default_factory=dict)
    typed: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Collect the forms that post."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[PageForm] = []
        self._form: PageForm | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = PageForm(given.get("action", "")) if given.get("method") == "post" else None
            self.found += [] if self._form is None else [self._form]
        elif self._form is None:
            return
        elif tag == "option" and self._select and given.get("value") and not self._form.values[self._select]:
            self._form.values[self._select] = given["value"]
        elif name := given.get("name", ""):
            self._field(tag, name, given)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""

    def _field(self, tag: str, name: str, given: dict[str, str]) -> None:
        assert self._form is not None
        kind = "select" if tag == "select" else given.get("type", "text" if tag == "input" else tag)
        if kind == "file":
            self._form.files.append(name)
            return
        self._form.values.setdefault(name, given.get("value", ""))
        if kind == "select":
            self._form.chosen.append(name)
            self._select = name
        elif kind not in NOT_TYPED:
            self._form.typed.append(name)


def forms_of(page: str) -> Iterator[PageForm]:
    """Return the forms of this page that post."""
    reader = _Reader()
    reader.feed(page)
    yield from reader.found
