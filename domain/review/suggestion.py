"""What the machine would decide in the reviewer's place, and why: a proposal that a person accepts or overrules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from domain.cards.reading import FieldName
from domain.cards.review import AskedItem, ReviewOutcome, ReviewReason


class SuggestionWhy(StrEnum):
    """What speaks for a suggestion, or keeps the machine from making one."""

    READ_SURELY = "read_surely"  # Every field was read with high confidence, typed, or confirmed.
    RULES_HOLD = "rules_hold"  # Number and fields keep the brand's rules.
    PARTIES_AGREE = "parties_agree"  # What issuer, store or outlet say agrees with the card.
    PARTY_CONFIRMS = "party_confirms"  # A party knows the card, so a doubtful field was read rightly.
    PHOTO_SAYS_OTHERWISE = "photo_says_otherwise"  # The photo shows another value, which keeps the rules.
    NUMBER_BREAKS_RULES = "number_breaks_rules"  # The number could not have been issued by the brand.
    NEIGHBOURS = "neighbours"  # Neighbouring numbers came from other sellers.
    PIN_WRONG = "pin_wrong"  # The issuer says that the PIN is wrong.
    PIN_BREAKS_RULES = "pin_breaks_rules"  # The PIN breaks the brand's rules and was not confirmed.
    PIN_DOUBTFUL = "pin_doubtful"  # The PIN is hard to read and was not confirmed.
    UNREADABLE = "unreadable"  # The photo shows nothing that can be read.
    FIELD_MISSING = "field_missing"  # A field that is needed is not known.
    ISSUER_SILENT = "issuer_silent"  # The issuer does not know the card or gives no answer.
    ANSWERS_DIFFER = "answers_differ"  # The answers contradict card or seller.
    STORE_WAS_ASKED = "store_was_asked"  # Store or outlet have looked already; asking again tells nothing new.
    ENTER_BY_HAND = "enter_by_hand"  # The fields of a regional card are entered from the photo.
    REJECTED_BEFORE = "rejected_before"  # A person rejected a card with this number for cause.
    WORTH_UNKNOWN = "worth_unknown"  # Neither a quote nor a face value is known.


@dataclass(frozen=True)
class FieldSeen:
    """One field: whether the card has it, how surely it was read, and whether the photo offers another good value.

    `confidence_bp` is None for a field that was typed or confirmed, never read, or not there.
    """

    name: FieldName
    present: bool
    confidence_bp: int | None = None
    candidate_bp: int | None = None  # How surely that other value was read; None when there is none.
    fits: bool = True  # Keeps the brand's rules, or is not there.
    limit_bp: int | None = None  # From which confidence on it is sure, where its brand has a limit of its own.

    def is_sure(self, read_bp: int, general_bp: int) -> bool:
        """Return whether a confidence of this field needs no person's look; `general_bp` is the limit of all others."""
        return read_bp >= (general_bp if self.limit_bp is None else self.limit_bp)


@dataclass(frozen=True)
class SuggestionInput:
    """Everything that the machine goes by. It holds no number and no PIN."""

    reasons: frozenset[ReviewReason]
    fields: tuple[FieldSeen, ...]
    number_valid: bool | None  # None: no number is known.
    answered: bool = False  # A party that knows the card has answered about these very fields.
    conflict: bool = False  # That answer contradicts card or seller.
    pin_said: str = ""  # right | wrong, as a party says
    has_pin: bool = True  # The brand's cards have one.
    entry_needed: bool = False  # A regional card whose fields were not entered yet.
    worth_known: bool = True
    store_asked: bool = False  # Store or outlet looked at it on a reviewer's demand.
    has_store: bool = True  # Some store or outlet can look at cards of this type.


@dataclass(frozen=True)
class Suggestion:
    """A proposal. `corrections` names the fields to take from the photo; `score_bp` is how sure the machine is.

    `outcome` is None when the machine proposes nothing; `why` then says what is missing.
    """

    outcome: ReviewOutcome | None
    why: tuple[SuggestionWhy, ...]
    score_bp: int = 0
    reason_code: str = ""
    asked_item: AskedItem | None = None
    corrections: tuple[FieldName, ...] = ()

    @property
    def mark(self) -> str:
        """The proposal in one word: a page that shows it accepts this one and no other."""
        item = self.asked_item.value if self.asked_item else ""
        fields = "+".join(name.value for name in self.corrections)
        return ":".join((self.outcome.value if self.outcome else "", self.reason_code, item, fields))


