"""Where parts meet: a configuration becomes a running Tieline. Nothing else wires anything."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

from sync.adoption_config import adopting_from
from sync.config import LoadedConfig, connection_settings, load_config
from sync.connection_config import reach_of, variant_of
from sync.core.answering import Speaker
from sync.core.errors import COMMAND_LINE, CannotExpress, ConfigError, Problem
from sync.core.messages import Messenger
from sync.core.metrics import MetricCatalog, MetricSink, MetricSource
from sync.core.organisation import Organisation
from sync.core.ports import ConnectionSettings, Directory, KnowledgeBase, Source, Tracker
from sync.core.replies import Replies
from sync.core.source_files import SourceFile
from sync.core.values import Account
from sync.core.view import ConnectionFacts
from sync.derive import Deriver
from sync.directories import speaker_of
from sync.engine import Engine, Parts, PlannedJob
from sync.job_settings import department_problems
from sync.mapping.identity import Identity
from sync.mapping.rules import Mappings
from sync.mapping.schema import nearest, parse_all
from sync.pauses import keep_pauses, kept_pauses
from sync.reading import Cadence, Site
from sync.registry import connectors_by_name, jobs_by_name
from sync.replies import CommentEar
from sync.store.store import Store
from sync.turn import hold

MOST_FILE_BYTES = 50_000_000


def now() -> datetime:
    """The present instant."""
    return datetime.now(UTC)


def alone(store: Store, name: str) -> AbstractContextManager[Callable[[], bool]]:
    """The lease on the only long connection that a vendor allows. Raises TryLater while another holds it."""
    return hold(store, f"hear {name}", "{other} has it")


class Connections:
    """The configured accounts, each connected when first used. Offers their ports by connection name."""

    def __init__(self, loaded: LoadedConfig, mappings: Mappings, store: Store | None = None) -> None:
        self._loaded, self._mappings, self._store = loaded, mappings, store
        self._open: dict[str, Any] = {}
        self._lock = threading.Lock()

    def settings(self, name: str) -> ConnectionSettings:
        """A connection's settings with its secrets; raises ConfigError when one is missing."""
        mapping = self._mappings.connections[name]
        return connection_settings(self._loaded, name, mapping.scope, mapping.vendor_fields())

    def get(self, name: str) -> Any:
        """The connection, connected."""
        with self._lock:  # two threads that ask first would make two, with a pace each, and one would never be closed
            if name not in self._open:
                settings = self.settings(name)
                manifest = connectors_by_name()[settings.type]
                self._open[name] = manifest.connect(settings)
                if self._store and manifest.hears.get(settings.variant) == "exclusive":
                    self._open[name].alone = partial(alone, self._store, name)
                self._begin_run(name)
            return self._open[name]

    def source(self, name: str) -> Source:
        return cast("Source", self._port(name, "source"))

    def tracker(self, name: str) -> Tracker:
        return cast("Tracker", self._port(name, "tracker"))

    def knowledge_base(self, name: str) -> KnowledgeBase:
        return cast("KnowledgeBase", self._port(name, "knowledge_base"))

    def messenger(self, name: str) -> Messenger:
        return cast("Messenger", self._port(name, "messenger"))

    def organisation(self, name: str) -> Organisation:
        return cast("Organisation", self._port(name, "organisation"))

    def replies(self, name: str) -> Replies:
        return cast("Replies", self._port(name, "replies"))

    def metric_source(self, name: str) -> MetricSource:
        return cast("MetricSource", self._port(name, "metric_source"))

    def metric_catalog(self, name: str) -> MetricCatalog:
        return cast("MetricCatalog", self._port(name, "metric_catalog"))

    def metric_sink(self, name: str) -> MetricSink:
        return cast("MetricSink", self._port(name, "metric_sink"))

    def directory(self, name: str) -> Directory:
        return cast("Directory", self._port(name, "directory"))

    def _port(self, name: str, port: str) -> Any:
        offered = self._loaded.offered(name)
        if port not in offered:
            kind = self._loaded.config.connections[name].type
            raise CannotExpress(f"{name} ({kind}) offers no {port}; it offers {', '.join(offered)}")
        return self.get(name)

    def site(self, name: str) -> Site:
        """The connection as collecting needs it."""
        connection, settings = self.get(name), self.settings(name)
        scopes = settings.scopes
        return Site(
            name,
            self.source(name),
            scopes,
            settings.in_flight,
            lambda: connection.remote.request_count,
            cadence_of(self._loaded, name),
        )

    @contextmanager
    def run(self) -> Iterator[None]:
        """Around one run: its calls are counted out, and pauses that a vendor asked for are kept for the next process."""
        with self._lock:
            for name in self._open:
                self._begin_run(name)
        try:
            yield
        finally:
            for name, connection in list(self._open.items()):
                if self._store:
                    keep_pauses(self._store, name, connection.remote.pauses())

    def _begin_run(self, name: str) -> None:
        calls = self._loaded.config.connections[name].calls_per_run
        self._open[name].remote.begin_run(calls, kept_pauses(self._store, name) if self._store else ())

    def close(self) -> None:
        for connection in self._open.values():
            connection.close()


