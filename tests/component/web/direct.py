"""A mount that is asked without threads, so that the tests' clock can jump."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar, TypeVarTuple

import trio

from condafs.client.envs import Envs
from condafs.errors import CondafsError
from condafs.web.errors import BusyError
from condafs.web.mount import Mount

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class DirectMount(Mount):
    """Answers at once, or not at all.

    Attributes:
        asked: How often each function was asked, by name.
        is_away: Whether its daemon is.
        may_answer: Set unless who asks is to be kept waiting.
    """

    def __init__(self, envs: Envs) -> None:
        super().__init__(envs)
        self.asked: Counter[str] = Counter()
        self.is_away = False
        self.may_answer = trio.Event()
        self.may_answer.set()

    async def ask(
        self, function: Callable[[Envs, *Ts], T], *arguments: *Ts, patience_seconds: float | None = None
    ) -> T:
        del patience_seconds
        await self.may_answer.wait()
        await trio.lowlevel.checkpoint()
        named = function.func if isinstance(function, partial) else function
        self.asked[named.__name__] += 1
        if self.is_away:
            raise self.trouble
        return function(self.envs, *arguments)

    @property
    def trouble(self) -> CondafsError:
        return BusyError("the daemon is away")
