"""Draws the face of an invented card: brand, value, number, PIN strip, expiry and small print, as such cards carry them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import qrcode
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from domain.money import Currency, Money
from domain.rules.brands import Brand, brand

SIZE = (1000, 630)  # Pixels; the shape of an ISO 7810 card.
CORNER = 36

# Debian's places for a font that has Chinese; without one the labels are drawn in English.
_CHINESE = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Bold.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc"),
    Path("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"),
)
_LATIN = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf")
_MONO = Path("/usr/share/fonts/truetype/dejavu/DejaVuSansMono-Bold.ttf")
_SIMPLIFIED = 2  # Index of the simplified Chinese face inside the Noto collection.


@dataclass(frozen=True)
class Style:
    """Colours (upper left, lower right, print) and labels of one brand's cards."""

    upper: str
    lower: str
    ink: str
    number: tuple[str, str]
    pin: tuple[str, str] = ("密码", "PIN")
    title: tuple[str, str] = ("礼品卡", "GIFT CARD")


_CARD_NO = ("卡号", "Card No.")
STYLES = {
    "jd": Style("#c91623", "#7c0d18", "white", ("卡密", "Code"), title=("京东E卡", "JD E-CARD")),
    "tmall": Style("#ff4b3a", "#b3000f", "white", _CARD_NO, ("卡密", "PIN"), ("天猫超市卡", "TMALL SUPERMARKET")),
    "walmart": Style("#0a6fd1", "#04417f", "white", _CARD_NO, title=("沃尔玛购物卡", "Walmart")),
    "carrefour": Style("#f4f6fb", "#b9cbe8", "#0b3f91", _CARD_NO, title=("家乐福购物卡", "Carrefour")),
    "starbucks": Style("#0c6b49", "#063d2b", "white", _CARD_NO, title=("星巴克 星礼卡", "STARBUCKS")),
    "wanda": Style("#20242e", "#4a2f63", "#f3d9a0", _CARD_NO, title=("万达影城 观影卡", "WANDA CINEMAS")),
    "hualian": Style("#f7e7c4", "#e0a94a", "#7a2413", _CARD_NO, title=("华联超市 购物卡", "HUALIAN")),
    "amazon-us": Style("#f2f2f0", "#c9ced6", "#14181f", ("Claim Code", "Claim Code"), title=("amazon gift card",) * 2),
}


def face(card: dict[str, Any], known: Brand | None = None) -> Image.Image:
    """The card as RGBA with rounded corners, upright, unworn. `card` is an entry of cards.json."""
    known = known or brand(card["brand"])
    style = STYLES.get(known.code) or _plain(known)
    drawn = _gradient(style)
    _ornament(drawn, style)
    ink = ImageDraw.Draw(drawn)
    ink.text((56, 44), _word(style.title), style.ink, font(66))
    _small_print(ink, style, known)
    _value(ink, style, card)
    _secrets(drawn, ink, style, known, card)
    if card["scene"].get("qr"):
        drawn.paste(qrcode.make(card["number"], border=3).get_image().convert("RGB").resize((170, 170)), (790, 286))
    drawn.putalpha(_rounded())
    return drawn


def _plain(known: Brand) -> Style:
    """How the cards of a brand look that was added in the console."""
    return Style("#38506e", "#16202e", "white", _CARD_NO, title=(known.names["zh_CN"], known.names["en"]))


@cache
def font(size: int, file: Path | None = None) -> ImageFont.FreeTypeFont:
    """The named font, else one with Chinese, else DejaVu, else the one that Pillow brings along."""
    path = file or chinese_font() or _LATIN
    brought = None if path.is_file() else ImageFont.load_default(size)
    if isinstance(brought, ImageFont.FreeTypeFont):
        return brought
    index = _SIMPLIFIED if path.name.startswith("NotoSansCJK") else 0
    return ImageFont.truetype(str(path), size, index=index)


def chinese_font() -> Path | None:
    """A font with Chinese characters, if this machine has one (Debian: fonts-noto-cjk)."""
    return next((path for path in _CHINESE if path.is_file()), None)


def _word(words: tuple[str, str]) -> str:
    return words[0] if chinese_font() else words[1]


