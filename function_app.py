"""The app that the Functions host loads: one register line for each trigger.

The route that ANALYTICS_ROUTE does not name has no function, and so keeps its checkpoints (docs/routes.md).
"""

import azure.functions as func

from functions import forward_changes, forward_telemetry, store_telemetry
from shared.settings import settings

FORWARDERS = {"change-feed": forward_changes.bp, "parallel": forward_telemetry.bp}

app = func.FunctionApp()
app.register_functions(store_telemetry.bp)
app.register_functions(FORWARDERS[settings().analytics_route])
