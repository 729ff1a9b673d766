"""The app that the Functions host loads: one register line for each trigger.

The route that ANALYTICS_ROUTE does not name has no function, and so keeps its checkpoints (docs/routes.md). Without
DIGITAL_TWINS_URL there are no twins, and so no functions for them.
"""

import azure.functions as func

from functions import forward_changes, forward_telemetry, propagate_twins, store_telemetry, update_twins
from shared.settings import settings

FORWARDERS = {"change-feed": forward_changes.bp, "parallel": forward_telemetry.bp}

app = func.FunctionApp()
app.register_functions(store_telemetry.bp)
app.register_functions(FORWARDERS[settings().analytics_route])
if settings().digital_twins_url:
    app.register_functions(update_twins.bp)
    app.register_functions(propagate_twins.bp)
