"""What every operation of the server works with."""

import sqlite3
from asyncio import Semaphore
from dataclasses import dataclass

from local.cosmos.catalog import Catalog, Container
from local.cosmos.errors import COLLECTION_RID_MISMATCH, bad_request
from local.cosmos.feed_pages import FeedPages
from local.cosmos.messages import Request
from local.cosmos.offers import Offer
from local.cosmos.property_indexes import WantedIndexes
from local.cosmos.storage import Readers, Writer
from local.cosmos.throughput import Throughput


@dataclass(frozen=True, slots=True)
class Service:
    catalog: Catalog
    writer: Writer
    readers: Readers
    query_readers: Readers
    """Apart from the feeds', which must not wait for slow queries."""
    lookups: sqlite3.Connection
    """For point reads on the event loop."""
    feed_pages: FeedPages
    indexes: WantedIndexes
    partitions: int
    """How many physical partitions a new container gets."""
    batches: Semaphore
    """Lets only some batches be worked on at once: the others' clients get on with what these are answered.

    A client that is answered by turns keeps sending. Were all parsed first and committed together, all clients would
    wait for the server, and then the server for all clients.
    """
    throughput: Throughput | None
    """Holds containers to their offers; None lets everything through."""

    def container(self, request: Request) -> Container:
        """The container that the request's path names. Raises ServiceError (404, 400 when it was made anew)."""
        container = self.catalog.container(request.path[1], request.path[3])
        intended = request.headers.get("x-ms-cosmos-intended-collection-rid")
        if intended and intended != container.rid:
            raise bad_request(
                "The requested resource id doesn't match the container's: it was deleted and created again.",
                substatus=COLLECTION_RID_MISMATCH,
            )
        return container

    def offer(self, request: Request) -> Offer | None:
        """The offer that a request on a container's items is charged to. Raises ServiceError (404)."""
        return self.catalog.offer_for(self.catalog.container(request.path[1], request.path[3]))

    def health(self) -> dict[str, object]:
        return {
            "databases": len(self.catalog.databases),
            "containers": len(self.catalog.all_containers()),
        }
