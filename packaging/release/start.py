"""Where the frozen program begins. PyInstaller wants a file; a module that is run has no other purpose."""

import sys

from desktop_app.__main__ import main

sys.exit(main())
