"""The Merkle log as RFC 9162 defines it, pure: leaves, roots, and proofs for a verifier who trusts neither.

Our own on purpose: it runs inside our transactions and is checked against a library in the tests. Hashes are SHA-256, 32 bytes. A subtree is named by `(level, position)`: level 0 is a leaf, positions count from the left.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Node = tuple[int, int]  # level, position
Span = tuple[int, int]  # first leaf, one past the last leaf

EMPTY_ROOT = hashlib.sha256(b"").digest()
HEAD_FORMAT = "cardloop-evidence-head-v1"


@dataclass(frozen=True)
class TreeHead:
    """A signed statement: at `size` leaves the root was `root`, said at `at` (ISO 8601, UTC) under the key `key_id`."""

    size: int
    root: bytes
    at: str
    signature: bytes
    key_id: str

    def message(self) -> bytes:
        """Return the bytes that are signed."""
        return head_message(self.size, self.at, self.root)


@dataclass(frozen=True)
class InclusionProof:
    """Proof that a leaf is at `index` in the tree of `head`: `path` from the leaf's sibling up to the root."""

    leaf_hash: bytes
    index: int
    path: tuple[bytes, ...]
    head: TreeHead

    def holds(self) -> bool:
        """Return whether the path leads from the leaf to the head's root (the head's signature is verified apart)."""
        return inclusion_holds(self.leaf_hash, self.index, self.head.size, self.path, self.head.root)


def canonical(body: Mapping[str, Any]) -> bytes:
    """One spelling of a JSON object: ASCII keys sorted, no spaces, UTF-8. Raises ValueError for a fraction or another kind of key.

    This is RFC 8785 restricted to strings, integers, booleans, null, arrays and objects, so that no reader has to agree on
    how a fraction is written.
    """
    _check_json(body)
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of a leaf's content."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node above two subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def head_message(size: int, at: str, root: bytes) -> bytes:
    """Return what is signed for a tree head: four lines of text, so that anyone can write it down again."""
    return f"{HEAD_FORMAT}\n{size}\n{at}\n{root.hex()}\n".encode()


def grown(peaks: list[tuple[Node, bytes]], index: int, leaf: bytes) -> Iterator[tuple[Node, bytes]]:
    """Appends the leaf hash with number `index` to a tree's peaks (in place) and yields every subtree that became full."""
    node, value = (0, index), leaf
    yield node, value
    while node[1] % 2 == 1:
        (level, position), left = peaks.pop()
        node, value = (level + 1, position // 2), node_hash(left, value)
        yield node, value
    peaks.append((node, value))


def peaks_of(size: int) -> list[Node]:
    """List the full subtrees that a tree of `size` leaves is made of, from the left."""
    return nodes_of((0, size))


def nodes_of(span: Span) -> list[Node]:
    """List the full subtrees that cover a span whose start is aligned as the spans of a tree are."""
    start, end = span
    nodes: list[Node] = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def folded(peaks: Iterable[bytes]) -> bytes:
    """Return the hash above peaks given from the left."""
    above: bytes | None = None
    for peak in reversed(list(peaks)):
        above = peak if above is None else node_hash(peak, above)
    return EMPTY_ROOT if above is None else above


def hash_of(span: Span, nodes: Mapping[Node, bytes]) -> bytes:
    """Return the hash of a span, given at least the nodes that `nodes_of` names for it."""
    return folded(nodes[node] for node in nodes_of(span))


def inclusion_spans(index: int, size: int) -> list[Span]:
    """List the spans whose hashes prove leaf `index` in a tree of `size` leaves, lowest first. Raises ValueError outside the tree."""
    if not 0 <= index < size:
        raise ValueError("the leaf is not in the tree")
    start, end, spans = 0, size, list[Span]()
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def consistency_spans(old: int, new: int) -> list[Span]:
    """List the spans whose hashes prove that the tree of `old` leaves is the beginning of the tree of `new`. Raises ValueError."""
    if not 0 < old <= new:
        raise ValueError("a tree is only consistent with a later one")
    start, end, whole, spans = 0, new, True, list[Span]()
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start, whole = middle, False
    if not whole:
        spans.append((start, end))
    return spans[::-1]


def inclusion_holds(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Verifies an inclusion proof as RFC 9162 section 2.1.3.2 does."""
    if not 0 <= index < size:
        return False
    place, last, value = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            value = node_hash(sibling, value)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            value = node_hash(value, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and value == root


def consistency_holds(old: int, old_root: bytes, new: int, new_root: bytes, path: Sequence[bytes]) -> bool:
    """Verifies a consistency proof as RFC 9162 section 2.1.4.2 does; equal sizes need equal roots and no path."""
    if not 0 < old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    steps = list(path) if old & (old - 1) else [old_root, *path]
    return bool(steps) and _consistent(old - 1, new - 1, steps) == (old_root, new_root)


def _consistent(place: int, last: int, steps: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """The two roots that a consistency path leads to, or None when it has the wrong length."""
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return None
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return (old, new) if last == 0 else None


def _split(count: int) -> int:
    """The largest power of two smaller than `count` (which is at least 2)."""
    return 1 << (count - 1).bit_length() - 1


def _check_json(value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise ValueError("a key of evidence is ASCII text")
            _check_json(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check_json(inner)
    elif not (value is None or isinstance(value, str | int)):
        raise ValueError("evidence holds text, integers, booleans, null, arrays and objects only")