class App:
    """A running Tieline: configuration, mappings, store, connections and the engine over them."""

    def __init__(self, loaded: LoadedConfig, mappings: Mappings, store: Store, clock: Callable[[], datetime]) -> None:
        self.loaded, self.mappings, self.store, self.clock = loaded, mappings, store, clock
        self.connections = Connections(loaded, mappings, store)
        self.deriver = Deriver(store, mappings, self._decoders(), loaded.mapping_digests())
        self.engine = Engine(self._parts())

    def _decoders(self) -> dict[str, Any]:
        """Each connection's pure decoder of raw records. It needs no secret, so the settings are made without them."""
        decoders = {}
        for name, config in self.loaded.config.connections.items():
            manifest = connectors_by_name()[config.type]
            settings = connection_settings(
                self.loaded, name, self.mappings.connections[name].scope, (), with_secrets=False
            )
            decoders[name] = partial(_decode, manifest.record_from_raw, settings)
        return decoders

    def _parts(self) -> Parts:
        config = self.loaded.config
        jobs = tuple(
            PlannedJob(jobs_by_name()[name], settings, partial(read_folder, self.loaded, name, settings))
            for name, settings in self.loaded.job_settings.items()
        )
        return Parts(
            installation=config.installation,
            zone=config.zone,
            store=self.store,
            deriver=self.deriver,
            sites={name: partial(self.connections.site, name) for name in config.connections if self._collects(name)},
            organisations={
                name: partial(self.connections.organisation, name)
                for name in config.connections
                if "organisation" in self.loaded.offered(name)
            },
            ports=self.connections,
            jobs=jobs,
            connections={name: self.facts(name) for name in config.connections},
            calendars=self.mappings.calendars,
            limits=self.loaded.limits,
            clock=self.clock,
            adopting=adopting_from(self.loaded.config.adoption, self.mappings, self.loaded.node, self.loaded.file),
            cadences={name: cadence_of(self.loaded, name) for name in config.connections},
            around_run=self.connections.run,
            comment_ear=self._comment_ear(),
        )

    def _comment_ear(self) -> CommentEar:
        names = [name for name in self.loaded.config.connections if "replies" in self.loaded.offered(name)]
        ports = {name: partial(self.connections.replies, name) for name in names}
        return CommentEar(self.store, ports, self.speaker_of)

    def _collects(self, name: str) -> bool:
        return "source" in self.loaded.offered(name)

    def facts(self, name: str) -> ConnectionFacts:
        """What jobs may know of a connection."""
        config, mapping = self.loaded.config.connections[name], self.mappings.connections[name]
        manifest = connectors_by_name()[config.type]
        return ConnectionFacts(
            name=name,
            type=config.type,
            language=config.language or mapping.language,
            zone=mapping.zone,
            ports=self.loaded.offered(name),
            has_mutual_links=manifest.has_mutual_links
            and variant_of(config, manifest) not in manifest.links_at_one_end,
            reaches=reach_of(config, manifest),
        )

    def speaker_of(self, connection: str, account: str | Account) -> Speaker:
        """Who answers with an account, by people.yaml and the chat's own directory; the name is "" where nobody knows one."""
        account = Account(account) if isinstance(account, str) else account
        house = self.store.organisations().get(connection)
        return speaker_of(Identity(self.mappings.directory), house, self.facts(connection), account)

    @property
    def collected(self) -> list[str]:
        """The connections from which something is collected."""
        return [name for name in self.loaded.config.connections if self._collects(name)]

    def check_names(self, names: Iterable[str], *, are_collected: bool = False) -> None:
        """Raise ConfigError for a name that is no connection, or for one from which nothing is collected where that is wanted."""
        known = self.loaded.config.connections
        problems = [
            Problem(COMMAND_LINE, 0, name, "not a connection", nearest(name, known) or f"there are {', '.join(known)}")
            for name in names
            if name not in known
        ]
        hint = f"collected are {', '.join(self.collected)}"
        problems += [
            Problem(COMMAND_LINE, 0, name, "nothing is collected from it", hint)
            for name in names
            if are_collected and name in known and not self._collects(name)
        ]
        if problems:
            raise ConfigError(problems)

    def close(self) -> None:
        """Give everything back."""
        self.connections.close()
        self.store.close()


