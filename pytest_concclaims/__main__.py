"""``python -m pytest_concclaims``, for where the command ``concclaims`` is not on ``PATH``."""

import sys

from .cli.main import main

sys.exit(main())
