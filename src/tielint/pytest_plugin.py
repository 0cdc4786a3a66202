"""The pytest fixture `assert_tied`. torch is imported when a test asks for it, and not when pytest starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="session")
def assert_tied() -> Callable[..., None]:
    """`tielint.torch.assert_tied`, for tests that take it as an argument."""
    from tielint.torch.guard import assert_tied as guard

    return guard
