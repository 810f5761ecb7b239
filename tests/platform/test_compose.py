"""The arrangement beyond one machine, checked without Docker: every service, image, health check and variable."""

import http.server
import re
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.container_keys import CONTAINERS
from bootstrap.local.ports import free
from bootstrap.local.postgres import major, wheel_programs
from bootstrap.settings import PROJECT_ROOT, Settings
from bootstrap.telemetry.listener import STEPS
from docker import healthy, without_docker
from tests.faults import temporal_upgrade

TEXT = (PROJECT_ROOT / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text()
OPERATIONS = (PROJECT_ROOT / "docs" / "operations.md").read_text()

WEB = "${CARDLOOP_IMAGE:-cardloop}:${CARDLOOP_VERSION:-local}"
POSTGRES = "postgres:18.4-alpine"
ADMIN_TOOLS = "temporalio/admin-tools:1.32.0"
IMAGES = {
    "database": POSTGRES,
    "temporal-database": POSTGRES,
    "temporal-schema": ADMIN_TOOLS,
    "temporal": "temporalio/server:1.32.0",
    "temporal-namespace": ADMIN_TOOLS,
    "temporal-ui": "temporalio/ui:2.54.1",
    "migrate": WEB,
    "api": WEB,
    "console": WEB,
    "codec": WEB,
    "worker-cards": WEB,
    "worker-reading": "${CARDLOOP_IMAGE:-cardloop}-reader:${CARDLOOP_VERSION:-local}",
    "prometheus": "prom/prometheus:v3.13.0",
    "grafana": "grafana/grafana:13.1.0",
}
JOBS = {"temporal-schema", "temporal-namespace", "migrate"}
OURS = {name for name, image in IMAGES.items() if "CARDLOOP_IMAGE" in image}


def test_every_service_and_image_is_accounted_for() -> None:
    assert {name: service["image"].split("@")[0] for name, service in SERVICES.items()} == IMAGES


UPGRADES = {path.stem: path.read_text() for path in sorted((PROJECT_ROOT / "docker" / "upgrade").glob("*.yml"))}
OTHERS_IMAGES = sorted(
    {service["image"] for service in SERVICES.values() if "CARDLOOP_IMAGE" not in service["image"]}
    | {service["image"] for text in UPGRADES.values() for service in yaml.safe_load(text)["services"].values()}
    | {
        image
        for image in re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
        if image not in re.findall(r" AS (\S+)$", DOCKERFILE, re.MULTILINE)
    }
)


def not_exact(image: str) -> str | None:
    """What an image's name lacks: an exact version in its tag (PostgreSQL's has two numbers), or the digest."""
    named, _, digest = image.partition("@")
    name, _, tag = named.partition(":")
    version = r"\d+\.\d+" if name == "postgres" else r"v?\d+\.\d+\.\d+"
    if not re.fullmatch(rf"{version}(-[a-z0-9.-]+)?", tag):
        return "version"
    return None if re.fullmatch(r"sha256:[0-9a-f]{64}", digest) else "digest"


@pytest.mark.parametrize("image", OTHERS_IMAGES)
def test_every_image_of_others_has_an_exact_version_and_a_digest(image: str) -> None:
    assert not_exact(image) is None


@pytest.mark.parametrize(
    ("image", "lacks"),
    [
        (f"postgres:18-alpine@sha256:{'0' * 64}", "version"),
        (f"node:22-bookworm-slim@sha256:{'0' * 64}", "version"),
        (f"temporalio/ui:latest@sha256:{'0' * 64}", "version"),
        (f"temporalio/ui@sha256:{'0' * 64}", "version"),
        ("postgres:18.4-alpine", "digest"),
        ("python:3.11.16-slim-bookworm@sha256:0123", "digest"),
    ],
)
def test_an_image_without_an_exact_version_or_a_digest_is_refused(image: str, lacks: str) -> None:
    assert not_exact(image) == lacks


def test_no_tag_has_two_digests() -> None:
    """Renewing one of two mentions of an image is renewing neither."""
    tags = [image.split("@")[0] for image in OTHERS_IMAGES]
    assert len(tags) == len(set(tags))


def test_temporal_moves_by_one_minor_version_at_a_time() -> None:
    """Each stop of docs/operations.md has its images, the proof goes through the same ones, and the last is Compose's."""
    stops = [
        {
            name: service["image"].split("@")[0].split(":")[1]
            for name, service in yaml.safe_load(text)["services"].items()
        }
        for text in UPGRADES.values()
    ]
    assert all(stop["temporal"] == stop["temporal-schema"] for stop in stops)
    assert tuple(stop["temporal"] for stop in stops) == temporal_upgrade.BETWEEN
    minors = [int(version.split(".")[1]) for version in temporal_upgrade.versions()]
    assert minors == list(range(minors[0], minors[0] + len(minors)))
    assert temporal_upgrade.versions()[-1] == IMAGES["temporal"].split(":")[1] == ADMIN_TOOLS.split(":")[1]
    assert all(f"docker/upgrade/{name}.yml" in OPERATIONS for name in UPGRADES)


def test_temporals_server_is_given_the_file_without_which_it_does_not_start() -> None:
    server = SERVICES["temporal"]
    (mounted,) = server["volumes"]
    source, inside, _ = mounted.split(":")
    assert server["environment"]["DYNAMIC_CONFIG_FILE_PATH"] == inside
    assert yaml.safe_load((PROJECT_ROOT / source).read_text()) == {}


def test_the_arrangement_without_docker_gives_the_server_what_compose_gives_it(tmp_path: Path) -> None:
    arrangement = without_docker.arrange(Settings(home=tmp_path), without_docker.compose_version())
    given, composed = without_docker.server_environment(arrangement), SERVICES["temporal"]["environment"]
    moved = {"POSTGRES_SEEDS", "DB_PORT", "POSTGRES_PWD", "BIND_ON_IP", "DYNAMIC_CONFIG_FILE_PATH"}
    assert {name: given[name] for name in composed if name not in moved} == {
        name: value for name, value in composed.items() if name not in moved
    }
    assert all(isinstance(value, str) for value in given.values())
    assert given["POSTGRES_PWD"] == arrangement.sql_password
    assert arrangement.programs.name == IMAGES["temporal"].split(":")[1]


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
        unset = (
            name.startswith("CARDLOOP_WECHAT_") and words == ""
        )  # A way of paying that an installation may leave out.
        if re.search("PASSWORD|SECRET|KEY|_URL", name) and not unset:
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


def test_web_processes_know_trusted_proxies() -> None:
    for name in ("api", "console", "codec"):
        assert SERVICES[name]["environment"]["CARDLOOP_TRUSTED_PROXIES"].startswith("${CARDLOOP_TRUSTED_PROXIES:?")


def test_our_containers_hold_no_more_power_than_they_need() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name


def keys_folder(name: str) -> dict[str, Any] | None:
    """What is mounted where a container reads its keys."""
    mounted = [one for one in SERVICES[name].get("volumes", []) if isinstance(one, dict)]
    assert not any("/keys" in one for one in SERVICES[name].get("volumes", []) if isinstance(one, str)), (
        "a file of keys"
    )
    return mounted[0] if mounted else None


@pytest.mark.parametrize("name", sorted(CONTAINERS))
def test_each_container_is_given_its_own_folder_of_keys_and_nothing_else(name: str) -> None:
    assert keys_folder(name) == {
        "type": "bind",
        "source": "${CARDLOOP_KEYS_DIR:?folder of the key files, after cardloop keys hand-out}/containers/" + name,
        "target": "/keys",
        "read_only": True,
        "bind": {"create_host_path": False},
    }


def test_no_other_container_has_keys() -> None:
    assert {name for name in SERVICES if keys_folder(name)} == set(CONTAINERS)
    assert SERVICES["migrate"]["environment"]["CARDLOOP_KEYS_DIR"] == "/keys"


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


def test_metrics_are_reached_by_prometheus_alone_and_only_where_a_person_asks_for_it() -> None:
    on = {name for name, service in SERVICES.items() if "metrics" in service["networks"]}
    assert on == OURS | {"prometheus", "grafana"}
    assert yaml.safe_load(TEXT)["networks"]["metrics"]["internal"]
    assert {name for name, service in SERVICES.items() if service.get("profiles")} == {"prometheus", "grafana"}
    assert {SERVICES[name]["profiles"][0] for name in ("prometheus", "grafana")} == {"observability"}
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert [port for port in published if re.search(r":(94\d\d|9090)$", port)] == []
    assert [port for port in SERVICES["grafana"]["ports"] if not port.startswith("127.0.0.1:")] == []


def test_prometheus_asks_each_of_our_containers_at_its_own_port() -> None:
    scraped = yaml.safe_load((PROJECT_ROOT / "docker/observability/prometheus.yml").read_text())["scrape_configs"]
    first = int(SERVICES["api"]["environment"]["CARDLOOP_METRICS_PORT"])
    found = {one["job_name"]: one["dns_sd_configs"][0] for one in scraped}
    assert {name: (one["names"], one["port"] - first) for name, one in found.items()} == {
        name if name in SERVICES else f"worker-{name}": ([name if name in SERVICES else f"worker-{name}"], step)
        for name, step in STEPS.items()
    }


def test_the_images_are_staged_and_run_as_nobody_special() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= set(stages)
    for stage in ("web", "reader"):
        body = DOCKERFILE.split(f" AS {stage}\n")[1].split("\nFROM ")[0]
        assert "USER cardloop" in body


def test_every_file_that_a_container_mounts_or_an_image_copies_is_there() -> None:
    mounted = re.findall(r"\./(docker/[a-z./-]+)", TEXT)
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
        self.send_response(self.status if self.path == "/readyz" else 404)
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
    (image,) = {SERVICES[name]["image"] for name in ("database", "temporal-database")}
    assert image.startswith(f"postgres:{major(wheel_programs())}.")
