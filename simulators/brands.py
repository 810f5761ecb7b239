"""The numbers each brand could have issued, as the issuers themselves know it, and whether they secure a card for its buyer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stdnum import luhn
from stdnum.iso7064 import mod_37_36


@dataclass(frozen=True)
class Numbering:
    """A brand's numbers: their pattern, check (`luhn`, `mod37_36` or none) and currency; `secures` is `lock`, `redeem` or None."""

    pattern: str
    check: str | None = None
    currency: str = "CNY"
    secures: str | None = None

    def could_be(self, number: str) -> bool:
        """Whether this brand could have issued the number."""
        return re.fullmatch(self.pattern, number) is not None and self._check_holds(number)

    def magic_of(self, number: str) -> str:
        """The two characters before the check digit, or the last two where there is none."""
        return number[-3:-1] if self.check else number[-2:]

    def _check_holds(self, number: str) -> bool:
        if self.check == "luhn":
            return bool(luhn.is_valid(number))
        return self.check is None or bool(mod_37_36.is_valid(number))


BRANDS = {
    "walmart": Numbering("[0-9]{16}", "luhn", secures="lock"),
    "carrefour": Numbering("[0-9]{19}"),
    "jd": Numbering("JD[0-9A-Z]{14}", "mod37_36", secures="lock"),
    "tmall": Numbering("[0-9]{16}", "luhn", secures="redeem"),
    "starbucks": Numbering("81[0-9]{14}", "luhn"),
    "wanda": Numbering("[0-9]{12}"),
    "hualian": Numbering("[0-9]{10}"),
    "amazon-us": Numbering("[0-9A-Z]{14}", currency="USD"),
}
