"""``python -m spamlab``: the command line."""

import sys

from spamlab.cli import main

if __name__ == "__main__":
    sys.exit(main())
