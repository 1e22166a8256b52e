"""``tieline.yaml``: what to connect, what to run, how much may be written. Every mistake is named with its line.

Secrets are never written there: credentials are ``env:NAME`` or ``file:PATH`` and are read when a connection is made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import msgspec
from pydantic import BaseModel, ConfigDict, Field, field_validator

from sync.adoption_config import AdoptionConfig, adoption_problems, baseline_settings
from sync.connection_config import (
    PLAIN_CREDENTIALS,
    ConnectionConfig,
    connection_problems,
    credentials_of,
    variant_of,
)
from sync.core.addresses import passwords_in_url
from sync.core.baseline import JOB as BASELINE
from sync.core.brakes import Limits
from sync.core.errors import ConfigError, Problem
from sync.core.ports import ConnectionSettings
from sync.core.values import Language
from sync.job_settings import job_settings
from sync.mapping.validation import nearest, validated
from sync.mapping.yaml import Node, load
from sync.registry import connectors_by_name
from sync.remote import keep_secret


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LimitsConfig(_Model):
    """The brakes on writing; see docs/trust.md."""

    max_changes: int = Field(200, ge=0)
    max_share: float = Field(0.5, ge=0, le=1)
    share_from: int = Field(30, ge=1)
    max_first_run_changes: int = Field(0, ge=0)


class ServeConfig(_Model):
    """The long-lived service: where it listens, and every how many minutes it runs a cycle."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    every_minutes: int = Field(10, ge=1, le=1440)
    public_url: str = ""  # where vendors' webhooks reach the service; empty: none are registered


class Config(_Model):
    """The whole of tieline.yaml. ``installation`` is part of every mark we leave and never changes."""

    installation: str = Field("tieline", pattern=r"^[a-z0-9][a-z0-9-]{0,23}$")
    database: str = "sqlite:///var/tieline.sqlite"
    mappings: str = "mappings"
    language: Language = "zh-CN"
    zone: str = "Asia/Shanghai"
    connections: dict[str, ConnectionConfig] = Field(min_length=1)
    jobs: dict[str, dict[str, Any]] = Field(default_factory=dict)
    adoption: AdoptionConfig = Field(default_factory=lambda: AdoptionConfig.model_validate({}))
    limits: LimitsConfig = Field(default_factory=lambda: LimitsConfig.model_validate({}))
    serve: ServeConfig = Field(default_factory=lambda: ServeConfig.model_validate({}))

    @field_validator("jobs", mode="before")
    @classmethod
    def with_defaults(cls, jobs: Any) -> Any:
        """A job of which nothing is said (``delays:``) runs as it does by default."""
        return {name: {} if said is None else said for name, said in jobs.items()} if isinstance(jobs, dict) else jobs


class LoadedConfig(msgspec.Struct, frozen=True):
    """A valid configuration, the folder its relative paths start from, and its text with line numbers."""

    config: Config
    folder: Path
    node: Node
    file: str
    job_settings: Mapping[str, Any]

    def offered(self, name: str) -> tuple[str, ...]:
        """The ports that a connection offers."""
        connection = self.config.connections[name]
        manifest = connectors_by_name()[connection.type]
        return manifest.offered(variant_of(connection, manifest), connection.extra)

    def unmapped(self) -> frozenset[str]:
        """The connections that need no mapping, because nothing is collected from them."""
        return frozenset(name for name in self.config.connections if "source" not in self.offered(name))

    def mapping_files(self) -> tuple[dict[str, bytes], dict[str, str]]:
        """The files of the mappings folder by the path an admin sees, and each connection's mapping among them."""
        folder, shown = self.path(self.config.mappings), Path(self.config.mappings)
        try:
            files = {
                str(shown / path.name): path.read_bytes() for path in sorted(folder.glob("*.yaml")) if path.is_file()
            }
        except OSError as error:
            raise ConfigError([Problem(str(folder), 0, "-", f"cannot be read: {error.strerror}")]) from error
        connections = {
            name: str(shown / (item.mapping or f"{name}.yaml")) for name, item in self.config.connections.items()
        }
        return files, connections

    def mapping_digests(self) -> dict[str, str]:
        """Per connection a digest of all that its derived rows depend on: its mapping, the connector's options, who is who, and this
        version of Tieline.
        """
        files, connections = self.mapping_files()
        shared = [content for name, content in files.items() if Path(name).name in ("people.yaml", "departments.yaml")]
        texts = {
            name: [files.get(file, b""), self._options_text(name), *shared, version("tieline").encode()]
            for name, file in connections.items()
        }
        return {name: hashlib.sha256(b"\0".join(parts)).hexdigest()[:32] for name, parts in texts.items()}

    def _options_text(self, name: str) -> bytes:
        connection = self.config.connections[name]
        allowed = connectors_by_name()[connection.type].options
        return json.dumps({key: connection.extra[key] for key in allowed if key in connection.extra}).encode()

    @property
    def limits(self) -> Limits:
        return Limits(**self.config.limits.model_dump())

    def path(self, relative: str) -> Path:
        """A path of the configuration, relative to its own folder."""
        return (self.folder / relative).resolve()

    def database_url(self) -> str:
        """The database URL; a relative SQLite file lies beside the configuration. ``TIELINE_DATABASE`` overrides it."""
        url = os.environ.get("TIELINE_DATABASE") or self.config.database
        is_hidden = url.startswith(("env:", "file:"))
        if is_hidden:
            url = _secret_text(url, self.folder)
        passwords = passwords_in_url(url)
        # A sentence may name scheme, host and port; of a text without a password nobody knows which part is the secret.
        keep_secret(*(passwords or ([url] if is_hidden else [])))
        prefix, _, file = url.partition(":///")
        if prefix == "sqlite" and file and not file.startswith("/"):
            return f"sqlite:///{self.path(file)}"
        return url


