"""`python -m local.cosmos`: serves an Azure Cosmos DB for NoSQL account over plain HTTP."""

from argparse import Namespace
from functools import partial

from local.cosmos.authorization import EMULATOR_KEY, MasterKey
from local.cosmos.server import CosmosApp, opened
from local.cosmos.throughput import Throughput
from local.faults import Faults
from local.http import local_app, serving, with_local_routes
from local.process import UserMistake, announce, collect_garbage_rarely, run, server_arguments, stop_requested

DEFAULT_PORT = 8081


def arguments() -> Namespace:
    parser = server_arguments("cosmos", description=__doc__, port=DEFAULT_PORT)
    parser.add_argument("--key", default=EMULATOR_KEY, metavar="BASE64", help="master key (default: the emulator's)")
    parser.add_argument(
        "--partitions", type=int, default=4, metavar="N", help="physical partitions of a new container (default 4)"
    )
    parser.add_argument(
        "--enforce-throughput", action="store_true", help="refuse with 429 what exceeds a container's throughput"
    )
    return parser.parse_args()


async def main(given: Namespace) -> None:
    if not 1 <= given.partitions <= 256:
        raise UserMistake(f"--partitions must be from 1 to 256, not {given.partitions}.")
    try:
        key = MasterKey(given.key)
    except ValueError as error:
        raise UserMistake(str(error)) from None
    faults = Faults()
    throughput = Throughput() if given.enforce_throughput else None
    async with opened(given.data, partitions=given.partitions, throughput=throughput) as service:
        app = with_local_routes(CosmosApp(service, key, faults), local_app(faults, service.health))
        collect_garbage_rarely()
        async with serving(app, given.port) as url:
            announce(url)
            await stop_requested()


if __name__ == "__main__":
    run(partial(main, arguments()))
