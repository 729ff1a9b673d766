"""`python -m checks.bicep`: what is wrong with the Bicep, its roles and the app's settings; status 1 if anything is."""

import logging
import sys

from checks.access.assignments import unfit_assignments
from checks.access.grants import grants, unfit_grants
from checks.access.needs import needs, unknown_operations
from checks.bicep.checker import findings
from checks.bicep.source import sources
from checks.settings import unfit_settings


def main() -> int:
    logging.disable(logging.WARNING)  # azure-functions warns of an app without HTTP triggers
    given = grants()
    of_access = [*unknown_operations(), *unfit_grants(given, needs()), *unfit_assignments(sources(), given)]
    found = [*findings(), *of_access, *unfit_settings()]
    for finding in found:
        print(finding)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
