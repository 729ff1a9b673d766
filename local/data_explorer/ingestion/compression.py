"""Compressed bodies, told by their first bytes: clients say gzip when it isn't, and nothing when it is."""

import gzip
import io
import zipfile
import zlib

from local.data_explorer.ingestion.failures import IngestionRefused

GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
LARGEST_BODY = 1024 * 1024 * 1024
"""Bytes, uncompressed: the service's limit per blob is 6 GB, but a body is held in memory here."""


def unpacked(body: bytes, *, largest: int = LARGEST_BODY) -> bytes:
    """The body's own bytes: gunzipped, or the one file of a zip archive, or as they are.

    Raises IngestionRefused: BadRequest_InvalidArchive or BadRequest_EmptyArchive for an archive that can't be read,
    BadRequest_FileTooLarge for more than `largest` bytes.
    """
    if body.startswith(GZIP):
        return _gunzipped(body, largest)
    if body.startswith((_ZIP, _EMPTY_ZIP)):
        return _unzipped(body, largest)
    return body


def _gunzipped(body: bytes, largest: int) -> bytes:
    try:
        with gzip.open(io.BytesIO(body)) as stream:
            content = stream.read(largest + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise IngestionRefused("BadRequest_InvalidArchive", f"The gzip data can't be read: {error}") from error
    return _checked(content, largest)


def _unzipped(body: bytes, largest: int) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            names = [name for name in archive.namelist() if not name.endswith("/")]
            if not names:
                raise IngestionRefused("BadRequest_EmptyArchive", "The zip archive holds no file")
            if len(names) > 1:
                raise IngestionRefused("BadRequest_InvalidArchive", "The zip archive holds more than one file")
            with archive.open(names[0]) as stream:
                return _checked(stream.read(largest + 1), largest)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, OSError, EOFError) as error:
        raise IngestionRefused("BadRequest_InvalidArchive", f"The zip archive can't be read: {error}") from error


def _checked(content: bytes, largest: int) -> bytes:
    if len(content) > largest:
        raise IngestionRefused("BadRequest_FileTooLarge", f"The uncompressed data is larger than {largest} bytes")
    return content
