"""Asks the kernel to forget the pages of a folder's files (posix_fadvise), which takes no privilege; pages in use stay.

Run: python scripts/sd/drop_cache.py DIR
"""

import os
import sys
from pathlib import Path

for path in Path(sys.argv[1]).rglob("*"):
    if path.is_file():
        handle = os.open(path, os.O_RDONLY)
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(handle)
