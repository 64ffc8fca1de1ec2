"""`python -m benchmarks`: what a tool call costs, layer by layer."""

import sys

from benchmarks.front import main

sys.exit(main())