def cadence_of(loaded: LoadedConfig, name: str) -> Cadence:
    """How often a connection is read, and how old its census may be before ids are counted again."""
    config = loaded.config.connections[name]
    return Cadence(timedelta(minutes=config.every_minutes), timedelta(minutes=config.census_every_minutes))


def _decode(record_from_raw: Any, settings: ConnectionSettings, raw: Any) -> Any:
    return record_from_raw(raw, settings)


def load_mappings(loaded: LoadedConfig) -> Mappings:
    """The mappings folder of a configuration. Raises ConfigError with the problems of all its files."""
    files, connections = loaded.mapping_files()
    return parse_all(files, connections, loaded.config.language, loaded.config.zone, loaded.unmapped())


def build(config: Path, clock: Callable[[], datetime] = now) -> App:
    """The application over a configuration file. Raises ConfigError or StoreUnavailable before anything is touched."""
    loaded = load_config(config)
    mappings = load_mappings(loaded)
    if problems := list(department_problems(loaded.job_settings, mappings.directory, loaded.node, loaded.file)):
        raise ConfigError(problems)
    url = loaded.database_url()
    if url.startswith("sqlite:///"):
        _make_folder(Path(url.removeprefix("sqlite:///")).parent)
    store = Store.open(url)
    try:
        store.migrate()
        return App(loaded, mappings, store, clock)
    except BaseException:
        store.close()
        raise


def read_folder(loaded: LoadedConfig, job: str, settings: Any) -> tuple[SourceFile, ...]:
    """The files of the folder a job was given, by relative path with slashes; nothing outside it, however linked."""
    name = jobs_by_name()[job].folder_setting
    if not name:
        return ()
    folder = loaded.path(getattr(settings, name))
    path_in_file = f"jobs.{job}.{name}"
    if not folder.is_dir():
        raise ConfigError(
            [Problem(loaded.file, loaded.node.line(path_in_file), path_in_file, f"{folder} is no folder")]
        )
    try:
        return tuple(_files(folder))
    except OSError as error:
        text = f"{error.filename or folder} cannot be read: {error.strerror}"
        raise ConfigError([Problem(loaded.file, loaded.node.line(path_in_file), path_in_file, text)]) from error


def _files(folder: Path) -> Iterator[SourceFile]:
    for path in sorted(folder.rglob("*")):
        is_inside = path.resolve().is_relative_to(folder.resolve())
        if path.is_file() and is_inside and not any(part.startswith(".") for part in path.relative_to(folder).parts):
            if path.stat().st_size > MOST_FILE_BYTES:
                raise ConfigError([Problem(str(path), 0, "-", f"larger than {MOST_FILE_BYTES:,} bytes")])
            yield SourceFile(path.relative_to(folder).as_posix(), path.read_bytes())


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            [Problem(str(folder), 0, "database", f"the folder cannot be made: {error.strerror}")]
        ) from error
