"""The error conditions that the service answers with, and the exceptions that carry them to either peer."""

from typing import Final

NOT_FOUND: Final = "amqp:not-found"
UNAUTHORIZED: Final = "amqp:unauthorized-access"
DECODE_ERROR: Final = "amqp:decode-error"
INVALID_FIELD: Final = "amqp:invalid-field"
NOT_ALLOWED: Final = "amqp:not-allowed"
NOT_IMPLEMENTED: Final = "amqp:not-implemented"
INTERNAL_ERROR: Final = "amqp:internal-error"
RESOURCE_LIMIT: Final = "amqp:resource-limit-exceeded"
FRAMING_ERROR: Final = "amqp:connection:framing-error"
CONNECTION_FORCED: Final = "amqp:connection:forced"
WINDOW_VIOLATION: Final = "amqp:session:window-violation"
UNATTACHED_HANDLE: Final = "amqp:session:unattached-handle"
HANDLE_IN_USE: Final = "amqp:session:handle-in-use"
TRANSFER_LIMIT: Final = "amqp:link:transfer-limit-exceeded"
MESSAGE_TOO_LARGE: Final = "amqp:link:message-size-exceeded"
LINK_STOLEN: Final = "amqp:link:stolen"
OUT_OF_RANGE: Final = "com.microsoft:argument-out-of-range"
ARGUMENT_ERROR: Final = "com.microsoft:argument-error"
SERVER_BUSY: Final = "com.microsoft:server-busy"
TIMEOUT: Final = "com.microsoft:timeout"


class Refused(Exception):
    """What a peer asked for is refused with an AMQP error condition; the message is its description."""

    def __init__(self, condition: str, description: str) -> None:
        super().__init__(description)
        self.condition = condition
        self.description = description


class ProtocolViolation(Refused):
    """The peer broke the protocol: its connection is closed with this condition."""


class SessionViolation(Refused):
    """The peer broke a session's rules: that session is ended with this condition."""


class Disconnected(Exception):
    """A connection, or what was asked of it, came to an end. `condition` is the peer's, where it gave one."""

    def __init__(self, description: str, condition: str | None = None) -> None:
        super().__init__(f"{condition}: {description}" if condition else description)
        self.condition = condition