def load_config(path: Path) -> LoadedConfig:
    """Read and check tieline.yaml. Raises ConfigError naming every problem with its line."""
    file = str(path)
    try:
        text = path.read_bytes()
    except OSError as error:
        hint = "`tieline init` writes a first one; --config or TIELINE_CONFIG names another place"
        raise ConfigError([Problem(file, 0, "-", f"cannot be read: {error.strerror}", hint)]) from error
    node = load(text, file)
    config = validated(Config, node, file)
    problems = [
        *_database_problems(config, node, file),
        *_public_url_problems(config, node, file),
        *connection_problems(config.connections, node, file),
        *_zone_problems(config, node, file),
    ]
    settings, job_problems = job_settings(config.jobs, config.connections, config.serve.every_minutes, node, file)
    connectors = {name: item.type for name, item in config.connections.items()}
    problems += adoption_problems(config.adoption, config.jobs, connectors, node, file)
    if config.adoption.page:
        settings[BASELINE] = baseline_settings(config.adoption.page)
    if problems + job_problems:
        raise ConfigError(problems + job_problems)
    return LoadedConfig(config, path.resolve().parent, node, file, settings)


def _database_problems(config: Config, node: Node, file: str) -> list[Problem]:
    if not passwords_in_url(config.database):
        return []
    hint = "write the whole URL as env:NAME or file:PATH and change the password"
    return [Problem(file, node.line("database"), "database", "a password may not stand in this file", hint)]


def _public_url_problems(config: Config, node: Node, file: str) -> list[Problem]:
    text = config.serve.public_url
    url = urlsplit(text)
    is_plain = url.scheme in ("http", "https") and url.hostname and not (url.username or url.query or url.fragment)
    if not text or is_plain:
        return []
    hint = "such as https://tieline.example.org, without user, query or fragment; /hooks/<connection> is added to it"
    return [Problem(file, node.line("serve.public_url"), "serve.public_url", "not an address", hint)]


def _zone_problems(config: Config, node: Node, file: str) -> list[Problem]:
    zones = {
        "zone": config.zone,
        **{f"connections.{name}.zone": item.zone for name, item in config.connections.items()},
    }
    known = available_timezones()
    return [
        Problem(
            file, node.line(path), path, f"{zone!r} is not a time zone", nearest(zone, known) or "such as Asia/Shanghai"
        )
        for path, zone in zones.items()
        if zone and zone not in known
    ]


def read_secret(reference: str, folder: Path) -> str:
    """The secret behind ``env:NAME`` or ``file:PATH``. Raises ConfigError naming what is missing; the value is never shown."""
    value = _secret_text(reference, folder)
    keep_secret(value)
    return value


def _secret_text(reference: str, folder: Path) -> str:
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environ.get(name, "")
        if not value:
            raise ConfigError([Problem("environment", 0, name, "not set or empty", f"it is asked for as {reference}")])
    else:
        try:
            data = (folder / name).read_bytes()
        except OSError as error:
            raise ConfigError(
                [Problem(str(folder / name), 0, reference, f"cannot be read: {error.strerror}")]
            ) from error
        text = _utf8(data)
        if text is None:
            raise ConfigError([Problem(str(folder / name), 0, reference, "cannot be read: not UTF-8")])
        value = text.strip()
    return value


def _utf8(data: bytes) -> str | None:
    """The text; None when it is something else. The error that would tell holds all of the secret, so it ends here."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def read_credentials(loaded: LoadedConfig, name: str) -> tuple[dict[str, str], dict[str, Problem]]:
    """What a connection signs in with, by setting; and for each setting that cannot be read why."""
    config = loaded.config.connections[name]
    read, problems = dict[str, str](), dict[str, Problem]()
    for wanted in dict.fromkeys((*credentials_of(config, connectors_by_name()[config.type]), *PLAIN_CREDENTIALS)):
        if (value := config.extra.get(wanted)) is None:
            continue
        try:
            is_reference = str(value).startswith(("env:", "file:"))
            read[wanted] = read_secret(str(value), loaded.folder) if is_reference else str(value)
        except ConfigError as error:
            problems[wanted] = error.problems[0]
    return read, problems


def connection_settings(
    loaded: LoadedConfig, name: str, scopes: tuple[str, ...], fields: tuple[str, ...], with_secrets: bool = True
) -> ConnectionSettings:
    """A connection's settings, by default with its secrets read. Raises ConfigError naming all that are missing."""
    config = loaded.config.connections[name]
    manifest = connectors_by_name()[config.type]
    extra = config.extra
    credentials, problems = read_credentials(loaded, name) if with_secrets else ({}, {})
    if problems:
        raise ConfigError(list(problems.values()))
    variant = variant_of(config, manifest)
    return ConnectionSettings(
        name=name,
        type=config.type,
        base_url=config.base_url or manifest.default_base_url,
        variant=variant,
        browse_base=config.browse_base,
        installation=loaded.config.installation,
        language=config.language or loaded.config.language,
        zone=config.zone or loaded.config.zone,
        scopes=scopes,
        fields=fields,
        credentials=credentials,
        options={key: value for key, value in extra.items() if key in manifest.options},
        requests_per_second=config.requests_per_second or manifest.requests_per_second.get(variant, 20.0),
        in_flight=config.in_flight or manifest.in_flight,
    )
