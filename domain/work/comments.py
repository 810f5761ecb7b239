"""What a comment on a card may say, and whom it calls by name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

WORDS_MAX = 2000
FILES_MAX = 3
# Thirteen digits in a row, however they are grouped, are a card number; a telephone number has eleven.
_LONG_NUMBER = re.compile(r"(?<![0-9])(?:[0-9][ \-.]?){12,}[0-9](?![0-9])")
# No honest note lists so many digits; one that does tries PINs, and would learn from the refusal which is right.
_DIGITS_MAX = 60
_SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−·•・.,、，。;:/\\|_*#'\"()<>\[\]]")


@dataclass(frozen=True)
class Mentionable:
    """A person who can be mentioned: by name in either script, login name, or e-mail address."""

    id: str
    name: str
    email: str

    @property
    def calls(self) -> tuple[str, ...]:
        """Return everything they answer to: name, its Chinese and its Latin part, login name, e-mail address."""
        latin = " ".join(part for part in self.name.split() if part.isascii())
        han = " ".join(part for part in self.name.split() if not part.isascii())
        login = self.email.partition("@")[0]
        return tuple(dict.fromkeys(one for one in (self.name, latin, han, login, self.email) if one))


def mentioned(words: str, people: Iterable[Mentionable]) -> tuple[str, ...]:
    """Return the ids of the people called with `@` and what they answer to (`calls`), each once, in the order of the words.

    The longest name that fits is meant: `@Lin Fang` calls Lin Fang and not Lin. People who share a name are all called.
    An @ inside a word, as in an e-mail address, mentions no one.
    """
    names = [(called.casefold(), one.id) for one in people for called in one.calls]
    lowered, found = words.casefold(), dict[str, None]()
    for place in (match.end() for match in re.finditer(r"(?<![A-Za-z0-9_.+-])[@＠]", lowered)):
        fitting = [(called, who) for called, who in names if _stands_at(lowered, place, called)]
        longest = max((len(called) for called, _ in fitting), default=0)
        found |= {who: None for called, who in fitting if len(called) == longest}
    return tuple(found)


def tells_a_secret(words: str, secrets: Iterable[str | None]) -> bool:
    """Return whether the words hold one of these numbers or PINs, or digits as long as a card number's, however they are written."""
    plain = _plain(words)
    bare = _SEPARATORS.sub("", plain).upper()
    listed = _LONG_NUMBER.search(plain) is not None or sum(one.isdigit() for one in plain) > _DIGITS_MAX
    return listed or any(secret.upper() in bare for secret in secrets if secret)


def _plain(words: str) -> str:
    """Full-width, circled and other scripts' digits as those of a keyboard, and without invisible characters."""
    folded = (
        one for one in unicodedata.normalize("NFKC", words) if unicodedata.category(one) not in ("Cf", "Mn", "Me")
    )
    return "".join(str(unicodedata.digit(one)) if one.isdecimal() else one for one in folded)


def _stands_at(words: str, place: int, called: str) -> bool:
    """Return whether the text contains the name; a Latin one ends where its word does, a Chinese one runs into the sentence."""
    if not words.startswith(called, place):
        return False
    after = words[place + len(called) : place + len(called) + 1]
    return not (called[-1].isascii() and called[-1].isalnum() and after.isascii() and after.isalnum())
