"""`python -m aigclens`."""

import sys

from aigclens.cli import main

sys.exit(main())
