"""`python -m local.identity`: serves managed-identity tokens to the local stack's processes."""

from argparse import Namespace
from functools import partial

from local.faults import Faults
from local.http import FaultInjection, local_app, serving, with_local_routes
from local.identity.endpoint import PATH, identity_app
from local.identity.tokens import Tokens, endpoint_secret
from local.process import announce, run, server_arguments, stop_requested

DEFAULT_PORT = 8085


async def main(arguments: Namespace) -> None:
    faults = Faults()
    app = identity_app(Tokens(arguments.trust), endpoint_secret(arguments.trust))
    injected = FaultInjection(app, faults, lambda scope: "token")
    local = local_app(faults, dict)
    async with serving(with_local_routes(injected, local), arguments.port) as url:
        announce(url + PATH)
        await stop_requested()


if __name__ == "__main__":
    run(partial(main, server_arguments("identity", description=__doc__, port=DEFAULT_PORT).parse_args()))
