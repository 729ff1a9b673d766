"""Where everything listens. The defaults are the official emulators' own ports, where they have one."""

from dataclasses import asdict, dataclass, replace

import psutil

from local import event_hubs_namespace
from local.process import UserMistake, listen


@dataclass(frozen=True, slots=True)
class Ports:
    """A port for each server; 0 takes a free one."""

    event_hubs: int = event_hubs_namespace.PORT
    event_hubs_admin: int = 5300
    cosmos: int = 8081
    blob: int = 10000
    queue: int = 10001
    table: int = 10002
    data_explorer: int = 8080
    data_explorer_http: int = 8079
    digital_twins: int = 8083
    digital_twins_http: int = 8082
    iot_hub: int = 8084
    mqtt: int = 8883
    identity: int = 8085
    functions: int = 7071


FREE = Ports(**dict.fromkeys(Ports.__slots__, 0))
"""All of them free ones: for a stack beside another (azure-iot-device can't find its MQTT port then)."""


def with_lasting_side_ports(ports: Ports) -> Ports:
    """Chooses now what a server's second listener would choose anew at each start.

    Its first one's port is known from the ready line, and asked for again.
    """
    sides = ("event_hubs_admin", "data_explorer_http", "digital_twins_http", "mqtt")
    return replace(ports, **{side: getattr(ports, side) or _free_port() for side in sides})


def refuse_ports_in_use(ports: Ports) -> None:
    """Raises UserMistake when one of the ports is another process's."""
    for name, port in asdict(ports).items():
        if port == 0:
            continue
        try:
            listen(port).close()
        except UserMistake as error:
            raise UserMistake(
                f"Port {port}, which {name} needs, is in use{_owner(port)}: "
                "stop what has it, or start the stack with --free-ports."
            ) from error


def _free_port() -> int:
    with listen(0) as listener:
        port: int = listener.getsockname()[1]
        return port


def _owner(port: int) -> str:
    """Whose it is, as far as the system tells."""
    try:
        for connection in psutil.net_connections("tcp"):
            has_port = tuple(connection.laddr)[1:] == (port,)
            if connection.status == psutil.CONN_LISTEN and has_port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
    return ""
