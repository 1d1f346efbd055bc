"""One protocol for each service, with the same name: only the signals and methods that the widgets use.

`desktop_app.assembly` gives the window the real services, tests give it fakes; mypy checks both.
"""
