"""WeChat Pay's signatures and seals against readings that are not ours: OpenSSL's command, wechatpayv3 and pycryptodome."""

from __future__ import annotations

import base64
import json
import re
import subprocess
import time
from pathlib import Path

import pytest
from Crypto.Cipher import AES, PKCS1_OAEP
from Crypto.PublicKey import RSA
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpayv3.core import Core
from wechatpayv3.utils import aes_decrypt, build_authorization, load_private_key

from gateways.wechat.signing import ApiKey, Merchant, WechatKey, signed_lines
from simulators.program import Setup
from simulators.wechat import Wechat
from simulators.wechat_wire import API_KEY_FILE, KEY_ID, MERCHANT_FILE, WechatKeys
from tests.builders.key_pairs import new_key_pair

OURS, OURS_PUBLIC = new_key_pair()
THEIRS, THEIRS_PUBLIC = new_key_pair()
API_KEY = b"0123456789abcdef0123456789abcdef"
BODIES = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
PARTS = re.compile(r'(\w+)="([^"]*)"')


def parts_of(authorization: str) -> dict[str, str]:
    scheme, _, rest = authorization.partition(" ")
    assert scheme == "WECHATPAY2-SHA256-RSA2048"
    return dict(PARTS.findall(rest))


def test_openssl_verifies_what_we_sign_and_refuses_another_body(tmp_path: Path) -> None:
    body = '{"amount":1,"名":"王芳"}'
    parts = parts_of(Merchant("1900000109", "AB12", OURS).authorization("POST", "/v3/x?a=1", body))
    (tmp_path / "key.pem").write_bytes(OURS_PUBLIC)
    (tmp_path / "signature").write_bytes(base64.b64decode(parts["signature"]))
    assert (parts["mchid"], parts["serial_no"]) == ("1900000109", "AB12")
    for given_body, verdict in ((body, 0), (body + " ", 1)):
        text = f"POST\n/v3/x?a=1\n{parts['timestamp']}\n{parts['nonce_str']}\n{given_body}\n"
        (tmp_path / "text").write_text(text, encoding="utf-8")
        asked = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "text"]
        done = subprocess.run(asked, cwd=tmp_path, check=False, capture_output=True, timeout=20)
        assert done.returncode == verdict


@given(BODIES)
@settings(max_examples=25, deadline=None)
def test_wechatpayv3_believes_the_simulator_as_we_do_and_neither_believes_a_forger(body: str) -> None:
    keys, theirs, core = signed_by_simulator()
    for genuine in (True, False):
        signed = keys.signed(body.encode(), genuine=genuine)
        assert bool(core._verify_signature(signed, body)) is genuine
        lowered = {name.lower(): value for name, value in signed.items()}
        assert (theirs.fault(lowered, body.encode()) is None) is genuine


def signed_by_simulator() -> tuple[WechatKeys, WechatKey, Core]:
    if not _KEPT:
        keys = Wechat(Setup()).keys
        pem = keys.public_pem()
        core = Core("1900000109", "AB12", bare(OURS), API_KEY.decode(), public_key=bare(pem), public_key_id=KEY_ID)
        _KEPT.append((keys, WechatKey(KEY_ID, pem), core))
    return _KEPT[0]


_KEPT: list[tuple[WechatKeys, WechatKey, Core]] = []


def bare(pem: bytes) -> str:
    """The library frames a key itself, and takes one that is framed without a line's end after it."""
    return pem.decode().strip()


@given(body=BODIES, method=st.sampled_from(["POST", "GET"]))
@settings(max_examples=25, deadline=None)
def test_the_simulator_takes_requests_that_wechatpayv3_signed_as_it_takes_ours(
    tmp_path_factory: pytest.TempPathFactory, body: str, method: str
) -> None:
    keys = merchants_keys(tmp_path_factory)
    target = "/v3/bill/fundflowbill?bill_date=2026-11-28"
    theirs = build_authorization(target, method, "1900000109", "AB12", load_private_key(bare(OURS)), data=body)
    ours = Merchant("1900000109", "AB12", OURS).authorization(method, target, body)
    for authorization in (theirs, ours):
        assert keys.is_merchants(authorization, method, target, body.encode()) == "1900000109"
        assert keys.is_merchants(authorization, method, target, body.encode() + b"x") is None


_FOLDER: list[WechatKeys] = []


def merchants_keys(tmp_path_factory: pytest.TempPathFactory) -> WechatKeys:
    if not _FOLDER:
        folder = tmp_path_factory.mktemp("wechat")
        (folder / MERCHANT_FILE).write_bytes(OURS_PUBLIC)
        (folder / API_KEY_FILE).write_bytes(API_KEY)
        _FOLDER.append(WechatKeys(folder))
    return _FOLDER[0]


@given(st.binary(max_size=300))
@settings(max_examples=40, deadline=None)
def test_what_another_library_seals_we_open_and_a_changed_byte_we_do_not(content: bytes) -> None:
    cipher = AES.new(API_KEY, AES.MODE_GCM, nonce=b"abcdef012345")
    cipher.update(b"mch_payment")
    sealed, tag = cipher.encrypt_and_digest(content)
    text = base64.b64encode(sealed + tag).decode()
    assert ApiKey(API_KEY).open("abcdef012345", "mch_payment", text) == content
    spoilt = base64.b64encode(bytes([(sealed + tag)[0] ^ 1]) + (sealed + tag)[1:]).decode()
    for nonce, associated, ciphertext in (
        ("abcdef012345", "", text), ("abcdef012346", "mch_payment", text), ("abcdef012345", "mch_payment", spoilt),
        ("abcdef012345", "mch_payment", "%"),
    ):  # fmt: skip
        assert ApiKey(API_KEY).open(nonce, associated, ciphertext) is None


def test_wechatpayv3_opens_the_callbacks_of_the_simulator_as_we_do(tmp_path_factory: pytest.TempPathFactory) -> None:
    resource = json.loads(merchants_keys(tmp_path_factory).callback({"state": "SUCCESS"}))["resource"]
    opened = ApiKey(API_KEY).open(resource["nonce"], resource["associated_data"], resource["ciphertext"])
    assert opened is not None
    assert opened.decode() == aes_decrypt(
        resource["nonce"], resource["ciphertext"], resource["associated_data"], API_KEY.decode()
    )


@pytest.mark.parametrize("name", ["王芳", "A", "欧阳娜娜·买买提"])
def test_only_the_holder_of_their_key_reads_a_sealed_name(name: str) -> None:
    sealed = WechatKey(KEY_ID, THEIRS_PUBLIC).seal(name)
    assert PKCS1_OAEP.new(RSA.import_key(THEIRS)).decrypt(base64.b64decode(sealed)).decode() == name
    with pytest.raises(ValueError, match=r"decryption|Incorrect|too large"):  # Too large for half of all pairs of keys.
        PKCS1_OAEP.new(RSA.import_key(OURS)).decrypt(base64.b64decode(sealed))


@pytest.mark.parametrize(("seconds", "fault"), [(0, None), (299, None), (-299, None), (302, "stale"), (-302, "stale")])
def test_what_is_older_than_five_minutes_may_be_a_recording(seconds: int, fault: str | None) -> None:
    keys, _, _ = signed_by_simulator()
    late = WechatKey(KEY_ID, keys.public_pem(), clock=lambda: time.time() + seconds)
    assert late.fault({name.lower(): value for name, value in keys.signed(b"{}").items()}, b"{}") == fault


def test_keys_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        ApiKey(b"short")
    assert signed_lines("a", b"b") == b"a\nb\n"
