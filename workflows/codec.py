"""Temporal sees only ciphertext: every payload is sealed under the key ring and bound to the workflow it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    DefaultFailureConverterWithEncodedAttributes,
    DefaultPayloadConverter,
    PayloadCodec,
    PayloadConverter,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)

from domain.sealing import KeyRing

ENCODING = b"binary/cardloop-sealed"
PURPOSE = "temporal"
UNBOUND = "-"  # Payloads that belong to no workflow, e.g. of a schedule.


class PayloadMoved(ValueError):
    """A sealed payload was found under another workflow than it was sealed for."""


class PayloadUnsealed(ValueError):
    """A payload is not sealed with our key ring: it was written by others who can reach Temporal."""


class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """AES-256-GCM over each payload; the key id is in the ciphertext, the workflow id is authenticated with it."""

    def __init__(self, keyring: KeyRing, workflow_id: str | None = None, *, shows_plain: bool = False) -> None:
        """Use `shows_plain` only for showing a history to a person: it passes unsealed payloads on instead of refusing."""
        self._keyring = keyring
        self._workflow_id = workflow_id
        self._shows_plain = shows_plain

    def with_context(self, context: SerializationContext) -> Self:
        """Return the same codec, bound to the context's workflow."""
        if isinstance(context, WorkflowSerializationContext | ActivitySerializationContext):
            return type(self)(self._keyring, context.workflow_id, shows_plain=self._shows_plain)
        return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Seals each payload whole, metadata included."""
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Open what was sealed here for this workflow. Raises PayloadUnsealed, PayloadMoved and SealBroken."""
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        bound_to = self._workflow_id or UNBOUND
        data = self._keyring.seal(payload.SerializeToString(), purpose=PURPOSE, aad=bound_to)
        return Payload(metadata={"encoding": ENCODING, "workflow-id": bound_to.encode()}, data=data)

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            if self._shows_plain:
                return payload
            raise PayloadUnsealed(f"not sealed, found at {self._workflow_id or UNBOUND}")
        bound_to = payload.metadata["workflow-id"].decode()
        if self._workflow_id is not None and bound_to != self._workflow_id:
            raise PayloadMoved(f"sealed for {bound_to}, found at {self._workflow_id}")
        return Payload.FromString(self._keyring.open(payload.data, purpose=PURPOSE, aad=bound_to))


class SealedFailures(DefaultFailureConverterWithEncodedAttributes):
    """Failures whose message and place are sealed; one of an activity that is not sealed is refused.

    Temporal itself makes time-outs and cancellations, never an application's failure inside an activity's: such a one
    without sealed attributes was written by others who can reach Temporal, and must not decide how a card continues.
    """

    def from_failure(self, failure: Failure, payload_converter: PayloadConverter) -> BaseException:
        """Read a failure. Raises PayloadUnsealed, which fails the workflow task: nothing happens until a person looks."""
        if failure.HasField("activity_failure_info") and _has_unsealed_cause(failure):
            raise PayloadUnsealed("a failure of an activity was not sealed")
        return super().from_failure(failure, payload_converter)


def _has_unsealed_cause(failure: Failure) -> bool:
    while failure.HasField("cause"):
        failure = failure.cause
        if failure.HasField("application_failure_info") and not failure.HasField("encoded_attributes"):
            return True
    return False


def data_converter(keyring: KeyRing) -> DataConverter:
    """Make the converter of every client and worker: sealed payloads, and failures whose messages are sealed too."""
    return DataConverter(
        payload_converter_class=DefaultPayloadConverter,
        failure_converter_class=SealedFailures,
        payload_codec=EncryptionCodec(keyring),
    )
