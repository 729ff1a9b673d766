"""Azurite, Microsoft's own storage emulator (npm, pinned in package.json), as one process with known ports."""

import re
from collections.abc import Iterator
from pathlib import Path

from local.launch import PROJECT, ServerProcess
from local.process import LOOPBACK, UserMistake

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The account and key that every Azurite has (Azurite README, "Default Storage Account")."""

EXECUTABLE = PROJECT / "node_modules" / ".bin" / "azurite"
_LISTENING = re.compile(r"Azurite (Blob|Queue|Table) service is successfully listening at http://[^:]+:(\d+)")


class Azurite(ServerProcess):
    """An Azurite process. After `start` it accepts, and the three ports hold what it listens on.

    A port of 0 takes a free one, which later starts of the same object take again. Without `data` everything is
    kept in memory and is gone with the process. With it, Azurite still writes its index some seconds late, so a
    kill -9 loses blobs it acknowledged just before.
    """

    def __init__(
        self,
        *,
        blob_port: int = 0,
        queue_port: int = 0,
        table_port: int = 0,
        data: Path | None = None,
        log: Path | None = None,
    ) -> None:
        if not EXECUTABLE.exists():
            raise UserMistake("Azurite is not installed: run `make setup`.")
        storage = ["--location", str(data)] if data else ["--inMemoryPersistence"]
        super().__init__("azurite", [*storage, "--silent", "--disableTelemetry", "--skipApiVersionCheck"], log=log)
        self._ports = {"Blob": blob_port, "Queue": queue_port, "Table": table_port}

    @property
    def blob_port(self) -> int:
        return self._ports["Blob"]

    @property
    def queue_port(self) -> int:
        return self._ports["Queue"]

    @property
    def table_port(self) -> int:
        return self._ports["Table"]

    @property
    def connection_string(self) -> str:
        """What `AzureWebJobsStorage` takes: blobs, queues and tables of the one account."""
        endpoints = (f"{name}Endpoint=http://{LOOPBACK}:{port}/{ACCOUNT}" for name, port in self._ports.items())
        return ";".join(["DefaultEndpointsProtocol=http", f"AccountName={ACCOUNT}", f"AccountKey={KEY}", *endpoints])

    def _command(self) -> list[str]:
        ports = [text for name, port in self._ports.items() for text in (f"--{name.lower()}Port", str(port))]
        return [str(EXECUTABLE), *ports, *self._arguments]

    def _read_announcement(self, lines: Iterator[str]) -> None:
        waiting = set(self._ports)
        while waiting:
            found = _LISTENING.search(next(lines))
            if found:
                self._ports[found[1]] = int(found[2])
                waiting.discard(found[1])
        self.url = f"http://{LOOPBACK}:{self.blob_port}/{ACCOUNT}"
