"""What tests share. Import from here; fixtures come by themselves through conftest.py."""
