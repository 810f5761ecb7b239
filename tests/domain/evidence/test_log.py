"""The Merkle log against another implementation, and against every forgery of a proof."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from domain.evidence import log
from domain.evidence.log import Node
from tests.builders.merkle import root_of

SIZE_MAX = 70
LEAVES = [f"leaf {number}".encode() for number in range(SIZE_MAX)]
HASHES = [log.leaf_hash(leaf) for leaf in LEAVES]
ROOTS = [root_of(HASHES[:size]) for size in range(SIZE_MAX + 1)]


def their_tree() -> Any:
    tree = InmemoryTree(algorithm="sha256")
    for leaf in LEAVES:
        tree.append_entry(leaf)
    return tree


def our_nodes() -> dict[Node, bytes]:
    nodes: dict[Node, bytes] = {}
    peaks: list[tuple[Node, bytes]] = []
    for index, leaf in enumerate(HASHES):
        nodes.update(log.grown(peaks, index, leaf))
    return nodes


THEIRS, NODES = their_tree(), our_nodes()


def inclusion_path(index: int, size: int) -> list[bytes]:
    return [log.hash_of(span, NODES) for span in log.inclusion_spans(index, size)]


def consistency_path(old: int, new: int) -> list[bytes]:
    return [log.hash_of(span, NODES) for span in log.consistency_spans(old, new)]


def test_the_root_of_every_size_is_that_of_the_oracle() -> None:
    assert [THEIRS.get_root(size) for size in range(1, SIZE_MAX + 1)] == ROOTS[1:]


def test_the_root_of_nothing_is_the_hash_of_nothing() -> None:
    assert ROOTS[0].hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_every_inclusion_proof_of_every_size_holds_and_has_the_oracles_path() -> None:
    for size in range(1, SIZE_MAX + 1):
        for index in range(size):
            path = inclusion_path(index, size)
            theirs = THEIRS.prove_inclusion(index + 1, size).path
            assert path == list(theirs[1:])  # Theirs begins with the leaf itself.
            assert log.inclusion_holds(HASHES[index], index, size, path, ROOTS[size])


def test_every_consistency_proof_between_any_two_sizes_holds() -> None:
    for new in range(1, SIZE_MAX + 1):
        for old in range(1, new + 1):
            assert log.consistency_holds(old, ROOTS[old], new, ROOTS[new], consistency_path(old, new))


pairs = st.integers(1, SIZE_MAX).flatmap(lambda new: st.tuples(st.integers(1, new), st.just(new)))


@given(pairs, st.data())
@settings(max_examples=300)
def test_no_inclusion_proof_holds_for_another_leaf_place_size_root_or_path(
    pair: tuple[int, int], data: st.DataObject
) -> None:
    index, size = pair[0] - 1, pair[1]
    path = inclusion_path(index, size)
    other = log.leaf_hash(b"forged")
    assert not log.inclusion_holds(other, index, size, path, ROOTS[size])
    assert not log.inclusion_holds(HASHES[index], index, size, path, other)
    assert not log.inclusion_holds(HASHES[index], index, size, [*path, other], ROOTS[size])
    assert not log.inclusion_holds(HASHES[index], size, size, path, ROOTS[size])
    assert not log.inclusion_holds(HASHES[index], -1, size, path, ROOTS[size])
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        assert not log.inclusion_holds(HASHES[index], index, size, path[:-1], ROOTS[size])
        forged = [other if place == changed else step for place, step in enumerate(path)]
        assert not log.inclusion_holds(HASHES[index], index, size, forged, ROOTS[size])
        place = data.draw(st.integers(0, size - 1).filter(lambda place: place != index))
        assert not log.inclusion_holds(HASHES[index], place, size, path, ROOTS[size])


@given(pairs, st.data())
@settings(max_examples=300)
def test_no_consistency_proof_hides_a_rewritten_past(pair: tuple[int, int], data: st.DataObject) -> None:
    old, new = pair
    path, other = consistency_path(old, new), log.leaf_hash(b"forged")
    assert not log.consistency_holds(old, other, new, ROOTS[new], path)
    assert not log.consistency_holds(old, ROOTS[old], new, other, path)
    assert not log.consistency_holds(old, ROOTS[old], new, ROOTS[new], [*path, other])
    assert not log.consistency_holds(new + 1, ROOTS[old], new, ROOTS[new], path)
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        forged = [other if place == changed else step for place, step in enumerate(path)]
        assert not log.consistency_holds(old, ROOTS[old], new, ROOTS[new], forged)
        assert not log.consistency_holds(old, ROOTS[old], new, ROOTS[new], path[:-1])


@given(st.integers(1, SIZE_MAX), st.integers(0, SIZE_MAX - 1))
def test_one_changed_leaf_changes_the_root(size: int, changed: int) -> None:
    leaves = [log.leaf_hash(b"forged") if index == changed else leaf for index, leaf in enumerate(HASHES[:size])]
    assert (root_of(leaves) == ROOTS[size]) == (changed >= size)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in the tree"):
        log.inclusion_spans(index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 3), (4, 3)])
def test_a_tree_is_not_consistent_with_an_earlier_one(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="later"):
        log.consistency_spans(old, new)


bodies = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(st.characters(codec="ascii"), max_size=5), bodies, max_size=4))
def test_a_body_read_back_has_the_same_canonical_spelling(body: dict[str, Any]) -> None:
    written = log.canonical(body)
    backwards = dict(reversed(json.loads(written).items()))
    assert log.canonical(backwards) == written


@pytest.mark.parametrize("body", [{"rate": 0.1}, {"键": "x"}, {"a": [{"b": 1.5}]}, {"a": b"x"}, {1: "x"}])
def test_fractions_and_other_keys_are_refused(body: Any) -> None:
    with pytest.raises(ValueError, match="evidence"):
        log.canonical(body)


def test_a_head_is_signed_as_four_lines_of_text() -> None:
    assert log.head_message(3, "2026-11-01T00:00:00+00:00", b"\xab\xcd") == (
        b"cardloop-evidence-head-v1\n3\n2026-11-01T00:00:00+00:00\nabcd\n"
    )
