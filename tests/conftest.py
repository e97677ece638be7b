"""What every test may use."""

from hypothesis import settings

settings.load_profile("ci")  # the same examples every time and no deadline; the profile `default` looks further

pytest_plugins = ["tests.servers", "tests.house"]
