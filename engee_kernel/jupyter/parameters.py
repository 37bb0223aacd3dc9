"""papermill's parameters as Julia code. papermill loads this module by itself, by its entry point.

papermill's own Julia strings lose what Latin-1 has beyond ASCII (° ± «») and take $ for interpolation.
"""

from __future__ import annotations

from typing import Any

from papermill.engines import NBClientEngine
from papermill.translators import JuliaTranslator, papermill_translators

from ..agent import literal

KERNEL = "engee"


class Parameters(JuliaTranslator):
    """For notebooks of this kernel only: other Julia kernels keep papermill's."""

    @classmethod
    def translate_str(cls, val: str) -> str:
        return literal(val)

    @classmethod
    def translate_float(cls, val: float) -> str:
        return literal(val)

    @classmethod
    def translate_escaped_str(cls, str_val: Any) -> str:
        """Called for what is of no JSON type, e.g. a date."""
        return literal(str(str_val))


class Engine(NBClientEngine):
    """papermill's own way to run a notebook: it has entry points for engines only."""


papermill_translators.register(KERNEL, Parameters)  # type: ignore[no-untyped-call]
