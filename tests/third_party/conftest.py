"""The sample plugin of a third party, really installed for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.testing.installed import install, on_path


@pytest.fixture(scope="session")
def folder_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `clearinghouse-folder` is installed."""
    return install(Path(__file__).with_name("clearinghouse_folder"), tmp_path_factory.mktemp("third_party"))


@pytest.fixture
def folder_plugin(folder_site: Path) -> Iterator[Path]:
    """`clearinghouse-folder` on the import path, as if installed, here and in processes that the test starts."""
    with on_path(folder_site):
        yield folder_site
