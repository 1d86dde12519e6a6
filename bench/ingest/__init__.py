"""How long imports take beside the least they could take: real servers, real HTTP, counts that are checked."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))  # servers, processes, supervisor: what a run is started by
