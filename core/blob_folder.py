"""Raw files in a folder below MEDIA_ROOT. What the files are is none of its business: see core/blobs.py."""

import os
import tempfile
from pathlib import Path

from django.core.files import File
from django.core.files.storage import FileSystemStorage


class BlobFolder(FileSystemStorage):
    """Django's folder, but a file has its name only once it is complete and synced."""

    address = ""

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = tempfile.NamedTemporaryFile(dir=path.parent, delete=False)
        try:
            with file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(file.name, path)
        except BaseException:
            os.unlink(file.name)
            raise
        return name

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The same name is the same bytes: who comes second writes them once more."""
        return name

    def probe(self) -> None:
        """Raise OSError unless a file can be written."""
        folder = Path(self.location)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"?")
