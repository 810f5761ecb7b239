"""What only the machine knows: disks, the photo store, keys and certificates in each of their states."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bootstrap.measuring import certificate, disk, oldest_key, photos
from bootstrap.settings import Settings
from domain.ops.health import State

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


def a_certificate(ends: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "one.test")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    signed = made.not_valid_before(NOW - DAY).not_valid_after(ends).sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM)


def test_a_disk_is_measured_also_before_its_folder_is_made(tmp_path: Path) -> None:
    found = disk(tmp_path / "not" / "yet")
    assert found.value is not None
    assert 0 < found.value <= 10_000
    assert int(found.facts["free_bytes"]) > 0


def test_a_photo_store_that_cannot_be_written_is_broken(tmp_path: Path) -> None:
    assert photos(tmp_path).facts["writable"] == "yes"
    missing = photos(tmp_path / "gone")
    assert (missing.state, missing.facts["writable"]) == (State.BROKEN, "no")
    assert list(tmp_path.iterdir()) == []


def test_the_oldest_key_counts_and_copies_for_containers_do_not(tmp_path: Path) -> None:
    assert oldest_key(tmp_path).state is State.UNKNOWN
    old = time.time() - 500 * 86_400
    for name in ("keyring.json", "outside/fx.json", "containers/api/keyring.json"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    os.utime(tmp_path / "containers/api/keyring.json", (old, old))
    assert oldest_key(tmp_path).state is State.OK
    os.utime(tmp_path / "outside/fx.json", (old, old))
    found = oldest_key(tmp_path)
    assert (found.state, found.facts) == (State.ATTENTION, {"file": "outside/fx.json"})


@pytest.mark.parametrize(
    ("left", "state"), [(31 * DAY, State.OK), (29 * DAY, State.ATTENTION), (4 * DAY, State.BROKEN)]
)
def test_the_first_certificate_that_ends_counts(tmp_path: Path, left: timedelta, state: State) -> None:
    file = tmp_path / "client.pem"
    file.write_bytes(a_certificate(NOW + 300 * DAY))
    settings = Settings(
        home=tmp_path, temporal_tls_cert_file=file, public_console_url="https://console.one.test",
        public_api_url="https://one.test:8443",
    )  # fmt: skip
    asked: list[tuple[str, int]] = []

    def ask(host: str, port: int) -> str:
        asked.append((host, port))
        return a_certificate(NOW + (left if host == "one.test" else 90 * DAY)).decode()

    found = certificate(settings, NOW, ask)
    assert (found.state, found.facts) == (state, {"name": "one.test"})
    assert sorted(asked) == [("console.one.test", 443), ("one.test", 8443)]


def test_without_certificates_there_is_nothing_to_measure(tmp_path: Path) -> None:
    assert certificate(Settings(home=tmp_path), NOW).absent
