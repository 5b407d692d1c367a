from tests.apps.observing.conftest import put  # noqa: F401 - fixture