def _gradient(style: Style) -> Image.Image:
    down = Image.linear_gradient("L").resize(SIZE)
    across = Image.linear_gradient("L").rotate(90).resize(SIZE)
    ramp = Image.blend(down, across, 0.5)
    return Image.composite(Image.new("RGB", SIZE, style.lower), Image.new("RGB", SIZE, style.upper), ramp)


def _ornament(drawn: Image.Image, style: Style) -> None:
    """Large soft rings in the card's own ink, as printed cards have behind their text."""
    veil = Image.new("L", SIZE, 0)
    pen = ImageDraw.Draw(veil)
    for radius in range(120, 620, 90):
        pen.ellipse((880 - radius, 90 - radius, 880 + radius, 90 + radius), outline=34, width=20)
    drawn.paste(Image.new("RGB", SIZE, style.ink), mask=veil.filter(ImageFilter.GaussianBlur(2)))


def _small_print(ink: ImageDraw.ImageDraw, style: Style, known: Brand) -> None:
    ink.text((60, 132), known.names["en"] + "  GIFT CARD", style.ink, font(26))
    if chinese_font():
        ink.text((60, 578), "本卡不记名、不挂失、不兑现  客服热线 400-820-1617", style.ink, font(22))
    else:
        ink.text((60, 578), "Not redeemable for cash. Hotline 400-820-1617", style.ink, font(22))


def _value(ink: ImageDraw.ImageDraw, style: Style, card: dict[str, Any]) -> None:
    money = Money(card["face_value_minor"], Currency(card["currency"]))
    whole = str(money).removesuffix(".00").replace(",", "")
    ink.text((944, 58), whole, style.ink, font(92, _LATIN), anchor="ra")
    if card["currency"] == "CNY":
        label = f"{_word(('面值', 'Value'))} {money.amount_minor // 100}{_word(('元', ' CNY'))}"
        ink.text((944, 184), label, style.ink, font(28), anchor="ra")
    if card["expiry"]:
        day = card["expiry"]
        written = f"有效期至 {day[:4]}年{day[5:7]}月{day[8:]}日" if chinese_font() else f"VALID THRU {day}"
        ink.text((60, 520), written, style.ink, font(32))


def _secrets(drawn: Image.Image, ink: ImageDraw.ImageDraw, style: Style, known: Brand, card: dict[str, Any]) -> None:
    number = known.grouped(card["number"]).replace(" ", "-" if card["brand"] == "amazon-us" else " ")
    ink.text((60, 268), _word(style.number) + ("：" if chinese_font() else ":"), style.ink, font(34))
    size = 52 if len(number) <= 20 else 46
    for offset, colour in ((2, "#00000090"), (0, style.ink)):
        ink.text((60 + offset, 322 + offset), number, colour, font(size, _MONO))
    if card["pin"]:
        _pin_strip(drawn, card["pin"], style, worn=bool(card["scene"].get("pin_worn")))


def _pin_strip(drawn: Image.Image, pin: str, style: Style, worn: bool) -> None:
    """The scratched-open strip, grey rests at its edges; `worn` takes one digit's paper with it."""
    ink = ImageDraw.Draw(drawn)
    ink.text((60, 434), _word(style.pin), style.ink, font(34))
    left = 190
    ink.rounded_rectangle((left, 422, left + 380, 496), 8, fill="#e9e6dd")
    ink.text((left + 24, 430), pin, "#20242b", font(48, _MONO))
    for step in range(0, 380, 9):
        rest = 5 + (step * 7 % 11)
        ink.rectangle((left + step, 422, left + step + 9, 422 + rest), fill="#8d9097")
        ink.rectangle((left + step, 496 - (step * 5 % 13), left + step + 9, 496), fill="#8d9097")
    if worn:
        start = left + 24 + 4 * 29
        ink.polygon([(start - 1, 426), (start + 28, 430), (start + 33, 490), (start + 4, 494)], fill="#8d9097")
        for step in range(0, 28, 5):
            ink.line((start + step, 430, start + step + 6, 488), fill="#b9b9b4", width=2)


def _rounded() -> Image.Image:
    mask = Image.new("L", SIZE, 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, SIZE[0] - 1, SIZE[1] - 1), CORNER, fill=255)
    return mask
