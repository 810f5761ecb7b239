"""How accepted photos are kept: sealed, once each, and known for what they are when they come back."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from cryptography.fernet import Fernet, InvalidToken
from PIL import Image

from domain.cards.reading import Box
from gateways.pictures.accept import accept
from gateways.pictures.store import PhotoDamaged, PhotoMissing, PhotoStore
from tests.gateways.drawn import card, encoded


@pytest.fixture
def store(tmp_path: Path) -> PhotoStore:
    cipher = Fernet(Fernet.generate_key())
    return PhotoStore(tmp_path, cipher.encrypt, cipher.decrypt)


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_a_photo_comes_back_as_it_was_and_lies_sealed(store: PhotoStore, tmp_path: Path) -> None:
    photo = accept(encoded(card()))
    digest = store.write(photo.jpeg)
    assert digest == photo.stored_sha256
    assert store.read(digest) == photo.jpeg
    [kept] = files(tmp_path)
    assert photo.jpeg[:64] not in kept.read_bytes()
    assert kept.stat().st_mode & 0o077 == 0


def test_the_same_photo_is_kept_once(store: PhotoStore, tmp_path: Path) -> None:
    jpeg = accept(encoded(card())).jpeg
    assert store.write(jpeg) == store.write(jpeg)
    assert len(files(tmp_path)) == 1


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def full(_: bytes) -> bytes:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        PhotoStore(tmp_path, full, full).write(b"photo")
    assert files(tmp_path) == []


def test_a_missing_a_foreign_and_a_changed_photo_are_distinguished(store: PhotoStore, tmp_path: Path) -> None:
    with pytest.raises(PhotoMissing):
        store.read("0" * 64)
    with pytest.raises(PhotoMissing):
        store.read("../../etc/passwd")
    digest = store.write(accept(encoded(card())).jpeg)
    [kept] = files(tmp_path)
    kept.write_bytes(b"tampered")
    with pytest.raises(InvalidToken):
        store.read(digest)


def test_another_photo_under_its_name_is_noticed(tmp_path: Path) -> None:
    plain = PhotoStore(tmp_path, bytes, bytes)
    digest = plain.write(b"first")
    files(tmp_path)[0].write_bytes(b"other")
    with pytest.raises(PhotoDamaged):
        plain.read(digest)


def test_a_field_is_cut_out_with_a_margin_and_never_outside_the_photo(store: PhotoStore) -> None:
    digest = store.write(accept(encoded(card())).jpeg)
    for box, size in (
        (Box(100, 100, 200, 40), (228, 68)),
        (Box(0, 0, 50, 20), (57, 27)),
        (Box(900, 900, 50, 20), (1, 1)),
    ):
        with Image.open(io.BytesIO(store.crop(digest, box))) as crop:
            assert crop.size == size


def test_a_thumbnail_is_small(store: PhotoStore) -> None:
    digest = store.write(accept(encoded(card())).jpeg)
    with Image.open(io.BytesIO(store.thumbnail(digest))) as thumbnail:
        assert thumbnail.size == (320, 200)


def test_an_erased_photo_is_gone_and_erasing_again_is_no_error(store: PhotoStore) -> None:
    digest = store.write(accept(encoded(card())).jpeg)
    store.erase(digest)
    store.erase(digest)
    with pytest.raises(PhotoMissing):
        store.read(digest)
