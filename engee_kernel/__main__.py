"""`python -m engee_kernel -f CONNECTION_FILE`: what kernel.json starts."""

import sys
from pathlib import Path

# `-m` puts the notebook's folder first: a random.py there would be run in place of Python's own
if sys.path[0] in ("", str(Path.cwd())):
    del sys.path[0]

from .jupyter.launch import main

if __name__ == "__main__":
    main()
