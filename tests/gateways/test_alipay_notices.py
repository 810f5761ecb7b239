"""Alipay's notices are verified over the bytes that came, whatever charset they are in; anything else is refused."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from domain.money import Money
from gateways.alipay.notices import AlipayNotices
from gateways.alipay.rsa2 import Verifier
from gateways.errors import ReportRefused
from tests.builders.key_pairs import new_key_pair

APP_ID = "2021000000000001"
APP_PRIVATE, APP_PUBLIC = new_key_pair()
GBK_FACTS = {
    "notify_id": "n-1", "msg_method": "alipay.fund.trans.order.changed", "app_id": APP_ID, "version": "1.1",
    "biz_content": '{"out_biz_no":"card-1-payout-1","status":"SUCCESS","trans_amount":"465.00","remark":"购物卡：𠮷"}',
}  # fmt: skip


def signed_in(charset: str, codec: str) -> bytes:
    """A notice as Alipay writes it in another charset: quoted bytes of it, signed over those bytes."""
    facts = {name: value.encode(codec) for name, value in (GBK_FACTS | {"charset": charset}).items()}
    text = b"&".join(b"%s=%s" % (name.encode(), value) for name, value in sorted(facts.items()))
    key = load_pem_private_key(APP_PRIVATE, None)
    assert isinstance(key, RSAPrivateKey)
    signature = b64encode(key.sign(text, PKCS1v15(), SHA256()))
    pairs = [*facts.items(), ("sign", signature), ("sign_type", b"RSA2")]
    return "&".join(f"{name}={quote(value)}" for name, value in pairs).encode()


@pytest.mark.parametrize(
    ("charset", "codec"),
    [("utf-8", "utf-8"), ("UTF-8", "utf-8"), ("GBK", "gb18030"), ("gb2312", "gb18030"), ("GB18030", "gb18030")],
)
def test_a_notice_is_verified_over_the_bytes_that_came_in_the_charset_that_it_names(charset: str, codec: str) -> None:
    notify_id, report = AlipayNotices(APP_ID, Verifier(APP_PUBLIC)).read(signed_in(charset, codec))
    assert (notify_id, report.key, report.amount) == ("n-1", "card-1-payout-1", Money(46_500))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"%", b"\xff\xfe", b"a=1&a=2", b"&".join(b"f%d=1" % number for number in range(500)), b"sign=&sign_type=RSA2",
        signed_in("utf-8", "gb18030"), signed_in("utf-7", "utf-8"), signed_in("../../x", "utf-8"),
    ],
    ids=str.split("empty quote bytes twice many unsigned wrong-charset utf-7 path"),
)  # fmt: skip
def test_no_form_from_outside_does_more_than_be_refused(body: bytes) -> None:
    with pytest.raises(ReportRefused):
        AlipayNotices(APP_ID, Verifier(APP_PUBLIC)).read(body)
