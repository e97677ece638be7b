"""A process says at its start what it lacks."""

from urllib.parse import unquote, urlsplit

import pytest
from pydantic import SecretStr, ValidationError

from shared.settings import CONTEXTS, PORTS, Settings

SECRETS = {"CXQ_APP_PASSWORD": "a", "CXQ_CURSOR_SECRET": "b", "CXQ_JWKS_URL": "https://keys.invalid/jwks.json"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment that says nothing."""
    for name in [f"CXQ_{field.upper()}" for field in Settings.model_fields]:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_development_needs_to_be_told_nothing_else(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CXQ_ENV", "dev")
    assert Settings().application_url("issuance") == (
        "postgresql://cxq_issuance:cxq-development@127.0.0.1:5432/cxq_issuance"
    )


def test_where_nobody_says_what_this_is_it_is_production(environment: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        environment.setenv(name, value)
    assert Settings().env == "production"


@pytest.mark.parametrize("missing", SECRETS)
def test_production_does_not_start_without_a_secret_and_names_it(environment: pytest.MonkeyPatch, missing: str) -> None:
    for name, value in SECRETS.items():
        if name != missing:
            environment.setenv(name, value)
    with pytest.raises(ValidationError, match=f"set {missing};"):
        Settings()


def test_all_missing_secrets_are_named_at_once() -> None:
    with pytest.raises(ValidationError, match="CXQ_APP_PASSWORD, CXQ_CURSOR_SECRET, CXQ_JWKS_URL"):
        Settings()


def test_secrets_are_not_shown() -> None:
    shown = repr(Settings(env="dev", app_password=SecretStr("canary"), cursor_secret=SecretStr("canary")))
    assert "canary" not in shown


@pytest.mark.parametrize("prefix", ["", "CXQ", "1cxq", 'c"; DROP ROLE x; --', "c" * 42, "cxq-x"])
def test_a_prefix_that_would_need_quoting_in_sql_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match="database_prefix"):
        Settings(env="dev", database_prefix=prefix)


def test_a_password_may_hold_anything() -> None:
    password = "it's:a/p@ss%20 \\word?#"
    settings = Settings(
        env="dev", app_password=SecretStr(password), postgres_url=SecretStr("postgresql://u:p%40@[::1]:6000")
    )
    parts = urlsplit(settings.application_url("registry"))
    assert (parts.username, unquote(parts.password or "")) == ("cxq_registry", password)
    assert (parts.hostname, parts.port, parts.path) == ("::1", 6000, "/cxq_registry")


def test_every_context_has_a_database_a_topic_and_a_port_of_its_own() -> None:
    settings = Settings(env="dev", database_prefix="a", topic_prefix="b", postgres_url=SecretStr("postgresql://h:1/"))
    assert {settings.owner_url(context) for context in CONTEXTS} == {f"postgresql://h:1/a_{c}" for c in CONTEXTS}
    assert settings.topic("issuance") == "b.issuance.v1"
    assert set(PORTS) == set(CONTEXTS)
    assert len(set(PORTS.values())) == len(CONTEXTS)
