"""The root of a whole tree, computed from its leaves by the log's own steps."""

from __future__ import annotations

from collections.abc import Sequence

from domain.evidence.log import Node, folded, grown


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Compute the root over leaf hashes; of no leaf it is the hash of nothing."""
    peaks: list[tuple[Node, bytes]] = []
    for index, leaf in enumerate(leaves):
        for _ in grown(peaks, index, leaf):
            pass
    return folded(peak for _, peak in peaks)
