"""What a simulator remembers, and that asking for nothing costs nothing."""

from __future__ import annotations

from pathlib import Path

from simulators.store import Store


def test_a_kind_that_is_known_to_be_empty_is_not_asked_for_until_something_is_written(tmp_path: Path) -> None:
    store, other = Store(tmp_path / "state.db", "alipay"), Store(tmp_path / "state.db", "outlet")
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)
    assert [store.newest_first("dealing") for _ in range(20)] == [[]] * 20
    assert len(asked) == 1
    other.put("dealing", "theirs", {"n": 0})
    assert store.newest_first("dealing") == []
    for number in (1, 2):
        store.put("dealing", f"key-{number}", {"n": number})
    assert store.newest_first("dealing") == [{"n": 2}, {"n": 1}]
    store.delete("dealing", "key-2")
    assert store.newest_first("dealing") == [{"n": 1}]
    store.clear()
    assert store.newest_first("dealing") == []
    store.put("dealing", "key-3", {"n": 3})
    assert store.newest_first("dealing") == [{"n": 3}]
    assert Store(tmp_path / "state.db", "alipay").newest_first("dealing") == [{"n": 3}], "a restart forgets nothing"
