"""App settings: the environment, and local.settings.json's Values under it; `%name%` in binding values.

Source: Azure Functions Core Tools, local settings file; binding expressions, "App settings".
"""

import json
import os
import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from local.process import UserMistake

_REFERENCE = re.compile(r"%([^%]+)%")


class MissingSetting(Exception):
    """A binding names an app setting that is not set; the message is one sentence that says which."""


class _HostSection(BaseModel):
    model_config = ConfigDict(extra="ignore")

    port: int | None = Field(default=None, alias="LocalHttpPort")
    cors: str | None = Field(default=None, alias="CORS")
    cors_credentials: bool = Field(default=False, alias="CORSCredentials")


class _LocalSettings(BaseModel):
    model_config = ConfigDict(extra="ignore")

    is_encrypted: bool = Field(default=False, alias="IsEncrypted")
    values: dict[str, str] = Field(default={}, alias="Values")
    host: _HostSection = Field(default=_HostSection(), alias="Host")
    connection_strings: dict[str, object] = Field(default={}, alias="ConnectionStrings")


@dataclass(frozen=True)
class LocalSettings:
    """What local.settings.json says: Values, and the Host section's port and CORS origins."""

    values: Mapping[str, str]
    port: int | None = None
    cors_origins: tuple[str, ...] = ()
    cors_credentials: bool = False


def read_local_settings(path: Path) -> LocalSettings:
    """local.settings.json; one that does not exist is empty. Raises UserMistake when it can't be understood."""
    if not path.exists():
        return LocalSettings({})
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        parsed = _LocalSettings.model_validate(document)
    except json.JSONDecodeError as error:
        raise UserMistake(f"{path} is not valid JSON: {error}.") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserMistake(f"{path}: {place}: {first['msg']} (every value must be a string).") from error
    if parsed.is_encrypted:
        raise UserMistake(f"{path} is encrypted: run `func settings decrypt`, or set IsEncrypted to false.")
    origins = tuple(origin.strip() for origin in (parsed.host.cors or "").split(",") if origin.strip())
    return LocalSettings(parsed.values, parsed.host.port, origins, parsed.host.cors_credentials)


def put_into_environment(values: Mapping[str, str], environment: MutableMapping[str, str]) -> tuple[str, ...]:
    """Sets what is not set yet; returns the names that were set already and so were left alone."""
    kept = tuple(name for name in values if name in environment)
    environment.update({name: value for name, value in values.items() if name not in environment})
    return kept


class Settings:
    """The app's settings. Names are case-sensitive here, as they are on Linux in Azure; `:` and `__` mean the same."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self._environment = os.environ if environment is None else environment

    def get(self, name: str) -> str | None:
        """The setting's value; None when it is not set or empty."""
        return self._environment.get(name) or self._environment.get(name.replace(":", "__")) or None

    def resolve(self, text: str) -> str:
        """`text` with every `%name%` replaced by that setting. Raises MissingSetting."""

        def value(match: re.Match[str]) -> str:
            found = self.get(match[1])
            if found is None:
                raise MissingSetting(f"'%{match[1]}%' does not resolve to a value: set {match[1]}.")
            return found

        return _REFERENCE.sub(value, text)

    def section(self, name: str) -> dict[str, str]:
        """The settings `name__key` as key → value, keys in lower case."""
        prefixes = (f"{name}__", f"{name}:")
        return {
            key[len(prefix) :].lower(): value
            for prefix in prefixes
            for key, value in self._environment.items()
            if key.startswith(prefix) and value
        }

    def is_disabled(self, function: str) -> bool:
        """`AzureWebJobs.<function>.Disabled`; Linux allows `_` for the dots. True is `true` or `1`."""
        value = self.get(f"AzureWebJobs.{function}.Disabled") or self.get(f"AzureWebJobs_{function}_Disabled")
        return (value or "").lower() in ("true", "1")
