"""Where everything listens. The defaults are the official emulators' own ports, where they have one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ports:
    """A port for each server; 0 takes a free one."""

    event_hubs: int = 5672
    event_hubs_admin: int = 5300
    cosmos: int = 8081
    blob: int = 10000
    queue: int = 10001
    table: int = 10002
    data_explorer: int = 8080
    data_explorer_http: int = 8079
    iot_hub: int = 8084
    mqtt: int = 8883
    identity: int = 8085
    functions: int = 7071


FREE = Ports(**dict.fromkeys(Ports.__slots__, 0))
"""All of them free ones: for a stack beside another (azure-iot-device can't find its MQTT port then)."""
