"""The script with which the frozen program starts: PyInstaller needs a file rather than a module."""

import sys

from desktop_app.__main__ import main

sys.exit(main())
