"""The process that a front end starts: ipykernel's application without what a remote kernel has no use for.

Left out, measured on ipykernel 7.4 as 0.1 s of 0.3 s from start to the first reply: IPython's profile and
debugger, the capture of this process's own stdout.
"""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from traitlets import default

from ..facts.errors import EngeeError
from ..household.configfiles import SECTION, forget_origins
from ..household.settings import EngeeSettings
from .early import Early
from .kernel import EngeeKernel


class EngeeKernelApp(IPKernelApp):
    """`python -m engee_kernel -f CONNECTION_FILE`"""

    name = "engee-kernel"
    kernel_class = EngeeKernel
    classes = [EngeeKernel, EngeeSettings]  # noqa: RUF012 - the base class's attribute
    outstream_class = None
    early: Early

    @default("log_level")
    def _log_level(self) -> int:
        return logging.WARNING

    def init_pdb(self) -> None:
        """Called by the base class; there is no Python to debug."""

    def init_io(self) -> None:
        """Called by the base class; nothing here prints, and cells' output comes over the network."""
        self.displayhook = SimpleNamespace()

    def init_profile_dir(self) -> None:
        """Called by the base class; IPython's profiles do not apply."""
        self.profile_dir = None

    def init_config_files(self) -> None:
        """Called by the base class; see `load_config_file`."""

    def init_path(self) -> None:
        """Called by the base class; no Python code of the person's is imported."""

    def load_config_file(self, suppress_errors: bool | None = None) -> None:
        """Called by the base class: what engee_kernel_config.py of Jupyter's configuration folders says."""
        config = self.early.files
        config.merge(self.cli_config)
        forget_origins(config, list(self.cli_config.get(SECTION, {})))
        self.update_config(config)

    def init_kernel(self) -> None:
        """Called by the base class: a bad setting must not keep the kernel from starting and saying so."""
        # traitlets leaves a logger at DEBUG and lets its handler choose: four records a cell for nobody
        self.log.setLevel(self.log_level)
        super().init_kernel()
        kernel: Any = self.kernel
        try:
            if self.early.trouble is not None:
                raise self.early.trouble
            kernel.services.use_settings(EngeeSettings(parent=self))
            kernel.services.head_start = self.early.head_start
        except EngeeError as error:
            kernel.services.no_settings(error)
