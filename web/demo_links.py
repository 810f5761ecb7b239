"""Where the other parts of a demo run; a real installation's pages name no other part of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class DemoLinks:
    """Addresses without a slash at the end: the API's host, the console, each simulator by its name; empty outside of a demo."""

    api: str = ""
    console: str = ""
    simulators: Mapping[str, str] = field(default_factory=dict)


NO_LINKS = DemoLinks()
