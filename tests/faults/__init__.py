"""Kernels in bad weather: random cells against a local Engee while faults come and go.

`python -m tests.faults --minutes 10 --seed 7` runs it for as long as one likes; `test_faults.py` runs a minute of it.
A run is a row of worlds. A world is a local Engee with switches of its own and two notebooks; it lives through some
rounds of weather and is then searched for what must not be left. Each world has random numbers of its own, made of
the seed and its number, so that one can be repeated without those before it.
"""

import sys
from pathlib import Path

# the front end without a screen lives with the kernel's own tests
sys.path.append(str(Path(__file__).parents[1] / "jupyter"))
