"""How many ledgers are spoilt, in runs of fifty."""

import pytest

_RUN = 50


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "spoilt" in metafunc.fixturenames:
        most = metafunc.config.getoption("--spoilt")
        metafunc.parametrize("spoilt", [(first, min(_RUN, most - first)) for first in range(0, most, _RUN)], ids=str)
