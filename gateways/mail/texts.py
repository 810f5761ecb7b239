"""The words of a mail: from HTML without anything that loads, runs or hides, and without the quoted mail below an answer."""

from __future__ import annotations

import re

import nh3
from inscriptis import get_text
from inscriptis.model.config import ParserConfig
from mailparser_reply import EmailReplyParser

HTML_CHARACTERS_MAX = 400_000
DEPTH_MAX = 200  # Of elements within each other: the time that a parser takes grows with the square of it.
LINE_CHARACTERS_MAX = 1_000  # No program announces a quote in a longer line, and searching it is slow.
QUOTES_SOUGHT_IN = 20_000  # Characters: no one writes a longer answer above a quoted mail.
_KEPT_TAGS = {
    "p", "br", "div", "span", "a", "b", "i", "em", "strong", "u", "ul", "ol", "li", "table", "thead", "tbody", "tr", "td",
    "th", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "dl", "dt", "dd",
}  # fmt: skip
# Their content is no text of the mail.
_DROPPED_WHOLE = {"script", "style", "head", "title", "template", "noscript", "svg", "math", "iframe", "object"}
_HIDDEN = re.compile(
    r"<(?P<tag>div|span|p|td)\b[^<>]{0,500}?display\s*:\s*none[^<>]{0,500}?>[^<]{0,2000}</(?P=tag)\s*>", re.I
)
_TAG = re.compile(r"<(/?)([a-z][a-z0-9]*)", re.I)
_ALONE = frozenset("area base br col embed hr img input link meta source track wbr p li td th tr dt dd".split())
_PLAIN = ParserConfig(display_images=False, display_links=False, display_anchors=False)
_REPLIES = EmailReplyParser(languages=["en", "zh"])
# Chinese mail programs write these above the mail that they quote (QQ, 163, Outlook, Apple, Gmail).
_QUOTE_BEGINS = re.compile(
    r"^[ >|]*(?:-{2,}\s*(?:原始邮件|回复的原邮件|转发的?邮件(?:信息)?|原邮件|Original|Original Message|Forwarded message)\s*-{2,}.*"
    r"|(?:在\s*|于\s*)?\d{4}\s*[年/-]\s*\d{1,2}\s*[月/-]\s*\d{1,2}.{0,200}?(?:写道|寫道|wrote)\s*[:：]"
    r"|At \d{4}-\d{2}-\d{2}.{0,200}?wrote\s*:"
    r"|(?:发件人|寄件者|寄件人)\s*[:：].{0,300}\n[ >]*(?:发送时间|发送日期|日期|時間|寄件日期|收件人|收件者)\s*[:：].*)$",
    re.M,
)
_QUOTED_TAIL = re.compile(r"(?:\n[ ]*>[^\n]*)+\s*\Z")
_BLANK_LINES = re.compile(r"\n[ \t\u00a0]*(?:\n[ \t\u00a0]*){2,}")


def of_html(html: str) -> str:
    """Return the text of a page: no script, style, comment, picture, address of a link, or part that is not shown."""
    shown = _HIDDEN.sub(" ", _shallow(html[:HTML_CHARACTERS_MAX]))
    clean = nh3.clean(
        shown, tags=_KEPT_TAGS, attributes={}, clean_content_tags=_DROPPED_WHOLE, strip_comments=True, link_rel=None
    )
    return tidy(get_text(f"<html><body>{clean}</body></html>", _PLAIN)) if clean.strip() else ""


def _shallow(html: str) -> str:
    """The page up to where its elements lie too deep within each other."""
    depth = 0
    for tag in _TAG.finditer(html):
        if tag[2].lower() not in _ALONE:
            depth = max(0, depth - 1) if tag[1] else depth + 1
        if depth > DEPTH_MAX:
            return html[: tag.start()]
    return html


def tidy(text: str) -> str:
    """Return the text without spaces at line ends and without more than one empty line in a row."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return _BLANK_LINES.sub("\n\n", lines).strip()


def reply_in(text: str) -> str:
    """Return what is written above the quoted mail; the whole text where nothing is, as in answers between its lines."""
    head = text[:QUOTES_SOUGHT_IN]
    marked = _QUOTE_BEGINS.search(head)
    above = head[: marked.start()] if marked else head
    found = _above_a_known_quote(above)
    if not marked and len(found) >= len(above.strip()):
        found = text  # Nothing was quoted: also what lies beyond the part that was searched.
    return tidy(_QUOTED_TAIL.sub("", "\n" + found)) or tidy(text)


def _above_a_known_quote(text: str) -> str:
    if any(len(line) > LINE_CHARACTERS_MAX for line in text.split("\n")):
        return text.strip()
    replies = _REPLIES.read(text).replies
    return replies[0].content if replies else ""
