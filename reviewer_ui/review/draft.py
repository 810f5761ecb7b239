"""What a reviewer has typed into the decision form: it goes back onto the page of who typed it, and onto no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields


@dataclass(frozen=True)
class Draft:
    """The fields of the form as text. Number and PIN are secrets."""

    outcome: str = ""
    reason_code: str = ""
    reject_reason: str = ""
    asked_item: str = ""
    number: str = field(default="", repr=False)
    pin: str = field(default="", repr=False)
    face_value: str = ""
    expiry: str = ""
    note: str = ""

    @property
    def typed(self) -> bool:
        """Whether a field of the card was typed."""
        return any(text.strip() for text in (self.number, self.pin, self.face_value, self.expiry))

    @property
    def worth_keeping(self) -> bool:
        """Whether anything was decided or typed; a question's item alone is what the form opens with."""
        return self.typed or bool(self.outcome or self.note)

    def with_act(self, act: str) -> Draft:
        """Return the draft with what the pressed button says: an outcome, and a reason behind a colon where it needs one."""
        outcome, _, code = act.partition(":")
        return self if not outcome else Draft(**{**asdict(self), "outcome": outcome, "reason_code": code[:64]})

    def kept(self) -> dict[str, str]:
        """Its fields that are not empty, for the sealed row."""
        return {name: text for name, text in asdict(self).items() if text}

    @classmethod
    def of(cls, kept: Mapping[str, str]) -> Draft:
        """Read a draft from what `kept` returned; names that are no field's are ignored."""
        known = {one.name for one in fields(cls)}
        return cls(**{name: text for name, text in kept.items() if name in known})