# The reasons that suggestions are made with, by their act: as long as there are suggestions, these stay in use.
REASONS_USED = frozenset(
    {
        ("reject", "forged"), ("ask_again", "blurred"), ("ask_again", "mismatch"), ("ask_again", "missing"),
        ("hand_to_store", "issuer_silent"), ("hand_to_store", "answers_differ"),
    }
)  # fmt: skip
SURE_BP, FAIRLY_SURE_BP, GUESS_BP = 9_500, 8_000, 6_500
UNCONFIRMED_BP = 1_000  # So much less sure when no party has answered.


def suggest(sight: SuggestionInput, confidence_bp_min: int) -> Suggestion:
    """Propose the first outcome that applies, from the gravest doubt to none. The same sight always gives the same."""
    proposals = (_forged, _unreadable, _to_enter, _otherwise, _wrong_pin, _doubtful, _unanswered, _contradicted)
    for propose in proposals:
        found = propose(sight, confidence_bp_min)
        if found is not None:
            return found
    return _approval(sight, confidence_bp_min)


def _forged(sight: SuggestionInput, _: int) -> Suggestion | None:
    broken = sight.number_valid is False and _candidate(sight, FieldName.NUMBER) is None
    if broken:
        return _reject("forged", SuggestionWhy.NUMBER_BREAKS_RULES, SURE_BP)
    if ReviewReason.FORGED_NUMBER in sight.reasons and sight.number_valid:
        return _reject("forged", SuggestionWhy.NEIGHBOURS, FAIRLY_SURE_BP)
    return None


def _unreadable(sight: SuggestionInput, _: int) -> Suggestion | None:
    seen = any(one.present or one.candidate_bp is not None for one in sight.fields)
    if seen and ReviewReason.UNREADABLE not in sight.reasons:
        return None
    return _ask(AskedItem.PHOTO, "blurred", SuggestionWhy.UNREADABLE, FAIRLY_SURE_BP)


def _to_enter(sight: SuggestionInput, _: int) -> Suggestion | None:
    """A regional card is approved with entered fields only; what the photo shows can be entered with one key."""
    if not sight.entry_needed:
        return None
    shown = {one.name: one.candidate_bp for one in sight.fields if one.candidate_bp is not None}
    needed = {FieldName.NUMBER, FieldName.FACE_VALUE} | ({FieldName.PIN} if sight.has_pin else set())
    if not needed <= shown.keys():
        return Suggestion(None, (SuggestionWhy.ENTER_BY_HAND,))
    return _correct(tuple(name for name in FieldName if name in shown), min(shown.values()), SuggestionWhy.RULES_HOLD)


def _otherwise(sight: SuggestionInput, confidence_bp_min: int) -> Suggestion | None:
    """The photo shows other values than the card has, or values that it lacks, and they keep the brand's rules."""
    taken = tuple(one for one in sight.fields if _is_better(one, sight, confidence_bp_min))
    if not taken:
        return None
    surely = min(one.candidate_bp or 0 for one in taken)
    return _correct(tuple(one.name for one in taken), surely, SuggestionWhy.PHOTO_SAYS_OTHERWISE)


def _is_better(one: FieldSeen, sight: SuggestionInput, confidence_bp_min: int) -> bool:
    if one.candidate_bp is None:
        return False
    if one.name is FieldName.PIN and sight.pin_said == "wrong":
        return True
    if one.name is FieldName.NUMBER and sight.number_valid is False:
        return True
    return one.is_sure(one.candidate_bp, confidence_bp_min) and not (sight.answered and not sight.conflict)


def _wrong_pin(sight: SuggestionInput, _: int) -> Suggestion | None:
    if sight.pin_said != "wrong" and ReviewReason.WRONG_PIN not in sight.reasons:
        return None
    return _ask(AskedItem.PIN, "mismatch", SuggestionWhy.PIN_WRONG, FAIRLY_SURE_BP)


