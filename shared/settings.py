"""What a process is told from outside: environment variables with the prefix `CXQ_`."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

from pydantic import BeforeValidator, Field, SecretStr, StringConstraints, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

CONTEXTS = ("registry", "issuance", "contracts", "redemption", "appraisal")
PORTS = {"registry": 8101, "issuance": 8102, "contracts": 8103, "redemption": 8104, "appraisal": 8105}

type DatabasePrefix = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]
"""Starts the names of databases and roles, which become part of SQL: nothing that would need quoting."""
type TopicPrefix = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class MeasuresSettings(BaseSettings):
    """Which rules are in force; this part of the configuration can be read without the rest of it."""

    model_config = SettingsConfigDict(env_prefix="CXQ_", frozen=True)

    measures_pack: str = "beijing-2023"
    measures_dir: Path | None = None
    """A folder with packs of rules besides those that come with the software: one folder each, named as the pack."""


class Settings(MeasuresSettings):
    """The whole configuration of a process; a wrong or missing value is said at the start, not later."""

    model_config = SettingsConfigDict(env_prefix="CXQ_", frozen=True)

    env: Literal["dev", "production"] = "production"
    state_dir: Path = Path(".cxq")
    """Where a development machine keeps its servers' data, keys and clock."""
    postgres_url: SecretStr = SecretStr("postgresql://127.0.0.1:5432")
    """The server: `postgresql://user:password@host:port`, no database. Migrations and rebuilds act as this user."""
    app_password: SecretStr = SecretStr("")
    """Password of the services' own roles, which may only append to the log. Empty is allowed in development only."""
    database_prefix: DatabasePrefix = "cxq"
    kafka_bootstrap: str = "127.0.0.1:9092"
    topic_prefix: TopicPrefix = "cxq"
    topic_partitions: int = 4
    topic_replication: int = 1
    jwks_url: str = ""
    """Where the keys of the token issuer are; in development empty means the local issuer's file under `state_dir`."""
    token_issuer: str = "https://auth.cxq.invalid"  # noqa: S105 (an address, not a secret)
    token_audience: str = "cxq"  # noqa: S105
    cursor_secret: SecretStr = SecretStr("")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    rate_burst: int = 1_000
    rate_per_second: float = 200.0
    """How many requests one principal, or one address without a token, may send at once and in the long run."""
    advertised_url: str = ""
    """Where other instances of the same service reach this one, as `http://host:port`; `cxq serve` fills it in."""
    movable_clock: bool = True
    """Whether development follows a clock that can be moved forward; outside development there is none to move."""
    background: bool = True
    """Whether a service that serves HTTP also does its background work; without it, `cxq worker` has to run beside."""
    documents_url: str = ""
    """Where evidence files lie: `s3://bucket/prefix`, `file:///folder`; empty means a folder under `state_dir`."""
    receipt_key_file: Annotated[Path | None, BeforeValidator(lambda said: said or None)] = None
    """Keys of the receipts of claims, in PEM: the first is private and signs, those after it are former ones that stay
    published. Only issuance needs it; in development None means a key of its own under `state_dir`."""
    challenge: Annotated[str, StringConstraints(pattern=r"^(none|proof-of-work|https?://[^\s/?#]+[^\s#]*)$")] = "none"
    """What keeps machines from a waiting room whose plan asks for a challenge: `none`, `proof-of-work`, or the address
    of an outside judge that is asked by POST with `secret`, `response` and `remoteip`."""
    challenge_bits: Annotated[int, Field(ge=1, le=40)] = 18
    """How many leading zero bits a proof of work needs: each doubles the work; 18 take a browser about a second."""
    challenge_secret: SecretStr = SecretStr("")
    """Our secret with the outside judge."""
    challenge_site_key: str = ""
    """Our public key with the outside judge, which `GET /v1/challenge` tells."""
    challenge_when_unreachable: Literal["closed", "open"] = "closed"
    """Whether people are let in while the outside judge does not answer."""
    trace_endpoint: Annotated[str, StringConstraints(pattern=r"^(|console|https?://[^\s/?#]+[^\s#]*)$")] = ""
    """Where finished spans go: `console`, the address at which a collector takes traces by OTLP over HTTP, such as
    `http://collector:4318/v1/traces`, or empty for nowhere."""

    @model_validator(mode="after")
    def _secrets_outside_development(self) -> "Settings":
        missing = [name for name in ("app_password", "cursor_secret") if not getattr(self, name).get_secret_value()]
        if self.env != "dev" and (missing or not self.jwks_url):
            names = ", ".join(f"CXQ_{name.upper()}" for name in [*missing, *([] if self.jwks_url else ["jwks_url"])])
            raise ValueError(f"set {names}; only CXQ_ENV=dev may go without")
        return self

    @model_validator(mode="after")
    def _secret_of_an_outside_judge(self) -> "Settings":
        if self.challenge.startswith("http") and not self.challenge_secret.get_secret_value():
            raise ValueError("set CXQ_CHALLENGE_SECRET: the judge that CXQ_CHALLENGE names knows us by it")
        return self

    def database_name(self, context: str) -> str:
        """Name a context's database, which is also the name of its role."""
        return f"{self.database_prefix}_{context}"

    def owner_url(self, context: str) -> str:
        """Say where a context's database is, as the user that migrates it (asyncpg's form)."""
        return f"{self.postgres_url.get_secret_value().rstrip('/')}/{self.database_name(context)}"

    def application_url(self, context: str) -> str:
        """Say where a context's database is, as the role the service runs under."""
        address = urlsplit(self.postgres_url.get_secret_value()).netloc.rpartition("@")[2]
        name = self.database_name(context)
        return f"postgresql://{name}:{quote(self.role_password(), safe='')}@{address}/{name}"

    def role_password(self) -> str:
        """Give the password of the services' own roles; development has one that everybody knows."""
        return self.app_password.get_secret_value() or "cxq-development"

    def topic(self, context: str) -> str:
        """Name the topic that carries a context's events."""
        return f"{self.topic_prefix}.{context}.v1"
