"""Every setting of the platform, read once from CARDLOOP_* variables before the first card moves."""

import hashlib
import tempfile
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AliasChoices, Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from bootstrap.mail_settings import MailSettings, SupportMailSettings
from bootstrap.sign_in_settings import SignInSettings
from domain.finance.rails import Rail
from ocr.choices import EngineChoice

PROJECT_ROOT = Path(__file__).resolve().parents[1]
_SOCKET_PATH_BYTES_MAX = 100  # Linux refuses a unix socket whose whole path is longer than 107 bytes.
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "0.0.0.0"})  # noqa: S104  # Compared with, never listened on.
Port = Annotated[int, Field(ge=1, le=65535)]


class TemporalSettings(BaseSettings):
    """Which Temporal server to use; without an address set-up finds the CLI and start-up runs a dev server."""

    temporal_cli: Path | None = Field(None, description="Path of a Temporal CLI to use instead of looking for one.")
    temporal_address: str | None = Field(
        None, description="host:port of an external Temporal server; unset starts the dev server of the CLI."
    )
    temporal_namespace: str = Field("default", description="Temporal namespace that holds the card workflows.")
    temporal_tls: bool = Field(False, description="Speak TLS to the external Temporal server.")
    temporal_tls_ca_file: Path | None = Field(
        None, description="PEM file of the authority that signed its certificate."
    )
    temporal_tls_cert_file: Path | None = Field(None, description="PEM file of the client certificate for mutual TLS.")
    temporal_tls_key_file: Path | None = Field(None, description="PEM file of the key of that client certificate.")
    temporal_api_key: SecretStr | None = Field(None, description="API key for Temporal Cloud; implies TLS.")
    temporal_port: Port = Field(7233, description="Port of the dev server, on 127.0.0.1.")
    temporal_ui_port: Port = Field(8233, description="Port of the dev server's web page, on 127.0.0.1.")
    temporal_ui_url: HttpUrl | None = Field(
        None,
        description="Address of the Temporal page, which alone may ask the codec server; unset means host and temporal_ui_port.",
    )


class AddressSettings(BaseSettings):
    """Where our own programs listen."""

    host: str = Field("127.0.0.1", description="Address that our HTTP programs listen on.")
    api_port: Port = Field(8000, description="Port of the public API and the seller pages.")
    console_port: Port = Field(8001, description="Port of the reviewers' console.")
    codec_port: Port = Field(8002, description="Port of the codec server that decrypts for the Temporal page.")
    public_api_url: HttpUrl | None = Field(
        None, description="Address under which sellers and providers reach the API; unset means host and api_port."
    )
    public_console_url: HttpUrl | None = Field(
        None, description="Address under which staff reach the console; unset means host and console_port."
    )
    trusted_proxies: str | None = Field(
        None,
        description="IP addresses or networks, comma between, whose X-Forwarded-For and -Proto are trusted; unset: none.",
    )
    cookies_secure: bool = Field(False, description="Send cookies over HTTPS only; set it wherever TLS is in front.")

    metrics_port: Annotated[int, Field(ge=1, le=65531)] | None = Field(
        None,
        description="First port of the processes' metrics for Prometheus: API, console +1, codec +2, card worker +3, reader +4; unset: none.",
    )
    metrics_host: str = Field("127.0.0.1", description="Address that metrics are given on; never the public one.")

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _networks(cls, proxies: str | None) -> str | None:
        """Refuse a name or `*`: clients could choose the address that limits count them by."""
        for proxy in proxies.split(",") if proxies else ():
            ip_network(proxy.strip())
        return proxies


class OutsideSettings(BaseSettings):
    """The outside systems; each default is our simulator of it on this machine."""

    issuer_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8100"), description="Card issuers' API.")
    pos_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8101"), description="Store point-of-sale checks.")
    outlet_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8102"), description="Local partner outlets.")
    alipay_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8103"), description="Alipay open-platform gateway.")
    alipay_app_id: str = Field("cardloop-demo", description="App id under which Alipay knows this platform.")
    wechat_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8106"), description="WeChat Pay's API.")
    wechat_merchant_id: str = Field("1900000109", description="Merchant number at WeChat Pay.")
    wechat_app_id: str = Field("wxd678efh567hg6787", description="App id at WeChat whose users are paid (openid).")
    wechat_serial: str = Field(
        "5157F09EFDC096DE15EBE81A47057A7232F1B8E1", description="Serial number of our certificate at WeChat Pay."
    )
    wechat_key_id: str = Field(
        "PUB_KEY_ID_0119000001092026112900000000000000", description="Id of WeChat Pay's public key."
    )
    wechat_scene: str = Field(
        "1010=回收商品名称:礼品卡",
        description="Approved transfer scene and its reports: ID=KIND:TEXT;KIND:TEXT.",
    )
    wechat_confirm_url: str | None = Field(
        None, description="Address that opens a transfer's confirmation in WeChat; the package is put at its end."
    )
    bank_url: HttpUrl = Field(
        HttpUrl("http://127.0.0.1:8107"), description="The demo's bank, which takes files by its page."
    )
    bank_formats: Path = Field(
        Path(__file__).resolve().parents[1] / "samples" / "banks",
        description="Folder of the described formats of banks (JSON).",
    )
    rails: str | None = Field(
        None,
        description="Ways of paying that sellers may choose, comma between: alipay, wechat, bank; unset: all in a demo, else alipay.",
    )
    issuer_calls_per_second: float = Field(
        50.0, gt=0, description="Most activities a second on each issuer's task queue, over all workers."
    )
    outside_calls_per_second: float = Field(
        50.0,
        gt=0,
        description="Most activities a second on the task queue of outlets, of the exchange desk and of the payment gateway each, over all workers.",
    )
    fx_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8104"), description="Exchange rates.")
    messages_url: HttpUrl = Field(HttpUrl("http://127.0.0.1:8105"), description="Text-message gateway.")
    webhooks_to_private_addresses: bool = Field(
        False,
        description="Deliver webhooks also over http and into private networks; only where partners are tried out.",
    )
    simulators: bool = Field(True, description="Start the simulators beside the platform.")
    simulators_seed: int = Field(20240501, description="Seed of everything random in the simulators.")
    demo: bool = Field(True, description="Make demo people, outlets and stock at the first start.")


