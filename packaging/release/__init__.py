"""Makes the packages that people install: the program frozen with all it needs, and a package around it.

The steps are the same for all systems up to the folder that PyInstaller makes (`frozen.py`, `eyebright.spec`); then
there is one module for each kind of package. llama.cpp is compiled for all processors: its computing part is there
once for each kind, and the program loads the best that runs (`desktop_app/engine/llama/cpu_backend.py`). Standard
library only, except for what the environment of the build contains.
"""
