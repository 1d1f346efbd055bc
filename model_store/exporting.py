"""An installed model as a folder that can be carried to another computer."""

from __future__ import annotations

from pathlib import Path

from model_store.copying import Report, silent
from model_store.library import Library


def export(library: Library, model_id: str, folder: Path, report: Report = silent) -> Path:
    """Copy a model with manifest, hashes and licence into a new folder below `folder`, and return that.

    What was copied is read back from the disk and compared. `import_files` takes the folder on the other
    computer. An export that was cut short goes on where it was.
    Raises StoreError: not-installed, no-room, files-wrong, copy-differs, export-taken, model-folder-unusable.
    """
    raise NotImplementedError
