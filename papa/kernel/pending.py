"""A result that is not there yet: what a handler returns when something has to be looked up first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from papa.errors import Error

log = logging.getLogger('papa.kernel')


def bug(what: str) -> Error:
    """Log the exception that is being handled, which nobody expected, and return what the client is told."""
    log.exception('%s failed', what)
    return Error(f'{what} failed inside papa; its log says how')


class Pending:
    """One later result. `resolve` gives it, once; `take` says who wants it."""

    __slots__ = ('_takers', 'resolved', 'result')

    def __init__(self) -> None:
        self.resolved = False
        self.result: Any = None
        self._takers: list[Callable[[Any], None]] = []

    def resolve(self, result: Any) -> None:
        """Give the result; an `Error` stands for itself."""
        self.resolved = True
        self.result = result
        for taker in self._takers:
            taker(result)

    def take(self, taker: Callable[[Any], None]) -> None:
        """Call `taker` with the result, now or when it comes, in the order in which they asked."""
        if self.resolved:
            taker(self.result)
        else:
            self._takers.append(taker)

    def then(self, function: Callable[[Any], Any]) -> Pending:
        """What `function` makes of the result. An error passes it by; one that it raises is the result."""
        return self._followed_by(lambda result: result if isinstance(result, Error) else function(result))

    def afterwards(self, function: Callable[[], Any]) -> Pending:
        """What `function` returns, called when the result is there, whatever it is."""
        return self._followed_by(lambda _result: function())

    def _followed_by(self, function: Callable[[Any], Any]) -> Pending:
        following = Pending()

        def proceed(result: Any) -> None:
            try:
                result = function(result)
            except Error as error:
                result = error
            except Exception:  # noqa: BLE001 - whoever waits for the result must get one; it is logged
                result = bug('A command')
            if isinstance(result, Pending):
                result.take(following.resolve)
            else:
                following.resolve(result)

        self.take(proceed)
        return following
