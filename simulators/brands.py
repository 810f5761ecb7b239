"""The numbers each brand could have issued, as the issuers themselves know it, and whether they secure a card for its buyer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from stdnum import luhn
from stdnum.iso7064 import mod_37_36

from simulators.store import Store


@dataclass(frozen=True)
class Numbering:
    """A brand's numbers: their pattern, check (`luhn`, `mod37_36` or none) and currency; `secures` is `lock`, `redeem` or None.

    `at_till`: a store's till confirms its cards.
    """

    pattern: str
    check: str | None = None
    currency: str = "CNY"
    secures: str | None = None
    at_till: bool = False

    def could_be(self, number: str) -> bool:
        """Return whether this brand could have issued the number."""
        return re.fullmatch(self.pattern, number) is not None and self._check_holds(number)

    def magic_of(self, number: str) -> str:
        """Return the two characters before the check digit, or the last two where there is none."""
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
    "starbucks": Numbering("81[0-9]{14}", "luhn", at_till=True),
    "wanda": Numbering("[0-9]{12}", at_till=True),
    "hualian": Numbering("[0-9]{10}"),
    "amazon-us": Numbering("[0-9A-Z]{14}", currency="USD"),
}


BUILT_IN = "built-in"
CHECKS = {"luhn": "luhn", "iso7064_mod37_36": "mod37_36", "none": None}


class AnnouncedBrand(BaseModel):
    """What an issuer has to know of a brand; more is kept for drawing its cards."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(min_length=1, max_length=40)
    type: str = ""
    number: str = Field(max_length=200)
    check: Literal["luhn", "iso7064_mod37_36", "none"]
    currency: str
    secures: Literal["lock", "redeem", "none"] = "none"

    @field_validator("number")
    @classmethod
    def _pattern(cls, written: str) -> str:
        try:
            re.compile(written)
        except (re.error, RecursionError, OverflowError) as wrong:
            raise ValueError("is no pattern") from wrong
        return written


class Announced(BaseModel):
    """The brands that the platform published; none: those built in hold again."""

    version: str = Field(min_length=1, max_length=80)
    brands: list[AnnouncedBrand] = Field(max_length=500)


class Brands:
    """The brands of one program: built in, or as they were announced to it last."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def announce(self, said: Announced) -> None:
        """Take up the announced brands in place of all others."""
        self._store.put("brands", "announced", said.model_dump(mode="json"))

    def version(self) -> str:
        """Return the version that was announced last, else `built-in`."""
        return str((self._store.get("brands", "announced") or {"version": BUILT_IN})["version"])

    def entries(self) -> list[dict[str, Any]]:
        """Return the announced brands as they came; empty while those built in hold."""
        found: list[dict[str, Any]] = (self._store.get("brands", "announced") or {"brands": []})["brands"]
        return found

    def known(self) -> Mapping[str, Numbering]:
        """Every brand by its code."""
        return {entry["code"]: _numbering(entry) for entry in self.entries()} or BRANDS


def _numbering(entry: dict[str, Any]) -> Numbering:
    secures = None if entry["secures"] == "none" else str(entry["secures"])
    return Numbering(entry["number"], CHECKS[entry["check"]], entry["currency"], secures, entry["type"] == "dining")
