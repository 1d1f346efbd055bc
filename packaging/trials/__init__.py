"""`make test-packages`: installs every package on a fresh system, uses it as a person would, and removes it.

Run as root on Debian, since it makes systems of its own (debootstrap) and enters them (chroot). Linux only; the
release workflow does the same on Windows and macOS with `local_trials.py`.
"""
