"""Python values ⇄ Julia values, as one byte stream for several named values. No I/O.

The other half is the agent's `exchange.jl`. Numbers are little-endian; `count` is an int64; `text` is a
count and UTF-8; a value is a one-byte tag and what follows it::

    N  nothing (None)            M  missing (pandas.NA)
    x  element code, raw bytes   a number, bool, date or period of fixed width
    I  text                      an integer in decimal digits
    r  value, value              a fraction
    s  text                      b  count, bytes
    a  element code, shape, raw  an array, column by column
    k  the same, and a byte for each element: 1 where it is missing
    o  shape, values             an array of anything; with one dimension a list
    u  count, values  (tuple)    S  count, values (set)    m  count, key, value, … (dict)
    n  count, text, value, …     a named tuple
    t  the same                  a table: every value is a column

A shape is one byte with the number of dimensions and as many counts. The stream begins like an `n`
without its tag. Floats travel as their bytes, so they arrive bit by bit.

numpy and pandas are used where a value needs them, and never required.
"""

from __future__ import annotations

from .decoding import decode
from .elements import SUPPORTED
from .encoder import Payload
from .encoding import encode
from .names import check_names

__all__ = ["SUPPORTED", "Payload", "check_names", "decode", "encode"]
