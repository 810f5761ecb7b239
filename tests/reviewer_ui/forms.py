"""Return what a browser without scripts sends for an unchanged form of a page."""

from __future__ import annotations

from html.parser import HTMLParser

import httpx


def form_of(page: httpx.Response, action: str) -> dict[str, list[str]]:
    """The fields of the first form that leads to `action`, as they are filled in, without its token."""
    reader = _FormReader(action)
    reader.feed(page.text)
    assert reader.fields, f"no form leads to {action}"
    return {name: values for name, values in reader.fields.items() if name != "csrf"}


class _FormReader(HTMLParser):
    def __init__(self, action: str) -> None:
        super().__init__()
        self.fields: dict[str, list[str]] = {}
        self._action = action
        self._inside = False
        self._select, self._options = "", list[tuple[str, bool]]()
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = given.get("action") == self._action and not self.fields
        if not self._inside:
            return
        if tag == "input" and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self._put(given["name"], given.get("value", ""))
        elif tag == "select":
            self._select, self._options = given["name"], []
        elif tag == "option":
            self._options.append((given["value"], "selected" in given))
        elif tag == "textarea":
            self._textarea = given["name"]
            self._put(self._textarea, "")

    def handle_data(self, data: str) -> None:
        if self._textarea:
            self.fields[self._textarea][-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
        elif tag == "textarea":
            self._textarea = ""
        elif tag == "select" and self._select:
            chosen = [value for value, selected in self._options if selected] or [self._options[0][0]]
            self._put(self._select, chosen[0])
            self._select = ""

    def _put(self, name: str, value: str) -> None:
        self.fields.setdefault(name, []).append(value)
