"""`Records`: a result that each dialect shows in its own way."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Record(Protocol):
        """One of many that are listed."""

        def details(self) -> dict[str, Any]:
            """Its fields."""

        def row(self) -> tuple[tuple[str, ...], str]:
            """The same for a table: the names of the fields, and their values by `structured.encode_values`."""


class Records(dict[str, 'Record']):
    """Records by name. There may be thousands: so each gives what its dialect needs in one go."""

    __slots__ = ()
