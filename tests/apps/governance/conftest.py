"""The people of the tests of work."""

from tests.apps.matters.conftest import office  # noqa: F401 - fixture
