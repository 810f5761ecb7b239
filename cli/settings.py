"""docs/settings.md is made from the settings themselves, so that none can go undocumented."""

from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from bootstrap.settings import PROJECT_ROOT, Settings

DOCUMENT = PROJECT_ROOT / "docs" / "settings.md"
_HEAD = """# Settings

Every setting is an environment variable, read once when a process starts. This page is written by
`python -m cli settings --write`; a test fails when it is out of date.

| variable | default | meaning |
|---|---|---|
"""


def document() -> str:
    """Build the whole page: Markdown, one row per setting."""
    return _HEAD + "".join(_row(name, field) for name, field in sorted(Settings.model_fields.items()))


def write_document() -> None:
    """Write docs/settings.md."""
    DOCUMENT.write_text(document(), encoding="utf-8")


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return f"CARDLOOP_{name.upper()}"


def _row(name: str, field: FieldInfo) -> str:
    return f"| `{variable(name)}` | {_default(field.default)} | {field.description} |\n"


def _default(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Path):
        return f"`{value.relative_to(PROJECT_ROOT)}` in the project"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
