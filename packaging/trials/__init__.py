"""`make test-packages`: every package is installed where there is nothing, used by a person, and removed.

Root on Debian, since systems of their own are made (debootstrap) and entered (chroot). Linux only; the release
workflow does the like on Windows and macOS.
"""
