"""The service's refusals: HTTP status, code, message, and details.

Source: the answers recorded in Azure/azure-sdk-for-js and azure-sdk-for-python (sdk/digitaltwins), and the codes of the
data-plane reference, api-version 2023-10-31. Where no recording tells, the wording is ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


class ServiceError(Exception):
    """A request is refused: nothing was written. `details` are the messages of what is wrong, one by one."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: Sequence[str] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = tuple(details)
        self.headers = dict(headers or {})

    def document(self) -> dict[str, Any]:
        """The body of the answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.details:
            error["details"] = [{"code": self.code, "message": detail} for detail in self.details]
        return {"error": error}


def bad_request(message: str) -> ServiceError:
    """400 BadRequest: a query, a filter or a parameter that can't be read; the message names the place."""
    return ServiceError(400, "BadRequest", message)


def invalid_argument(message: str) -> ServiceError:
    return ServiceError(400, "InvalidArgument", message)


def invalid_twin(details: Iterable[str]) -> ServiceError:
    return ServiceError(400, "ValidationFailed", "Invalid twin specified", details=tuple(details))


def invalid_relationship_content(details: Iterable[str]) -> ServiceError:
    return ServiceError(400, "ValidationFailed", "Invalid relationship specified", details=tuple(details))


def invalid_relationship(message: str) -> ServiceError:
    return ServiceError(400, "InvalidRelationship", message)


def invalid_patch(reason: str) -> ServiceError:
    return ServiceError(
        400,
        "JsonPatchInvalid",
        f"{reason}. Please provide a valid patch document."
        " See section on update apis in the documentation https://aka.ms/adtv2twins.",
    )


def model_decommissioned(model: str) -> ServiceError:
    return ServiceError(400, "ModelDecommissioned", f"The model {model} is decommissioned: no twin can be made of it.")


def relationships_not_deleted(twin: str) -> ServiceError:
    return ServiceError(
        400,
        "RelationshipsNotDeleted",
        f"Twin {twin} has active relationships. Cannot delete a twin unless all the relationships are deleted. Please"
        " ensure that the active relationships on the twin are deleted. See section on retrieving relationships"
        " https://aka.ms/adtv2twins.",
    )


def model_not_found(model: str) -> ServiceError:
    return ServiceError(
        404,
        "ModelNotFound",
        f"There is no Model(s) available that matches the provided id(s) {model}. Check that the Model ID provided is"
        " valid by doing a Model_List API call.",
    )


def twin_not_found(twin: str) -> ServiceError:
    return ServiceError(
        404,
        "DigitalTwinNotFound",
        f"There is no digital twin instance that exists with the ID {twin}. Please verify that the twin id is valid and"
        " ensure that the twin is not deleted. See section on querying the twins https://aka.ms/adtv2query.",
    )


def target_not_found(twin: str) -> ServiceError:
    return ServiceError(
        404,
        "TargetTwinNotFound",
        f"There is no digital twin instance that exists with the target ID {twin}. Please verify that the twin id is"
        " valid and ensure that the twin is not deleted. See section on querying the twins https://aka.ms/adtv2query.",
    )


def component_not_found(twin: str, component: str) -> ServiceError:
    return ServiceError(
        404,
        "ComponentNotFound",
        f"{twin} does not have component {component} Please verify that the component path is correct. You can get"
        " components by getting the twin, See example https://aka.ms/TwinGetSwSmpl.",
    )


def relationship_not_found(twin: str, relationship: str) -> ServiceError:
    return ServiceError(
        404,
        "RelationshipNotFound",
        f"Relationship {relationship} not found on twin {twin}. Please verify that the relationship id is valid and"
        " ensure that the relationship is not deleted. See section on listing relationships in the documentation"
        " https://aka.ms/adtv2twins.",
    )


def route_not_found(route: str) -> ServiceError:
    return ServiceError(404, "EventRouteNotFound", f"There is no event route with the id {route}.")


def models_exist(models: Iterable[str]) -> ServiceError:
    return ServiceError(
        409,
        "ModelIdAlreadyExists",
        f"Some of the model ids already exist: {', '.join(models)}. Use Model_List API to view models that already"
        " exist. See the Swagger example https://aka.ms/ModelListSwSmpl.",
    )


def model_referenced(model_ids: Iterable[str]) -> ServiceError:
    return ServiceError(
        409,
        "ModelReferencesNotDeleted",
        f"This model is currently being referenced by {', '.join(model_ids)}. You must delete these references before"
        " deleting the Model.. To delete references, do Delete Model on Ids provided above.",
    )


def references_not_decommissioned(model_ids: Iterable[str]) -> ServiceError:
    return ServiceError(
        409,
        "ModelReferencesNotDecommissioned",
        f"This model is currently being referenced by {', '.join(model_ids)}. You must decommission these references"
        " before decommissioning the Model.",
    )


def already_there(what: str, key: str) -> ServiceError:
    """412: `what` is twin or relationship."""
    return ServiceError(
        412,
        "PreconditionFailed",
        f"If-None-Match: * header was specified but a {what} with the id {key} was found. Please specify a different"
        f" {what} id.",
    )


def etag_differs(what: str, key: str) -> ServiceError:
    return ServiceError(
        412,
        "PreconditionFailed",
        f"If-Match: header was specified but it does not match the current etag of the {what} {key}. Please get the"
        f" latest {what} and try again.",
    )


def too_large(limit: int) -> ServiceError:
    return ServiceError(413, "PayloadTooLarge", f"The request's body is larger than the limit of {limit} bytes.")


def too_many_requests(what: str, rate: int, retry_after_seconds: int) -> ServiceError:
    return ServiceError(
        429,
        "TooManyRequests",
        f"The limit of {rate} {what} a second is reached: try again later.",
        headers={"Retry-After": str(retry_after_seconds)},
    )


def not_served(what: str) -> ServiceError:
    return ServiceError(501, "NotImplemented", f"The local Digital Twins does not do {what}: see its README.md.")
