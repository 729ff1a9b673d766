"""Connections named by bindings: one setting with a connection string, or a section `NAME__key` for an identity.

Source: Microsoft Learn, "Azure Functions developer guide", Connections; "Configure an identity-based connection".
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local.functions_host.settings import MissingSetting, Settings

if TYPE_CHECKING:
    from azure.core.credentials_async import AsyncTokenCredential

STORAGE = "AzureWebJobsStorage"
_LOOPBACK = re.compile(
    r"(endpoint=\w+://(localhost|127\.0\.0\.1|\[::1\])[:/;])|usedevelopmentstorage=true", re.IGNORECASE
)


@dataclass(frozen=True)
class Connection:
    """Either `text` is a connection string, or `section` holds an identity-based connection's keys (lower case)."""

    name: str
    text: str | None
    section: dict[str, str]

    @property
    def uses_proxies(self) -> bool:
        """Whether requests look for the environment's proxies: not to this machine, as that costs each a thread's time.

        What this tells is `use_env_settings` of azure-core's transport.
        """
        return not (self.text and _LOOPBACK.search(self.text))

    def need(self, *keys: str) -> str:
        """The section's first key that is set. Raises MissingSetting when none is."""
        for key in keys:
            if value := self.section.get(key.lower()):
                return value
        raise MissingSetting(f"{self.name}__{keys[0]} is not set.")

    def credential(self) -> "AsyncTokenCredential":
        """What an identity-based connection authenticates with."""
        from azure.identity.aio import DefaultAzureCredential  # imported late: most local connections are strings

        return DefaultAzureCredential(managed_identity_client_id=self.section.get("clientid"))


def find_connection(settings: Settings, name: str | None, default: str) -> Connection:
    """The connection that a binding names, else `default`. Raises MissingSetting when neither form of it is set."""
    wanted = name or default
    for candidate in (wanted, f"AzureWebJobs{wanted}", f"ConnectionStrings__{wanted}"):
        text, section = settings.get(candidate), settings.section(candidate)
        if text or section:
            return Connection(candidate, text, section)
    raise MissingSetting(
        f"the connection {wanted} is not set: set {wanted} to a connection string, or {wanted}__… to use an identity."
    )
