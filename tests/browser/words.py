"""The words of a page, and those of them that belong to the other language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html.parser import HTMLParser

from playwright.async_api import Page

from domain.people.roles import Role
from languages import LOCALES, translate

# Every word that a person sees or hears: text, and the attributes that are read out. What says of itself that it is in
# another language, codes and documents are no words of the page.
WORDS = """() => {
  const own = document.documentElement.lang.slice(0, 2), found = [];
  const foreign = (one) => { const at = one.closest('[lang]'); return at && at.lang.slice(0, 2) !== own; };
  const read = ['title', 'aria-label', 'placeholder', 'alt', 'label', 'data-over', 'data-warn', 'data-say', 'data-words'];
  for (const one of document.querySelectorAll('title, body *')) {
    if (foreign(one) || one.closest('script, style, code, kbd, textarea, optgroup')) continue;
    for (const node of one.childNodes) if (node.nodeType === 3) found.push(node.textContent);
    for (const name of read) if (one.hasAttribute(name)) found.push(one.getAttribute(name));
  }
  return found.map((one) => one.replace(/\\s+/g, ' ').trim()).filter(Boolean);
}"""
READ = ("title", "aria-label", "placeholder", "alt", "label", "data-over", "data-warn", "data-say", "data-words")
SILENT = frozenset({"script", "style", "code", "kbd", "textarea", "optgroup", "template"})
EMPTY = frozenset({"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
CHINESE = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]{2,}")
KEY = re.compile(r"(?<![@\w./])[a-z_]{3,}(?:\.[a-z_]{2,})+(?![\w/])")  # A catalogue key that has no translation.
OWN_NAMES = [translate(f"console.language.{locale}", locale) for locale in LOCALES]  # Each language names itself.
# What people typed, what they are called, and what is called the same in both languages.
TYPED = (
    "the rim is worn",
    "the edge is blurred",
    "Why was it not bought?",
    "codes are mistyped",
    "New data centre",
    "a new disk",
    "Green Lane Cards",
    "My money",
    "Is it stuck?",
    "It was promised for Monday.",
    "Two days late.",
    "Support_Lead",
    "卡片在付款后被使用。 · The card was spent after payment.",
    "银行维护 · The bank is down",
    "银行来函 · A letter of the bank",
    "Harbour Cards",
    "Lantern Partners",
    "Street desk",
    "JD cards",
    "Harbour Systems",
    "浦东网点",
    "街角便利店",
    "c***@corner.example",
    "卖家附言写明卡号 · The seller wrote the card's number.",
    "这笔分成应为 350 元。",
    "mail of 5 December",
    "Su Hang",
    "Bo Yu",
    "Gao Yun",
    "Fei",
    "Bai",
    "自有资金充值 · Topped up by us.",
    "买家付款 · A buyer paid it.",
    "是手续费 · It is a charge.",
    "对账单如此 · The bill shows it.",
    "法院已结案 · The court closed the case.",
    "记错了 · Entered in error",
    "已问渠道 · Asked the provider.",
    "Settlement 2026-11, version 1: ",  # What a counterparty wrote.
    "充值 · Topped up",
    "CFETS",
    "获取我的数据副本",  # What a request for a copy of data is called in the language of who asked.
    # What customers and agents wrote in tickets, in both languages at once; longer texts before those that they hold.
    "您好，我周一卖的卡还没有收到钱。 · Hello, I sold a card on Monday. Where is my money?",
    "周一卖的卡没到账 · No money since Monday",
    "银行仍在处理中。 · The bank is still working on it.",
    "昨天来过两次电话，渠道中午才恢复。 · They called twice yesterday; the channel was slow until noon.",
    "谢谢，什么时候能到？ · Thank you. When will it arrive?",
    "我三天前卖的卡还没有收到钱，请帮我查一下。",
    "三天了钱还没到",
    "多久到账？ · How long does it take?",
    "How long does it take?",
    "One working day.",
    "同上 · Same as before",
    "再问一次 · Asking again",
    "请给我回电话 · Please call me",
    "请回电 · A call, please",
    "您周一和客户通过话 · You spoke with them on Monday",
    # Templates and macros that come with the product have one name for both.
    "收到反馈 · Received",
    "款项处理中 · Payout under way",
    "报价说明 · Quote explained",
    "请补充照片 · Another photo",
    "动态码 · One-time code",
    "请补照片并等待 · Ask for a photo, then wait",
    "升级给主管 · To the leads",
)
CALLED = {
    "Cardloop",
    "CSV",
    "PDF",
    "Mei",
    "Bo",
    "Ada",
    "Lin",
    "Wei",
    "ms",
    "GB",
    "Lead",
    *(role.value.title() for role in Role),
}
CODES = re.compile(
    r"\S+@cardloop\.test|\S+@example\.com|\bCL\d{8}-[0-9A-Z]{4}\b|SHA-256|Asia/Shanghai|https://|seller:…|docs/\S+\.md|\b(?:office|always|cards)\b|JP¥|\b(?:CNY|USD|EUR|JPY|KWD|luhn|iso7064_mod37_36|none|lock|redeem)\b"
    r"|\b(?:limits|velocity|four-eyes|sampling|reveals|prices|brands|deadlines|payout-routing|rollback)-[0-9-]+"  # Versions of policies.
)


async def words(page: Page) -> list[str]:
    """Return the page's words without what is no word of either language."""
    return _without_names(await page.evaluate(WORDS))


def words_of(html: str) -> list[str]:
    """Return what `words` does, of a page that no browser has opened: what its scripts put on it is missing."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return _without_names([text for one in reader.found if (text := " ".join(one.split()))])


class _Reader(HTMLParser):
    """Collects text and the attributes that are read out, of the title and of what is inside the body."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._around: list[tuple[str, bool]] = []  # Tags that are open, and whether their words are the page's.
        self._own = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._own = self._own or given.get("lang", "")[:2]
        inside = any(name == "body" for name, _ in self._around)
        silent = tag in SILENT or given.get("lang", self._own)[:2] != self._own
        ours = (inside or tag == "title") and not silent and (not inside or self._around[-1][1])
        self.found += [given[name] for name in READ if ours and name in given]
        if tag not in EMPTY:
            self._around.append((tag, ours or tag == "body"))

    def handle_endtag(self, tag: str) -> None:
        if any(name == tag for name, _ in self._around):
            while self._around.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._around and self._around[-1][1] and self._around[-1][0] != "body":
            self.found.append(data)


def _without_names(found: list[str]) -> list[str]:
    for known in (*TYPED, *OWN_NAMES):
        found = [text.replace(known, "") for text in found]
    return [CODES.sub("", text) for text in found]


def not_english(shown: Iterable[str]) -> list[str]:
    """Return the texts of an English page that hold Chinese or a bare catalogue key."""
    return [text for text in shown if CHINESE.search(text) or KEY.search(text)]


def not_chinese(shown: Iterable[str]) -> list[str]:
    """Return the texts of a Chinese page that are English sentences."""
    return [text for text in shown if not CHINESE.search(text) and set(LATIN.findall(text)) - CALLED]
