"""Whether requests may have to go through a proxy.

aiohttp, told to trust the environment, looks there and into ~/.netrc at each request, in a thread: in a busy worker
every one of them then waits twice more for the event loop. So a client is told once, when it is built.
"""

from urllib.request import getproxies


def are_named() -> bool:
    """Whether the environment names any proxy (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY)."""
    return any(scheme != "no" for scheme in getproxies())
