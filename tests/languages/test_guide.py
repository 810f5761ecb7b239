"""Check that the reviewer's guide lists the console's keys and roles in both languages. Run this module to regenerate its tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from domain.people.roles import PERMISSIONS, Permission, Role
from languages import translate
from reviewer_ui.keys import KEYS

ROOT = Path(__file__).parents[2]
GUIDES = {"en": ROOT / "docs" / "reviewer-guide.md", "zh_CN": ROOT / "docs" / "reviewer-guide.zh-CN.md"}
SHOWN = {"enter": "Enter", "/": "/", "?": "?"}
HEADS = {"en": ("key", "what it does"), "zh_CN": ("按键", "作用")}
ROLE = {"en": "role", "zh_CN": "角色"}
COLUMNS = (
    (Permission.SEE_QUEUE, "queue", "看队列"),
    (Permission.SEE_CARD, "card", "看卡片"),
    (Permission.SEE_SELLER, "seller", "看卖家"),
    (Permission.COMMENT, "comment", "评论"),
    (Permission.DECIDE, "decide", "作结论"),
    (Permission.CHECK, "second review", "复审"),
    (Permission.REVEAL, "reveal", "查看明文"),
    (Permission.DECIDE_ESCALATED, "escalated", "已升级的卡"),
    (Permission.TAKE_OVER, "take over", "接管"),
    (Permission.ASSIGN, "assign", "分派"),
    (Permission.SETTLE, "settle", "裁定分歧"),
    (Permission.ANSWER_CALLBACKS, "callbacks", "回电与申诉"),
    (Permission.SEE_QUALITY, "quality", "质量"),
    (Permission.SEE_INSIGHT, "insight", "数据"),
    (Permission.SEE_PAYOUTS, "payouts", "打款"),
    (Permission.CORRECT_PAYEE, "payees", "更正收款人"),
    (Permission.SEE_TRAIL, "audit trail", "存证"),
    (Permission.MANAGE_PEOPLE, "set up", "设置"),
)


def keys_table(locale: str) -> str:
    """Every key that the console knows, in its own order and words."""
    rows = [(SHOWN.get(key.name, key.shown), key.words) for key in KEYS]
    rows += [("1` … `9", "console.keys.fields"), ("Esc", "console.keys.escape")]
    return _table(HEADS[locale], [(f"`{key}`", translate(word, locale)) for key, word in rows])


def roles_table(locale: str) -> str:
    """What each role may do."""
    heads = (ROLE[locale], *(english if locale == "en" else chinese for _, english, chinese in COLUMNS))
    rows = [
        (translate(f"role.{role.value}", locale), *("✓" if may in PERMISSIONS[role] else "–" for may, _, _ in COLUMNS))
        for role in Role
    ]
    return _table(heads, rows)


def page(locale: str) -> str:
    """The guide with its tables as they should be."""
    text = GUIDES[locale].read_text(encoding="utf-8")
    for name, table in (("keys", keys_table(locale)), ("roles", roles_table(locale))):
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        before, _, rest = text.partition(begin)
        text = before + begin + table + end + rest.partition(end)[2]
    return text


@pytest.mark.parametrize("locale", GUIDES)
def test_the_guide_names_the_consoles_keys_and_roles(locale: str) -> None:
    assert GUIDES[locale].read_text(encoding="utf-8") == page(locale)


@pytest.mark.parametrize("locale", GUIDES)
def test_what_the_guide_says_to_press_is_a_key(locale: str) -> None:
    """Whatever stands as a single capital letter between backticks is a key of the console or of its queue."""
    queue = {key.upper() for key in re.findall(r"^ {2}(\w): ", _script("queue.js"), re.MULTILINE)}
    known = {key.shown for key in KEYS} | queue | _in_templates()
    named = set(re.findall(r"`([A-Z])`", GUIDES[locale].read_text(encoding="utf-8")))
    assert {"J", "K", "X"} <= queue
    assert {key.shown for key in KEYS if key.shown.isascii() and key.shown.isalpha()} <= named
    assert named - known == set()


@pytest.mark.parametrize("locale", GUIDES)
def test_the_guides_pictures_exist(locale: str) -> None:
    named = re.findall(r"\]\((pictures/[^)]+)\)", GUIDES[locale].read_text(encoding="utf-8"))
    assert len(named) > 10
    assert [one for one in named if not (ROOT / "docs" / one).is_file()] == []


def test_both_guides_have_the_same_parts() -> None:
    parts = {
        locale: re.findall(r"^(#+)", guide.read_text(encoding="utf-8"), re.MULTILINE)
        for locale, guide in GUIDES.items()
    }
    assert parts["en"] == parts["zh_CN"]


def _table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _script(name: str) -> str:
    return (ROOT / "reviewer_ui" / "static" / name).read_text(encoding="utf-8")


def _in_templates() -> set[str]:
    pages = (ROOT / "reviewer_ui" / "templates").rglob("*.html")
    return {key.upper() for one in pages for key in re.findall(r'data-key="(\w)"', one.read_text(encoding="utf-8"))}


if __name__ == "__main__":
    for _locale, _guide in GUIDES.items():
        _guide.write_text(page(_locale), encoding="utf-8")
