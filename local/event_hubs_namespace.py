"""How the local Event Hubs namespace is reached: with the key, and by default on the port, of Microsoft's emulator.

Source: Microsoft Learn, "Test locally by using the Azure Event Hubs emulator", connection string.
"""

from local.process import LOOPBACK

PORT = 5672
KEY_NAME, KEY = "RootManageSharedAccessKey", "SAS_KEY_VALUE"


def connection_string(port: int | str = PORT) -> str:
    """What the `EventHubs` setting and `from_connection_string` take."""
    return (
        f"Endpoint=sb://{LOOPBACK}:{port};SharedAccessKeyName={KEY_NAME};SharedAccessKey={KEY};"
        "UseDevelopmentEmulator=true"
    )
