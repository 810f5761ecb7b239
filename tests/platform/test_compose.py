"""The arrangement beyond one machine, checked without Docker: every service, image, health check and variable."""

import http.server
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.local.ports import free
from bootstrap.local.postgres import major, wheel_programs
from bootstrap.party_keys import PARTIES
from bootstrap.settings import PROJECT_ROOT, Settings
from docker import healthy

TEXT = (PROJECT_ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text()
OPERATIONS = (PROJECT_ROOT / "docs" / "operations.md").read_text()

WEB = "${CARDLOOP_IMAGE:-cardloop}:${CARDLOOP_VERSION:-local}"
IMAGES = {
    "database": "postgres:18-alpine",
    "temporal-database": "postgres:18-alpine",
    "temporal-schema": "temporalio/admin-tools:1.29.1-tctl-1.18.4-cli-1.5.0",
    "temporal": "temporalio/server:1.29.1",
    "temporal-namespace": "temporalio/admin-tools:1.29.1-tctl-1.18.4-cli-1.5.0",
    "temporal-ui": "temporalio/ui:2.34.0",
    "migrate": WEB,
    "api": WEB,
    "console": WEB,
    "codec": WEB,
    "worker-cards": WEB,
    "worker-reading": "${CARDLOOP_IMAGE:-cardloop}-reader:${CARDLOOP_VERSION:-local}",
}
JOBS = {"temporal-schema", "temporal-namespace", "migrate"}
OURS = {name for name, image in IMAGES.items() if "CARDLOOP_IMAGE" in image}


def test_every_service_and_image_is_accounted_for() -> None:
    assert {name: service["image"] for name, service in SERVICES.items()} == IMAGES


def test_every_service_that_stays_has_a_health_check_and_every_job_ends() -> None:
    assert {name for name, service in SERVICES.items() if "healthcheck" not in service} == JOBS
    assert {SERVICES[name]["restart"] for name in JOBS} == {"on-failure"}


def test_nothing_starts_before_what_it_needs() -> None:
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            wanted = "service_completed_successfully" if needed in JOBS else "service_healthy"
            assert how["condition"] == wanted, f"{name} waits for {needed}"


def test_no_secret_has_a_default_and_every_required_variable_says_what_it_is() -> None:
    variables = re.findall(r"\$\{([A-Z_]+)(:[?-])([^}]*)\}", TEXT)
    assert len(variables) == len(re.findall(r"\$\{", TEXT)), "a variable without a default or an explanation"
    for name, kind, words in variables:
        if re.search("PASSWORD|SECRET|KEY|_URL", name):
            assert kind == ":?", f"{name} must have no default"
        assert kind == ":-" or len(words.split()) >= 3, f"{name} must say what it is"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\$\{([A-Z_]+)", TEXT))))
def test_every_variable_is_documented(name: str) -> None:
    assert f"`{name}`" in OPERATIONS


def test_our_processes_get_settings_that_exist() -> None:
    known = {f"CARDLOOP_{field.upper()}" for field in Settings.model_fields} | {"DATABASE_URL"}
    for name in OURS:
        assert set(SERVICES[name]["environment"]) <= known
    assert set(re.findall(r"CARDLOOP_[A-Z]+(?==)", DOCKERFILE)) <= known


def test_every_web_process_learns_whose_word_about_a_client_counts() -> None:
    for name in ("api", "console", "codec"):
        assert SERVICES[name]["environment"]["CARDLOOP_TRUSTED_PROXIES"].startswith("${CARDLOOP_TRUSTED_PROXIES:?")


def test_our_containers_hold_no_more_power_than_they_need() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name


KEYS = {
    "api": {"keyring.json", "outside/messages.json", "forms.secret", "alipay/alipay_public_key.pem"},
    "console": {"keyring.json", "forms.secret"},
    "codec": {"keyring.json"},
    "worker-cards": {
        "keyring.json",
        "alipay/app_private_key.pem",
        "alipay/alipay_public_key.pem",
        *(f"outside/{party}.json" for party in PARTIES),
    },
    "worker-reading": {"keyring.json"},
    "migrate": set(),
}


@pytest.mark.parametrize("name", sorted(OURS))
def test_each_container_is_given_only_the_keys_that_it_uses(name: str) -> None:
    mounted = [volume.split(":/keys/")[1] for volume in SERVICES[name].get("volumes", []) if ":/keys/" in volume]
    assert {path.removesuffix(":ro") for path in mounted} == KEYS[name]
    assert all(path.endswith(":ro") for path in mounted)


def test_only_the_worker_that_pays_has_the_key_that_pays() -> None:
    having = {
        name
        for name, service in SERVICES.items()
        if any("app_private_key" in one for one in service.get("volumes", []))
    }
    assert having == {"worker-cards"}


def test_temporal_is_reached_by_our_processes_and_its_page_alone() -> None:
    on = {name for name, service in SERVICES.items() if "temporal" in service["networks"]}
    assert on == {
        "temporal",
        "temporal-namespace",
        "temporal-ui",
        "migrate",
        "api",
        "console",
        "worker-cards",
        "worker-reading",
    }
    assert {name for name, service in SERVICES.items() if "temporal-store" in service["networks"]} == {
        "temporal", "temporal-database", "temporal-schema"
    }  # fmt: skip
    networks = yaml.safe_load(TEXT)["networks"]
    assert all(networks[name]["internal"] for name in ("inside", "temporal", "temporal-store"))
    assert SERVICES["temporal-ui"]["environment"]["TEMPORAL_DISABLE_WRITE_ACTIONS"] == "true"


def test_the_images_are_staged_and_run_as_nobody_special() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= set(stages)
    for stage in ("web", "reader"):
        body = DOCKERFILE.split(f" AS {stage}\n")[1].split("\nFROM ")[0]
        assert "USER cardloop" in body


def test_every_file_that_a_container_mounts_or_an_image_copies_is_there() -> None:
    mounted = re.findall(r"\./(docker/[a-z.-]+)", TEXT)
    copied = re.findall(r"^COPY (docker/\S+)", DOCKERFILE, re.MULTILINE)
    assert mounted
    assert copied
    for path in mounted + copied:
        assert (PROJECT_ROOT / path).is_file(), path


def test_workers_have_a_service_per_task_queue() -> None:
    from bootstrap.platform import WORKERS

    assert {name.removeprefix("worker-") for name in SERVICES if name.startswith("worker-")} == set(WORKERS)


def test_the_temporal_page_sends_the_session_and_the_codec_server_knows_where_the_page_is() -> None:
    page = SERVICES["temporal-ui"]["environment"]
    assert page["TEMPORAL_CODEC_INCLUDE_CREDENTIALS"] == "true"
    assert page["TEMPORAL_CODEC_PASS_ACCESS_TOKEN"] == "false"
    assert "CARDLOOP_TEMPORAL_UI_URL" in SERVICES["codec"]["environment"]


def test_the_images_lock_the_versions_that_tests_ran_with() -> None:
    tested = _pins(PROJECT_ROOT / "requirements.lock")
    for lock in ("web.lock", "reader.lock"):
        pins = _pins(PROJECT_ROOT / "docker" / lock)
        assert len(pins) > 20
        assert pins.items() <= tested.items(), f"run make lock: {lock} is out of date"
    assert "paddleocr" not in _pins(PROJECT_ROOT / "docker" / "web.lock")


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


class _Answers(http.server.BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_a_containers_health_is_its_programs_own_answer(
    status: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Answers, "status", status)
    with http.server.HTTPServer(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            assert healthy.main(server.server_port) == code
        finally:
            server.shutdown()
            thread.join()


def test_a_program_that_does_not_listen_is_not_healthy() -> None:
    assert healthy.main(free()) == 1


def test_compose_runs_the_major_version_that_we_embed() -> None:
    """A dump of one is restored into the other, in both directions."""
    images = {SERVICES[name]["image"] for name in ("database", "temporal-database")}
    assert images == {f"postgres:{major(wheel_programs())}-alpine"}