class Settings(SignInSettings, TemporalSettings, AddressSettings, OutsideSettings, MailSettings, SupportMailSettings):
    """All settings; paths and URLs that follow from others are properties.

    Raises pydantic.ValidationError, naming the variable, when a value cannot be read.
    """

    model_config = SettingsConfigDict(env_prefix="CARDLOOP_", env_ignore_empty=True, extra="ignore", frozen=True)

    home: Path = Field(PROJECT_ROOT / ".cardloop", description="Folder of everything that is kept: caches and state.")
    database_url: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("DATABASE_URL", "CARDLOOP_DATABASE_URL"),
        description="postgresql:// URL of a PostgreSQL to use (DATABASE_URL too); unset starts the embedded one.",
    )
    database_connections: int = Field(10, ge=1, description="Most PostgreSQL connections of each process.")
    workflows_cached: int = Field(2_000, ge=0, description="Waiting cards that a worker keeps in memory.")
    readings_at_once: int | None = Field(
        None,
        ge=1,
        description="Photos that one reader reads at the same time, each in a process of its own with 600 MB; unset: one for each processor, beyond four one for each two.",
    )
    reader_engine: EngineChoice = Field(
        EngineChoice.SMALL,
        description="Engine that finds print on photos: pp-ocrv6-small, pp-ocrv6-tiny, pp-ocrv6-medium, rapidocr, tesseract.",
    )
    reader_weights: Path | None = Field(
        None,
        description="Folder of PP-OCRv6 weights to use (docs/reading.md); unset: those of the installed package, else PaddleOCR fetches them.",
    )
    reader_calibrations: Path | None = Field(
        None,
        description="Folder of tables by `python -m photo_set calibrate` for other engines and weights (docs/reading.md); an engine without one is never trusted without a person.",
    )
    reader_shadow_engine: EngineChoice | None = Field(
        None,
        description="Engine of a second reader, in a process of its own; it reads the share of photos that the policy of reading names, and decides nothing; unset: none.",
    )
    keys_dir: Path | None = Field(None, description="Folder of the key ring; unset means state/keys under home.")
    photos_dir: Path | None = Field(None, description="Folder of card photos; unset means state/photos under home.")
    log_level: str = Field("INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level that is logged.")
    otlp_endpoint: HttpUrl | None = Field(
        None,
        validation_alias=AliasChoices("CARDLOOP_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="OpenTelemetry collector that takes traces by OTLP over HTTP (OTEL_EXPORTER_OTLP_ENDPOINT too); unset: nothing is traced.",
    )
    trace_share: float = Field(1.0, ge=0, le=1, description="Share of requests and starts that are traced, 0 to 1.")
    log_format: Literal["json", "text"] = Field(
        "json", description="How a line is logged: json, or text to read by eye."
    )
    bench_short: bool = Field(False, description="Benchmarks take their short form, as the checks on a commit do.")
    test_database_url: SecretStr | None = Field(
        None, description="PostgreSQL server on which tests make their databases; unset starts an embedded one."
    )

    @field_validator("rails", mode="after")
    @classmethod
    def _known_rails(cls, rails: str | None) -> str | None:
        for one in rails.split(",") if rails else ():
            Rail(one.strip())
        return rails

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, home: Path) -> Path:
        return home.expanduser().resolve()

    @property
    def cache_dir(self) -> Path:
        """What can be fetched or built again: the Temporal CLI, OCR weights, test server."""
        return self.home / "cache"

    @property
    def state_dir(self) -> Path:
        """What must not be lost: database, Temporal's file, photos, keys; also logs."""
        return self.home / "state"

    @property
    def logs_dir(self) -> Path:
        """One NAME.log per process."""
        return self.state_dir / "logs"

    @property
    def keys(self) -> Path:
        """Folder of the key ring."""
        return self.keys_dir or self.state_dir / "keys"

    @property
    def outside_keys(self) -> Path:
        """Folder of the keys with which we sign to each outside system."""
        return self.keys / "outside"

    @property
    def shared_secret_file(self) -> Path:
        """The one secret that served all outside systems before each had a key of its own."""
        return self.keys / "outside.secret"

    @property
    def alipay_keys(self) -> Path:
        """Folder of the PEM keys with which we and Alipay sign to each other."""
        return self.keys / "alipay"

    @property
    def wechat_keys(self) -> Path:
        """Folder of the keys with which we and WeChat Pay sign to each other."""
        return self.keys / "wechat"

    @property
    def confirm_url(self) -> str:
        """What opens a transfer's confirmation in WeChat, the package put at its end; in a demo the simulator's page."""
        simulated = f"{str(self.wechat_url).rstrip('/')}/confirm?package=" if self.demo and self.simulators else ""
        return self.wechat_confirm_url or simulated

    @property
    def offered_rails(self) -> tuple[Rail, ...]:
        """The ways of paying that sellers may choose, in the order of the enum. Alipay is always one of them."""
        named = [one.strip() for one in self.rails.split(",")] if self.rails else [*Rail] if self.demo else []
        return tuple(rail for rail in Rail if rail is Rail.ALIPAY or rail in named)

    @property
    def photos(self) -> Path:
        """Folder of card photos, outside every web root."""
        return self.photos_dir or self.state_dir / "photos"

    @property
    def ocr_models_dir(self) -> Path:
        """Where set-up lays the reader's weights."""
        return self.cache_dir / "ocr"

    @property
    def demo_secrets_file(self) -> Path:
        """JSON of the demo logins, made at the first start with fresh secrets, readable by its owner only."""
        return self.state_dir / "demo-secrets.json"

    @property
    def postgres_dir(self) -> Path:
        """Data folder of the embedded PostgreSQL."""
        return self.state_dir / "postgres"

    @cached_property
    def postgres_socket_dir(self) -> Path:
        """Folder of the embedded server's socket: beside the data, or short and temporary when that is too long."""
        beside = self.state_dir / "run"
        if len(str(beside / ".s.PGSQL.5432").encode()) <= _SOCKET_PATH_BYTES_MAX:
            return beside
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"cardloop-{digest}"

    @property
    def embedded_postgres(self) -> bool:
        """Whether start-up runs its own PostgreSQL."""
        return self.database_url is None

    @property
    def sqlalchemy_url(self) -> str:
        """The database for SQLAlchemy's asyncpg driver; a secret whenever DATABASE_URL holds a password."""
        if self.database_url is not None:
            return with_driver(self.database_url.get_secret_value())
        return f"postgresql+asyncpg://postgres@/cardloop?host={quote(str(self.postgres_socket_dir))}"

    @property
    def embedded_temporal(self) -> bool:
        """Whether start-up runs the dev server."""
        return self.temporal_address is None

    @property
    def temporal_target(self) -> str:
        """host:port that clients connect to."""
        return self.temporal_address or f"127.0.0.1:{self.temporal_port}"

    @property
    def temporal_ui_origins(self) -> tuple[str, ...]:
        """Origins (scheme, host, port) under which browsers have the Temporal page; on this machine both its names."""
        if self.temporal_ui_url is not None:
            return (_origin(self.temporal_ui_url),)
        hosts = dict.fromkeys((self.host, *(("127.0.0.1", "localhost") if self.host in _LOOPBACK else ())))
        return tuple(f"http://{host}:{self.temporal_ui_port}" for host in hosts)

    @property
    def api_url(self) -> str:
        """Public address of the API and seller pages, without a slash at the end."""
        return _without_slash(self.public_api_url, self.host, self.api_port)

    @property
    def console_url(self) -> str:
        """Public address of the console, without a slash at the end."""
        return _without_slash(self.public_console_url, self.host, self.console_port)

    @property
    def codec_url(self) -> str:
        """Address that the Temporal page asks to decrypt."""
        return f"http://{self.host}:{self.codec_port}"


def with_driver(url: str) -> str:
    """Name the asyncpg driver in a postgres:// or postgresql:// URL; leave any other driver's name as it is."""
    scheme, separator, rest = url.partition("://")
    return f"postgresql+asyncpg{separator}{rest}" if scheme in ("postgres", "postgresql") else url


def _origin(url: HttpUrl) -> str:
    """As browsers write it: no path, and no port that the scheme implies."""
    implied = {"http": 80, "https": 443}[url.scheme]
    return f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port != implied else "")


def _without_slash(public: HttpUrl | None, host: str, port: int) -> str:
    return str(public).rstrip("/") if public else f"http://{host}:{port}"
