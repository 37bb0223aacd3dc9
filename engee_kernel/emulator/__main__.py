import sys

from engee_kernel.emulator.command import main

sys.exit(main())
