"""Tell pure thanks from a message that wants an answer. A doubtful message wants one."""

from __future__ import annotations

import re
import unicodedata

LENGTH_MAX = 120  # Who writes more than this says more than thanks.
_SYMBOLS = frozenset("👍🙏❤🌹😊🤝💐🥰😀😃😄🙂👌")
_FOR = "for (?:all )?(?:of )?(?:your|the) (?:quick |fast |kind |great )?(?:help|reply|answer|support|time|patience|assistance)"
_ENGLISH_THANKS = rf"(?:thank you|thank u|thanks|thankyou|thx|ty|cheers|much appreciated|i appreciate it)(?: so much| very much| a lot)?(?: {_FOR}| for helping)?"
_ENGLISH_BESIDE = (
    "so much", "very much", "a lot", "a million", "many", "again", "ok", "okay", "great", "perfect", "good", "got it",
    "i got it", "received", "i received it", "i have received it", "it works now", "it works", "all good", "all well",
    "solved", "it is solved", "really", "very kind", "have a nice day", "have a good day", "have a great day", "bye",
    "hello", "hi", "team", "everyone", "all", "best regards", "kind regards", "regards", "and", "now",
)  # fmt: skip
_BESIDE_FIRST = "|".join(sorted(_ENGLISH_BESIDE, key=len, reverse=True))
_ENGLISH_WHOLE = re.compile(rf"(?:(?:{_ENGLISH_THANKS}|{_BESIDE_FIRST})(?: |$))+")
_ENGLISH_CORE = re.compile(rf"\b{_ENGLISH_THANKS}\b")
_CHINESE_THANKS = "(?:感谢|谢谢|多谢|谢了|谢过)(?:您们|你们|大家|客服|您|你)?的?(?:耐心|热情|及时|大力)?的?(?:帮助|支持|解答|回复|处理|帮忙)?|辛苦了|辛苦"
_CHINESE_BESIDE = (
    "没问题了|已经收到了?|已收到了?|收到了?|已经解决了|已解决了?|解决了|知道了|明白了?|了解了?|可以了|好的|好了|好|嗯+|哦|啊|啦|哈+|了|"
    "您们|你们|大家|您|你|客服|非常|十分|太|很|再次|祝|生活|工作|愉快|顺利|一切"
)
_CHINESE_WHOLE = re.compile(f"(?:{_CHINESE_THANKS}|{_CHINESE_BESIDE})+")
_CHINESE_CORE = re.compile(_CHINESE_THANKS)
_HAN = re.compile(r"[\u4e00-\u9fff]+")


def is_thanks(words: str) -> bool:
    """Return whether a message, Chinese or English, says thanks and nothing else, as `非常感谢！` or `OK, thanks a lot 🙏`."""
    said = unicodedata.normalize("NFKC", words).casefold().strip()
    if not said or len(said) > LENGTH_MAX or "?" in said:
        return False
    plain = "".join(one if one.isalnum() else " " for one in said)
    chinese = _HAN.findall(plain)
    english = " ".join(_HAN.sub(" ", plain).split())
    if english and not _ENGLISH_WHOLE.fullmatch(english):
        return False
    if any(not _CHINESE_WHOLE.fullmatch(one) for one in chinese):
        return False
    thanked = bool(_ENGLISH_CORE.search(english)) or any(_CHINESE_CORE.search(one) for one in chinese)
    return thanked or not _SYMBOLS.isdisjoint(said)
