"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

from tests.dask import scheduler  # noqa: F401 (a fixture)

# How long an example takes says nothing: machines are shared, and kernels compile at first use.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
