"""WeChat Pay's callbacks about our transfers: believed only with its signature, read only with the shared key.

Source: the callback `MCHTRANSFER.BILL.FINISHED` of "merchant transfer": JSON whose `resource` is sealed with AES-256-GCM.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from domain.finance.payout import PayoutReport
from gateways.errors import ReportRefused
from gateways.wechat.signing import ApiKey, WechatKey
from gateways.wechat.states import SYSTEM, judged

EVENT = "MCHTRANSFER.BILL.FINISHED"
ALGORITHM = "AEAD_AES_256_GCM"


class WechatNotices:
    """Reads callbacks for one merchant. Holds nothing that could pay."""

    def __init__(self, merchant_id: str, theirs: WechatKey, api_key: ApiKey) -> None:
        self._merchant_id = merchant_id
        self._theirs = theirs
        self._api_key = api_key

    def read(self, body: bytes, headers: Mapping[str, str]) -> tuple[str, PayoutReport]:
        """Read the callback's id and report; answer it with 204.

        The amount is WeChat Pay's claim: compare it with the order's. Raises ReportRefused: signature, stale, malformed,
        wrong_kind, wrong_app (another merchant's transfer, or none of ours).
        """
        if (fault := self._theirs.fault(headers, body)) is not None:
            raise ReportRefused(SYSTEM, fault)
        outer = _object(body)
        if outer.get("event_type") != EVENT:
            raise ReportRefused(SYSTEM, "wrong_kind")
        report = judged(_object(self._opened(outer.get("resource"))), self._merchant_id)
        if report is None:
            raise ReportRefused(SYSTEM, "wrong_app")
        return str(outer.get("id", "")), report

    def _opened(self, resource: object) -> bytes:
        if not isinstance(resource, dict) or resource.get("algorithm") != ALGORITHM:
            raise ReportRefused(SYSTEM, "malformed")
        parts = [str(resource.get(name) or "") for name in ("nonce", "associated_data", "ciphertext")]
        opened = self._api_key.open(*parts)
        if opened is None:
            raise ReportRefused(SYSTEM, "signature")
        return opened


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ReportRefused(SYSTEM, "malformed")
    return found
