"""The window: Qt Widgets only. It knows the services, and neither the engine process nor the database."""