def _doubtful(sight: SuggestionInput, confidence_bp_min: int) -> Suggestion | None:
    """Ask for a field that is missing, or hard to read and unconfirmed."""
    for one in sight.fields:
        if one.name is FieldName.NUMBER and not one.present:
            return _ask(AskedItem.NUMBER, "missing", SuggestionWhy.FIELD_MISSING, GUESS_BP)
        if one.name is FieldName.PIN and not one.present:
            return _ask(AskedItem.PIN, "missing", SuggestionWhy.FIELD_MISSING, GUESS_BP)
        if one.name is FieldName.PIN and not one.fits and sight.pin_said != "right":
            return _ask(AskedItem.PIN, "mismatch", SuggestionWhy.PIN_BREAKS_RULES, FAIRLY_SURE_BP)
        unsure = one.confidence_bp is not None and not one.is_sure(one.confidence_bp, confidence_bp_min)
        if one.name is FieldName.PIN and unsure and sight.pin_said != "right":
            return _ask(AskedItem.PIN, "blurred", SuggestionWhy.PIN_DOUBTFUL, GUESS_BP)
    return None


def _unanswered(sight: SuggestionInput, _: int) -> Suggestion | None:
    silent = sight.reasons & {ReviewReason.ISSUER_UNKNOWN, ReviewReason.OUTLET_SILENT}
    if not silent or sight.answered:
        return None
    return _hand(sight, "issuer_silent", SuggestionWhy.ISSUER_SILENT)


def _contradicted(sight: SuggestionInput, _: int) -> Suggestion | None:
    if not sight.conflict:
        return None
    return _hand(sight, "answers_differ", SuggestionWhy.ANSWERS_DIFFER)


def _approval(sight: SuggestionInput, confidence_bp_min: int) -> Suggestion:
    if ReviewReason.REJECTED_BEFORE in sight.reasons:
        return Suggestion(
            None, (SuggestionWhy.REJECTED_BEFORE,)
        )  # The machine proposes no purchase against a person's word.
    if not sight.worth_known:
        return Suggestion(None, (SuggestionWhy.WORTH_UNKNOWN,))
    read = [one.confidence_bp for one in sight.fields if one.confidence_bp is not None]
    doubtful = [
        one
        for one in sight.fields
        if one.confidence_bp is not None and not one.is_sure(one.confidence_bp, confidence_bp_min)
    ]
    unsure = bool(doubtful) or not _fit(sight)
    if unsure and not sight.answered:
        # The card is unknown, and hard to read or odd: a person compares it with the photo themselves.
        return Suggestion(None, (SuggestionWhy.ENTER_BY_HAND,))
    score = min([SURE_BP, *(read if not sight.answered else ())]) - (0 if sight.answered else UNCONFIRMED_BP)
    return Suggestion(ReviewOutcome.APPROVE, tuple(_for_approval(sight, unsure=unsure)), max(score, 0))


def _for_approval(sight: SuggestionInput, *, unsure: bool) -> Iterator[SuggestionWhy]:
    yield SuggestionWhy.PARTY_CONFIRMS if unsure else SuggestionWhy.READ_SURELY
    if sight.number_valid and _fit(sight):
        yield SuggestionWhy.RULES_HOLD
    if sight.answered:
        yield SuggestionWhy.PARTIES_AGREE


def _fit(sight: SuggestionInput) -> bool:
    return all(one.fits for one in sight.fields)


def _candidate(sight: SuggestionInput, name: FieldName) -> int | None:
    return next((one.candidate_bp for one in sight.fields if one.name is name), None)


def _reject(code: str, why: SuggestionWhy, score_bp: int) -> Suggestion:
    return Suggestion(ReviewOutcome.REJECT, (why,), score_bp, reason_code=code)


def _ask(item: AskedItem, code: str, why: SuggestionWhy, score_bp: int) -> Suggestion:
    return Suggestion(ReviewOutcome.ASK_AGAIN, (why,), score_bp, reason_code=code, asked_item=item)


def _hand(sight: SuggestionInput, code: str, why: SuggestionWhy) -> Suggestion:
    """Store or outlet looks at it, once."""
    if sight.store_asked:
        return Suggestion(None, (why, SuggestionWhy.STORE_WAS_ASKED))
    if not sight.has_store:
        return Suggestion(None, (why,))
    return Suggestion(ReviewOutcome.HAND_TO_STORE, (why,), GUESS_BP, reason_code=code)


def _correct(fields: tuple[FieldName, ...], surely_bp: int, why: SuggestionWhy) -> Suggestion:
    return Suggestion(ReviewOutcome.APPROVE_CORRECTED, (why, SuggestionWhy.RULES_HOLD) if why is not SuggestionWhy.RULES_HOLD else (why,), surely_bp, corrections=fields)  # fmt: skip
