"""``python -m pytest_concclaims``, for where the command ``concclaims`` is not on ``PATH``."""

import sys

from .cli import main

sys.exit(main())
