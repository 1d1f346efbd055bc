"""The measurements of `make bench`, each with the module that makes it and its time limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Party:
    """What is measured under one name: by which module of this package, and how long it may take."""

    module: str
    limit_s: float  # with the real shapes, on a slow computer


#: In the order of measuring.
PARTIES = {
    "window": Party("window", 300),
    "tuning": Party("tuning", 200),
    "ours": Party("eyebright_engine", 1800),
    "quick_look": Party("quick_look", 1800),
    "models": Party("compared_models", 1200),  # for each of them
    "low_memory": Party("low_memory_run", 1200),
    "sweep": Party("sweep", 2400),
    "repacked": Party("repacked", 1200),
    "stock": Party("stock_handler", 2400),
    "programs": Party("programs", 2400),
    "packaged": Party("packaged", 1200),
}
