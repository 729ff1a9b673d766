"""What is wrong with a query, in the service's own words, with the place in its text.

Source: recorded answers of the service (azure-sdk-for-js, sdk/digitaltwins) and the reference of "Query Twins".
"""

from local.digital_twins.errors import ServiceError


def query_error(text: str, position: int, message: str) -> ServiceError:
    """400 SqlQueryError: lines count from 1, positions in a line from 0."""
    line = text.count("\n", 0, position) + 1
    column = position - (text.rfind("\n", 0, position) + 1)
    return ServiceError(
        400,
        "SqlQueryError",
        f"SQL query parse failed: SQL Parser Error, Line={line}, Position={column}, Message={message} "
        "See samples in https://aka.ms/adtv2query for the correct syntax.",
    )


def invalid_token() -> ServiceError:
    return ServiceError(400, "BadRequest", "The continuation token is invalid.")


def timed_out(why: str) -> ServiceError:
    return ServiceError(
        400,
        "TimeoutError",
        f"The query execution {why}. Try simplifying the query or adding conditions to reduce the result size.",
    )
