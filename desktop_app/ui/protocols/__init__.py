"""What the window uses of the services: one Protocol a service, named like it, with only what the widgets call.

The services themselves are joined in `desktop_app.assembly`; tests put small fakes in their place.
"""
