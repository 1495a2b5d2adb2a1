"""`python -m aigclens`."""

import sys

from aigclens.cli import main

if __name__ == "__main__":
    sys.exit(main())
