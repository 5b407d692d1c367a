"""The people of the tests of work."""

from tests.apps.matters.conftest import _quick_passwords, office  # noqa: F401 - fixtures
