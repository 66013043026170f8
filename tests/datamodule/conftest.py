"""The tests of this folder import `small_module`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
