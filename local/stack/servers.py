"""The stack's servers: their arguments, and the order in which they need each other."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from local.azurite import Azurite
from local.certificates import ensure_trust
from local.cosmos.authorization import EMULATOR_KEY
from local.event_hubs_namespace import connection_string
from local.identity.tokens import endpoint_secret
from local.launch import PROJECT, NotReady, ServerProcess
from local.process import UserMistake
from local.stack.connections import TOPOLOGY, Connections, write_settings
from local.stack.ports import Ports, with_lasting_side_ports
from local.stack.provisioning import provision

START_SECONDS = 60


@dataclass(frozen=True, slots=True)
class StackOptions:
    """Where a stack keeps its state, listens, and writes the settings of its app."""

    data: Path = PROJECT / ".local"
    ports: Ports = field(default_factory=Ports)
    settings: Path = PROJECT / "local.settings.json"
    host_arguments: tuple[str, ...] = ()
    runs_host: bool = True

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def trust(self) -> Path:
        return self.data / "trust"


class Servers:
    """Every server of one stack, by name in the order of starting. `connections` is set once they run."""

    def __init__(self, options: StackOptions) -> None:
        self._options = options
        self._ports = with_lasting_side_ports(options.ports)
        self.by_name: dict[str, ServerProcess] = {}
        self.connections: Connections | None = None

    def start(self) -> Iterator[str]:
        """Starts everything; yields the name of each server as it accepts. Raises UserMistake when one can't start."""
        self._options.logs.mkdir(parents=True, exist_ok=True)
        ensure_trust(self._options.trust)
        yield from self._start_stores()
        yield from self._start_front()
        self.connections = self._connections()
        provision(self.connections, self._options.data / "archive")
        write_settings(self._options.settings, self.connections.settings())
        if self._options.runs_host:
            yield from self._begin(functions_host=self._functions_host())

    @property
    def settings(self) -> Path:
        """The app's settings file, as the running host reads it at its start."""
        return self._options.settings

    def stop(self) -> Iterator[str]:
        """Asks each server to drain, the last started first; yields the name of each as it is gone."""
        for name, server in reversed(self.by_name.items()):
            server.stop()
            yield name

    def _start_stores(self) -> Iterator[str]:
        ports, data = self._ports, self._options.data
        hubs = ["--data", str(data / "event_hubs"), "--admin-port", str(ports.event_hubs_admin)]
        azurite = Azurite(
            blob_port=ports.blob,
            queue_port=ports.queue,
            table_port=ports.table,
            data=data / "azurite",
            log=self._log("azurite"),
        )
        yield from self._begin(
            identity=self._server("identity", ["--trust", str(self._options.trust)], ports.identity),
            event_hubs=self._server("event_hubs", hubs, ports.event_hubs, has_admin=True),
            cosmos=self._server("cosmos", ["--data", str(data / "cosmos")], ports.cosmos),
            azurite=azurite,
        )

    def _start_front(self) -> Iterator[str]:
        ports, data, trust = self._ports, self._options.data, ["--trust", str(self._options.trust)]
        explorer = ["--data", str(data / "data_explorer"), *trust, "--http", str(ports.data_explorer_http)]
        explorer += ["--connection-string", self._event_hubs, "--storage", self._azurite.connection_string]
        hub = [
            "--data",
            str(data / "iot_hub"),
            *trust,
            "--mqtt-port",
            str(ports.mqtt),
            "--event-hubs",
            self._event_hubs,
        ]
        hub += ["--enrichment", "asset=$twin.tags.asset"]
        yield from self._begin(
            data_explorer=self._server("data_explorer", explorer, ports.data_explorer, has_admin=True),
            iot_hub=self._server("iot_hub", hub, ports.iot_hub),
            digital_twins=self._digital_twins(),
        )

    def _digital_twins(self) -> ServerProcess:
        declared, options = TOPOLOGY["digitalTwins"], self._options
        arguments = ["--data", str(options.data / "digital_twins"), "--trust", str(options.trust)]
        arguments += ["--http", str(self._ports.digital_twins_http), "--event-hubs", self._event_hubs]
        for name, route in declared["routes"].items():
            arguments += ["--endpoint", f"{name}={route['hub']}"]
        arguments += ["--history", declared["history"]["hub"]]
        return self._server("digital_twins", arguments, self._ports.digital_twins, has_admin=True)

    def _functions_host(self) -> ServerProcess:
        options = self._options
        arguments = [
            "--app",
            str(PROJECT),
            "--settings",
            str(options.settings),
            "--data",
            str(options.data / "functions"),
        ]
        assert self.connections is not None
        log, environment = self._log("functions_host"), self.connections.identity_settings()
        port = self._ports.functions
        return ServerProcess(
            "functions_host", [*arguments, *options.host_arguments], port=port, log=log, environment=environment
        )

    def _begin(self, **servers: ServerProcess) -> Iterator[str]:
        """Starts servers side by side."""
        for name, server in servers.items():
            self.by_name[name] = server.spawn()
        for name, server in servers.items():
            try:
                server.await_ready(timeout=START_SECONDS)
            except NotReady as error:
                raise UserMistake(f"{name} did not start ({self._log(name)} says more): {error}") from error
            yield name

    def _server(self, package: str, arguments: list[str], port: int, *, has_admin: bool = False) -> ServerProcess:
        return ServerProcess(package, arguments, port=port, has_admin=has_admin, log=self._log(package))

    def _log(self, name: str) -> Path:
        return self._options.logs / f"{name}.log"

    @property
    def _event_hubs(self) -> str:
        return connection_string(self.by_name["event_hubs"].port)

    @property
    def _azurite(self) -> Azurite:
        azurite = self.by_name["azurite"]
        assert isinstance(azurite, Azurite)
        return azurite

    def _connections(self) -> Connections:
        explorer, twins = self.by_name["data_explorer"], self.by_name["digital_twins"]
        assert explorer.admin is not None
        assert twins.admin is not None
        return Connections(
            storage=self._azurite.connection_string,
            event_hubs=self._event_hubs,
            cosmos=f"AccountEndpoint={self.by_name['cosmos'].url}/;AccountKey={EMULATOR_KEY};",
            kusto=_by_name(explorer.url),
            kusto_http=explorer.admin,
            digital_twins=_by_name(twins.url),
            digital_twins_http=twins.admin,
            iot_hub=_by_name(self.by_name["iot_hub"].url),
            identity=self.by_name["identity"].url,
            identity_header=endpoint_secret(self._options.trust),
            trust=ensure_trust(self._options.trust),
        )


def _by_name(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")
