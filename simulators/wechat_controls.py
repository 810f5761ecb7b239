"""The switches of the WeChat Pay simulator."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from simulators.controls import CallbackControls, Milliseconds, Rate, Words

DAY_S = 86_400


class WechatControls(CallbackControls):
    """Switches of WeChat Pay."""

    refuse: Annotated[
        str,
        Field(pattern="^[A-Z_]{0,60}$"),
        Words(
            "拒绝原因，如 ACCOUNT_FROZEN、NOT_ENOUGH（空：不拒绝）",
            "Refusal, e.g. ACCOUNT_FROZEN, NOT_ENOUGH (empty: none)",
        ),
    ] = ""
    system_error_rate: Annotated[
        Rate, Words("SYSTEM_ERROR 的比例（可能已受理）", "Share of SYSTEM_ERROR (perhaps accepted)")
    ] = 0.0
    processing_ms: Annotated[
        Milliseconds, Words("确认后转账中多久（毫秒）", "TRANSFERING after confirmation for (ms)")
    ] = 0
    confirm_after_ms: Annotated[
        int,
        Field(ge=-1, le=3_600_000),
        Words("收款人多久后自动确认（毫秒；-1：不自动）", "Receiver confirms automatically after (ms; -1: never)"),
    ] = -1
    expires_after_s: Annotated[int, Field(ge=1, le=DAY_S), Words("确认期限（秒）", "Time to confirm (s)")] = DAY_S
    closing_ms: Annotated[Milliseconds, Words("撤销或过期后关单耗时（毫秒）", "Closing takes (ms)")] = 500
    bad_answer_signature: Annotated[bool, Words("应答签名错误", "Answers carry a bad signature")] = False
    bill_late: Annotated[bool, Words("账单尚未生成", "The bill is not ready")] = False
