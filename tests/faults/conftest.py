"""What tests of faults share: they say which fault they made, what came of it, and what was said."""

import re
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """All tests of this folder are faults."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("faults")


@pytest.fixture
def withstood(request):
    """`withstood(fault, became)` where it heals; with a message and a pattern of its way out where somebody is told."""

    def tell(fault: str, became: str, message: str = "", way_out: str = "") -> None:
        assert not way_out or re.search(way_out, message), f"{fault}: no way out ({way_out}) in: {message}"
        mark = "told  " if way_out else "healed"
        request.node.user_properties.append(("faults", (mark, fault, became, " ".join(message.split()))))

    return tell
