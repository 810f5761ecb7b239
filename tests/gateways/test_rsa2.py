"""Signatures and amounts on Alipay's wire, against another implementation and over many inputs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alipay import AliPay
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from gateways.alipay.rsa2 import Signer, Verifier, signed_text, split_answer
from simulators.alipay_wire import fen, yuan
from tests.builders.key_pairs import new_key_pair

PRIVATE, PUBLIC = new_key_pair()
OTHER_PUBLIC = new_key_pair()[1]
SIGNER, VERIFIER = Signer(PRIVATE), Verifier(PUBLIC)
ORACLE = AliPay(
    "2021", app_notify_url=None, app_private_key_string=PRIVATE.decode(), alipay_public_key_string=PUBLIC.decode()
)
NAMES = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12).filter(
    lambda name: name not in {"sign", "sign_type"}
)
FIELDS = st.dictionaries(
    NAMES, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40), min_size=1, max_size=8
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('abc}{"\\:', max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(FIELDS)
def test_we_and_another_implementation_sign_alike_and_believe_each_other(fields: dict[str, str]) -> None:
    text = signed_text(fields, frozenset({"sign"}))
    signature = SIGNER.sign(text)
    assert signature == ORACLE._sign(text)
    assert ORACLE.verify(dict(fields), signature)
    assert VERIFIER.is_signed(text, ORACLE._sign(text))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), st.text("abc", min_size=1, max_size=3))
def test_one_character_more_or_another_key_is_not_believed(text: str, more: str) -> None:
    signature = SIGNER.sign(text)
    assert VERIFIER.is_signed(text, signature)
    assert not VERIFIER.is_signed(text + more, signature)
    assert not Verifier(OTHER_PUBLIC).is_signed(text, signature)


def test_while_alipay_changes_its_key_both_are_believed_and_afterwards_the_new_one_alone() -> None:
    new_private, new_public = new_key_pair()
    old, new = SIGNER.sign("a=1"), Signer(new_private).sign("a=1")
    during, afterwards = Verifier(PUBLIC + new_public), Verifier(new_public)
    assert [during.is_signed("a=1", one) for one in (old, new)] == [True, True]
    assert [afterwards.is_signed("a=1", one) for one in (old, new)] == [False, True]
    assert not during.is_signed("a=2", new)


@pytest.mark.parametrize("pem", [b"", b"no key", PUBLIC + OTHER_PUBLIC + PUBLIC], ids=["empty", "none", "three"])
def test_a_file_of_no_key_or_of_three_is_refused_at_once(pem: bytes) -> None:
    with pytest.raises(ValueError, match="one key, or two"):
        Verifier(pem)


@given(st.text(max_size=30))
def test_any_other_text_in_place_of_a_signature_is_no_accident(signature: str) -> None:
    assert not VERIFIER.is_signed("a=1", signature)


@given(st.dictionaries(st.text("abc_", min_size=1, max_size=6), JSON, max_size=5), st.booleans())
def test_the_signed_bytes_are_cut_out_of_an_answer_exactly(content: dict[str, Any], ascii_only: bool) -> None:
    raw = json.dumps(content, ensure_ascii=ascii_only)
    body = f'{{"some_response": {raw},"sign":"c2ln"}}'
    assert split_answer(body, "some_response") == (content, raw, "c2ln")
    assert ORACLE._get_string_to_be_signed('{"some_response":{"a":1},"sign":"x"}', "some_response") == '{"a":1}'


@pytest.mark.parametrize(
    "body",
    [
        '{"x":{"some_response":{"a":1}},"sign":"s"}',
        '{"some_response":{"a":1},"some_response":{"a":2},"sign":"s"}',
        '{"some_response":[1],"sign":"s"}',
        '{"some_response":{"a":1},"sign":5}',
        '{"some_response":{"a":1}',
        "null",
    ],
)
def test_an_answer_that_reads_two_ways_is_none(body: str) -> None:
    assert split_answer(body, "some_response") is None


@given(st.integers(min_value=0, max_value=10**12 - 1))
def test_amounts_go_to_yuan_and_back_without_loss(amount_minor: int) -> None:
    text = Money(amount_minor).decimal_text()
    assert text == yuan(amount_minor)
    assert Money.from_decimal_text(text) == Money(amount_minor)
    assert fen(text) == amount_minor


@pytest.mark.parametrize("text", ["1.001", "-1", "1e3", "", "NaN", "1,000.00", "٣"])
def test_the_simulator_takes_no_amount_that_is_not_one(text: str) -> None:
    assert fen(text) is None


def test_a_key_of_another_kind_is_refused_at_once() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    encoding, none = serialization.Encoding.PEM, serialization.NoEncryption()
    public = key.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(TypeError):
        Signer(key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, none))
    with pytest.raises(TypeError):
        Verifier(public)
