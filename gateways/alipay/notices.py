"""Alipay's notices about our orders: read, and believed only with Alipay's signature over the very bytes that came.

Source: the notice `alipay.fund.trans.order.changed` of Alipay's open platform. A form whose text is in the charset that its
own field `charset` names; the signature is over the unquoted bytes in that charset.
"""

from __future__ import annotations

import json
from urllib.parse import unquote_to_bytes

from domain.finance.payout import PayoutReport
from domain.money import Money
from gateways.alipay.rsa2 import Verifier
from gateways.alipay.states import SYSTEM, ended
from gateways.errors import ReportRefused

NOTICE = "alipay.fund.trans.order.changed"
FIELDS_MAX = 100
# Alipay's charsets, and the one by which each is read: GB 18030 holds every character of the two older ones.
CHARSETS = {"utf-8": "utf-8", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030"}
NOT_SIGNED = frozenset({b"sign", b"sign_type"})


class AlipayNotices:
    """Reads notices for our app. Holds Alipay's public key and nothing that could pay."""

    def __init__(self, app_id: str, verifier: Verifier) -> None:
        self._app_id = app_id
        self._verifier = verifier

    def read(self, body: bytes) -> tuple[str, PayoutReport]:
        """Read the notice's id and report from the form as it came; answer it with the text `success`.

        The report's amount is Alipay's claim: compare it with the order's. Raises ReportRefused: malformed, signature,
        wrong_app, wrong_kind.
        """
        fields = form_fields(body)
        signed = b"&".join(b"%s=%s" % one for one in sorted(fields.items()) if one[1] and one[0] not in NOT_SIGNED)
        signature = fields.get(b"sign", b"").decode("ascii", "replace")
        if fields.get(b"sign_type") != b"RSA2" or not self._verifier.signed_bytes(signed, signature):
            raise ReportRefused(SYSTEM, "signature")
        text = _decoded(fields)
        if text.get("app_id") != self._app_id:
            raise ReportRefused(SYSTEM, "wrong_app")
        if text.get("msg_method") != NOTICE:
            raise ReportRefused(SYSTEM, "wrong_kind")
        return text.get("notify_id", ""), _report(text.get("biz_content", ""))


def form_fields(body: bytes) -> dict[bytes, bytes]:
    """Parse the fields of an urlencoded form as bytes, in whatever charset they are. Raises ReportRefused: malformed."""
    parts = body.split(b"&", FIELDS_MAX)
    if len(parts) > FIELDS_MAX:
        raise ReportRefused(SYSTEM, "malformed")
    pairs = [part.partition(b"=") for part in parts if part]
    fields = {_unquoted(name): _unquoted(value) for name, _, value in pairs}
    if len(fields) != len(pairs):  # A repeated name could be read in two ways.
        raise ReportRefused(SYSTEM, "malformed")
    return fields


def _unquoted(quoted: bytes) -> bytes:
    return unquote_to_bytes(quoted.replace(b"+", b" "))


def _decoded(fields: dict[bytes, bytes]) -> dict[str, str]:
    charset = CHARSETS.get(fields.get(b"charset", b"utf-8").decode("ascii", "replace").lower())
    if charset is None:
        raise ReportRefused(SYSTEM, "malformed")
    try:
        return {name.decode("ascii"): value.decode(charset) for name, value in fields.items()}
    except UnicodeDecodeError:
        raise ReportRefused(SYSTEM, "malformed") from None


def _report(text: str) -> PayoutReport:
    try:
        fields = json.loads(text)
        return ended(str(fields["out_biz_no"]), fields, Money.from_decimal_text(str(fields["trans_amount"])))
    except (KeyError, TypeError, ValueError):
        # `from None`: the message of these errors can quote the notice.
        raise ReportRefused(SYSTEM, "malformed") from None
