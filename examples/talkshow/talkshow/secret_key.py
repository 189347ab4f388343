"""The key that signs sessions: given by the environment, else made once and kept with the data."""

import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def secret_key(data: Path) -> str:
    """`SECRET_KEY`, else the content of `secret_key` in the data folder, which is made if need be.

    Where there is no data folder yet (static files are collected at build), the key is of no use
    to anybody and lives as long as the process.
    """
    given = os.environ.get("SECRET_KEY")
    if given:
        return given
    if not data.is_dir():
        return get_random_secret_key()
    kept = data / "secret_key"
    if not kept.exists():
        _keep(kept, get_random_secret_key())
    return kept.read_text()


def _keep(path: Path, key: str) -> None:
    """Writes the whole file under another name first: two processes may start at once, and the
    first one's key counts for both."""
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret_key.")
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)
