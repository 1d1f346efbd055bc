"""What a person double-clicks: the program frozen with all it needs, and packages around it.

The same for all systems up to the folder that PyInstaller makes (`frozen.py`, `eyebright.spec`); then one
module for each kind of package. Standard library only, but for what the build's own environment brings.
"""
