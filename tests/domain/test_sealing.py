"""A card's secrets are sealed to one place; nothing else opens them, and nothing shows the keys."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.sealing import KeyRing, SealBroken, signature_holds

RING = KeyRing.generate()
PLACE = "card:01M82RE6M2X4GDYSTQ5JDB0Q1V:number"


@given(st.binary(max_size=200), st.text(max_size=40))
def test_what_is_sealed_for_a_place_opens_there(plain: bytes, place: str) -> None:
    assert RING.open(RING.seal(plain, purpose="card", aad=place), purpose="card", aad=place) == plain


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_sealed_value_with_any_byte_changed_does_not_open(position: int, flip: int) -> None:
    sealed = bytearray(RING.seal_text("8888123412341234", purpose="card", aad=PLACE))
    sealed[position % len(sealed)] ^= flip
    with pytest.raises(SealBroken):
        RING.open(bytes(sealed), purpose="card", aad=PLACE)


@pytest.mark.parametrize(("purpose", "place"), [("card", "card:another:number"), ("submission", PLACE)])
def test_a_sealed_number_copied_to_another_place_or_purpose_does_not_open(purpose: str, place: str) -> None:
    sealed = RING.seal_text("8888123412341234", purpose="card", aad=PLACE)
    with pytest.raises(SealBroken):
        RING.open_text(sealed, purpose=purpose, aad=place)


@given(st.binary(max_size=40))
def test_bytes_that_were_never_sealed_are_refused(noise: bytes) -> None:
    with pytest.raises(SealBroken):
        RING.open(noise, purpose="card", aad=PLACE)


def test_the_same_secret_sealed_twice_looks_different() -> None:
    sealed = {RING.seal_text("123456", purpose="card", aad=PLACE) for _ in range(100)}
    assert len(sealed) == 100


def test_after_rotation_the_old_opens_the_new_is_sealed_under_the_new_key_and_hashes_stay() -> None:
    old = RING.seal_text("123456", purpose="card", aad=PLACE)
    rotated = RING.rotated()
    new = rotated.seal_text("123456", purpose="card", aad=PLACE)
    assert rotated.open_text(old, purpose="card", aad=PLACE) == "123456"
    assert rotated.current.encode() in new
    assert RING.current.encode() not in new
    assert rotated.fingerprint("jd", "JD1") == RING.fingerprint("jd", "JD1")
    assert rotated.evidence_public_key == RING.evidence_public_key
    with pytest.raises(SealBroken, match="not in the ring"):
        RING.open_text(new, purpose="card", aad=PLACE)


def test_a_ring_written_down_is_the_same_ring() -> None:
    again = KeyRing.from_json(RING.to_json())
    sealed = RING.seal_text("123456", purpose="card", aad=PLACE)
    assert again.open_text(sealed, purpose="card", aad=PLACE) == "123456"
    assert again.index("x", purpose="phone") == RING.index("x", purpose="phone")
    assert again.sign_evidence(b"x") == RING.sign_evidence(b"x")


@pytest.mark.parametrize(
    "broken", ["", "[]", "{}", '{"current": "a", "keys": {"a": "c2hvcnQ="}, "index": "", "evidence": ""}']
)
def test_a_broken_key_file_is_refused_without_quoting_it(broken: str) -> None:
    with pytest.raises(ValueError, match="no key ring") as refused:
        KeyRing.from_json(broken)
    assert "c2hvcnQ" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_neither_print_nor_format_shows_a_key() -> None:
    keys = json.loads(RING.to_json())
    shown = f"{RING!r} {RING}"
    assert not any(root in shown for root in [*keys["keys"].values(), keys["index"], keys["evidence"]])


def test_a_fingerprint_is_one_card_of_one_issuer_and_says_nothing_without_the_key() -> None:
    print_ = RING.fingerprint("jd", "JD1234567890ABCD")
    assert print_ == RING.fingerprint("jd", "JD1234567890ABCD")
    assert len({print_, RING.fingerprint("tmall", "JD1234567890ABCD"), RING.fingerprint("jd", "JD1234567890ABCE")}) == 3
    assert print_ != KeyRing.generate().fingerprint("jd", "JD1234567890ABCD")
    assert RING.index("138", purpose="phone") != RING.index("138", purpose="api_key")


def test_only_the_public_key_is_needed_to_verify_and_no_other_message_passes() -> None:
    signature = RING.sign_evidence(b"root")
    assert signature_holds(RING.evidence_public_key, signature, b"root")
    assert not signature_holds(RING.evidence_public_key, signature, b"another root")
    assert not signature_holds(KeyRing.generate().evidence_public_key, signature, b"root")
    assert not signature_holds(b"no key", signature, b"root")
