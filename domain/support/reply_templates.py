"""Reply templates: words with variables in braces, filled from a ticket; what the ticket does not know is named, never left open."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

NAME_MAX, TEMPLATE_WORDS_MAX = 60, 4_000
_VARIABLE = re.compile(r"\{([^{}\n]{0,40})\}")


class TemplateVariable(StrEnum):
    """The variables of a template, as written in braces."""

    CUSTOMER = "customer"  # A partner by name, a mail customer as they sign, a seller by masked phone number.
    TICKET = "ticket"  # The last characters of the ticket's id.
    CARD = "card"  # The card that the ticket is about, by the last characters of its number or id.
    BRAND = "brand"  # Of that card.
    AMOUNT = "amount"  # The newest payment order of that card, or else its quote.
    PAYEE = "payee"  # Of that payment order, masked.
    DUE = "due"  # Until when the customer has our answer.
    AGENT = "agent"  # Who writes.


@dataclass(frozen=True)
class Filled:
    """A template with its values put in; `missing` are the variables without one, in the order of the words."""

    words: str
    missing: tuple[str, ...]


def fill(words: str, values: Mapping[str, str]) -> Filled:
    """Put the values in; a variable without a value stays as it is written and is named as missing."""
    missing: dict[str, None] = {}

    def value(found: re.Match[str]) -> str:
        name = found[1].strip().lower()
        if not values.get(name):
            missing[name] = None
            return found[0]
        return values[name]

    return Filled(_VARIABLE.sub(value, words), tuple(missing))


def unknown_variables(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the unknown names in braces, each once."""
    known = {one.value for one in TemplateVariable}
    named = (found.strip().lower() for text in texts for found in _VARIABLE.findall(text))
    return tuple(dict.fromkeys(name for name in named if name not in known))
