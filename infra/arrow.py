"""pyarrow, which is an extra: whoever writes or reads Parquet and Arrow asks for it here."""

from __future__ import annotations

from types import ModuleType


class ArrowMissing(Exception):
    """Parquet and Arrow need pyarrow: pip install 'kehu[files]'"""

    def __str__(self) -> str:
        return str(self.__doc__)


def arrow() -> tuple[ModuleType, ModuleType, ModuleType]:
    """pyarrow, its functions and its Parquet. Raises `ArrowMissing` where it is not installed."""
    try:
        import pyarrow
        import pyarrow.compute
        import pyarrow.parquet
    except ImportError:
        raise ArrowMissing from None
    return pyarrow, pyarrow.compute, pyarrow.parquet
