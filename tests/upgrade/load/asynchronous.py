"""Watchers of the asyncio client."""

from __future__ import annotations

import asyncio

from papa import AsyncPapa
from papa.client.aio_streams import AsyncWatcher
from papa.events import Closed, Lost, Output

from .crew import Crew
from .verify import Transcript, check
from .workers import Report, Stage


def asynchronous(stage: Stage, report: Report, slots: int) -> None:
    """Tasks that each start one, watch it by `read` or by `events`, and start the next under the same name."""
    asyncio.run(_watch_all(stage, report, slots))


async def _watch_all(stage: Stage, report: Report, slots: int) -> None:
    crews = [Crew(stage, f'async.{slot}') for slot in range(slots)]
    async with AsyncPapa(stage.where, autostart=False) as papa:
        await asyncio.gather(*(_watch(stage, papa, crew) for crew in crews))
    for crew in crews:
        report.counts.update(crew.counts)


async def _watch(stage: Stage, papa: AsyncPapa, crew: Crew) -> None:
    while not (crew.counts['writers started'] and stage.stopping):
        plan = crew.new_plan()
        watcher = await papa.make_process(crew.name, watch_immediately=True, **plan.parameters)
        async with watcher:
            details = (await papa.list_processes(crew.name))[crew.name]
            transcript = crew.enter(crew.name, plan, details)
            await (_read(crew, watcher) if crew.dice.random() < 0.6 else _hear(crew, watcher, transcript))
        check(watcher.exit_code == {crew.name: plan.code}, f'{crew.name}: exit codes {watcher.exit_code}')
        check(watcher.dropped == {}, f'{crew.name}: it says that output was lost: {watcher.dropped}')


async def _read(crew: Crew, watcher: AsyncWatcher) -> None:
    async for outputs in watcher:
        crew.take(outputs)
        if crew.dice.random() < 0.3:
            await watcher.acknowledge()


async def _hear(crew: Crew, watcher: AsyncWatcher, transcript: Transcript) -> None:
    acknowledged = 0
    async for event in watcher.events():
        crew.tell_to_end()
        if isinstance(event, Output):
            transcript.take(event.stream, event.data, event.position)
            crew.counts['bytes compared'] += len(event.data)
            if event.position - acknowledged > 30000:
                acknowledged = crew.dice.randint(acknowledged, event.position)
                await watcher.acknowledge_output(event.name, acknowledged, event.id)
        elif isinstance(event, Lost):
            transcript.lose(event.start, event.end, event.reason)
        elif isinstance(event, Closed):
            transcript.close(event.exit_code)
            del crew.transcripts[event.id]
            crew.counts['writers exited'] += 1
    await watcher.acknowledge()
