"""How quickly the window reacts: `make bench-ui`.

Each part opens the real window, in a process of its own and a home folder of its own. A stand-in for the client of the
engine writes where the pace of the answer must be known; the real engine computes where the window has to share the
processors with it.
"""
