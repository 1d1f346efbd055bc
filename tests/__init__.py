"""The tests of Eyebright; they mirror the packages."""
