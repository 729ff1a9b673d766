"""Ids in a request's path. Source: Learn, "Digital twins and the twin graph" (what a twin's id may hold)."""

import re

from local.digital_twins.dtdl.parsing import is_model_id
from local.digital_twins.errors import ServiceError, invalid_argument

_TWIN = re.compile(r"[A-Za-z0-9\-.+%_#*?!(),=@$']{1,128}")
_RELATIONSHIP = re.compile(r"[^\x00-\x1f\x7f/]{1,128}")
_ROUTE = re.compile(r"[A-Za-z0-9\-_.]{1,50}")


def twin_id(text: str) -> str:
    """Raises ServiceError (400)."""
    if _TWIN.fullmatch(text) is None:
        raise invalid_argument(
            f"The twin id {text!r} is invalid: 1 to 128 letters, digits and - . + % _ # * ? ! ( ) , = @ $ '."
        )
    return text


def relationship_id(text: str) -> str:
    """Raises ServiceError (400)."""
    if _RELATIONSHIP.fullmatch(text) is None:
        raise invalid_argument(f"The relationship id {text!r} is invalid: 1 to 128 characters without /.")
    return text


def model_id(text: str) -> str:
    """Raises ServiceError (400)."""
    if not is_model_id(text):
        raise invalid_argument(f"The model id {text!r} is invalid: it must be a DTMI such as dtmi:example:Room;1.")
    return text


def route_id(text: str) -> str:
    """Raises ServiceError (400)."""
    if _ROUTE.fullmatch(text) is None:
        raise ServiceError(
            400, "EventRouteIdInvalid", f"The event route id {text!r} is invalid: 1 to 50 letters, digits and - _ ."
        )
    return text
