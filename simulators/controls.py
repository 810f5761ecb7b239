"""The switches that make a simulator misbehave; each program adds its own to these."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator
from starlette.datastructures import FormData


class Words(NamedTuple):
    """One text in both languages."""

    zh: str
    en: str

    def of(self, language: str) -> str:
        """Return the text in that language; Chinese unless English is asked for."""
        return self.en if language == "en" else self.zh


Rate = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[int, Field(ge=0, le=3_600_000)]


class Controls(BaseModel):
    """Switches every program has. A change names any of them; the others stay."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    latency_ms: Annotated[Milliseconds, Words("延迟（毫秒）", "Latency (ms)")] = 0
    error_rate: Annotated[Rate, Words("出错比例（处理之前返回 500）", "Error rate (500 before any effect)")] = 0.0
    timeout_after_success_rate: Annotated[
        Rate, Words("成功后超时的比例（已处理，但不回答）", "Time-out after success (done, but never answered)")
    ] = 0.0
    hang_ms: Annotated[Milliseconds, Words("超时时挂起多久（毫秒）", "How long a time-out hangs (ms)")] = 30_000

    def changed(self, wanted: dict[str, Any]) -> Self:
        """These controls with some replaced. Raises pydantic's ValidationError for unknown names or bad values."""
        return type(self).model_validate(self.model_dump() | wanted)

    def wanted_by(self, form: FormData) -> dict[str, Any]:
        """Read what a browser's form asks for: it always sends the whole page, and leaves out unticked boxes."""
        flags = {name for name, field in type(self).model_fields.items() if field.annotation is bool}
        texts = {name: str(value) for name, value in form.items() if name not in flags}
        return texts | {name: name in form for name in flags}

    def labelled(self, language: str) -> list[dict[str, Any]]:
        """Name, label and value of each control, for the page."""
        return [self._row(name, language) for name in type(self).model_fields]

    def _row(self, name: str, language: str) -> dict[str, Any]:
        label = next(entry for entry in type(self).model_fields[name].metadata if isinstance(entry, Words))
        value = getattr(self, name)
        shown = ", ".join(value) if isinstance(value, tuple) else value
        return {"name": name, "label": label.of(language), "value": shown, "flag": isinstance(value, bool)}


class BrandControls(Controls):
    """Switches of programs that answer for brands."""

    maintenance: Annotated[tuple[str, ...], Words("维护中的品牌（逗号分隔）", "Brands in maintenance (by comma)")] = ()
    maintenance_retry_s: Annotated[
        int, Field(ge=0, le=86_400), Words("维护多久后重试（秒）", "Retry after maintenance (s)")
    ] = 60
    default_balance_minor: Annotated[
        int, Field(ge=0), Words("默认余额（最小货币单位）", "Default balance (minor units)")
    ] = 50_000

    @field_validator("maintenance", mode="before")
    @classmethod
    def split(cls, given: object) -> object:
        """Split the list, which a form sends as text, separated by commas."""
        return listed(given)


class CallbackControls(Controls):
    """Switches of programs that call back."""

    duplicate_callbacks: Annotated[
        int, Field(ge=0, le=20), Words("每个回调多发几次", "Extra copies of each callback")
    ] = 0
    late_callback_ms: Annotated[Milliseconds, Words("回调迟到（毫秒）", "Callback delay (ms)")] = 0
    out_of_order: Annotated[bool, Words("结果之后再发一个过时的回调", "A stale callback after the final one")] = False
    forged_callbacks: Annotated[bool, Words("先发一个伪造的回调", "A forged callback first")] = False
    drop_callbacks: Annotated[bool, Words("不发回调", "No callback at all")] = False
    wrong_amount_minor: Annotated[
        int, Words("回调金额偏差（最小货币单位）", "Amount in callback is off by (minor units)")
    ] = 0


def listed(given: object) -> object:
    """Split a comma-separated text into a list; anything else unchanged."""
    return [part.strip() for part in given.split(",") if part.strip()] if isinstance(given, str) else given
