"""`/metrics`: numbers for Prometheus, in its text format (version 0.0.4). Everything is read when it is asked for."""

import os
from collections.abc import Iterator

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from condafs.catalog.events import EventKind
from condafs.catalog.records import BuildState
from condafs.web.house import House, HouseOf, ViewerOf
from condafs.web.tally import BUCKETS_SECONDS, Tally

router = APIRouter(tags=["machine"])


@router.get("/metrics", summary="For Prometheus", response_class=PlainTextResponse)
async def metrics(request: Request, house: HouseOf, _: ViewerOf) -> Response:
    """Builds by state, queue, durations, tries, bytes of exports, disk."""
    del request
    text = "\n".join([*_lines(house), ""])
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _lines(house: House) -> Iterator[str]:
    with house.catalog.snapshot() as snapshot:
        house.tally.follow(snapshot)
        states = snapshot.count_by_state()
        environments = len(house.names.in_use(snapshot))
    yield from _family("condafs_environments", "gauge", "Environments that are not retired.")
    yield f"condafs_environments {environments}"
    yield from _family("condafs_builds", "gauge", "Builds by state.")
    yield from (f'condafs_builds{{state="{state.value}"}} {count}' for state, count in states.items())
    yield from _family("condafs_queue_length", "gauge", "Builds that wait for a builder or for their next try.")
    yield f"condafs_queue_length {states[BuildState.QUEUED] + states[BuildState.WAITING]}"
    yield from _family("condafs_events_total", "counter", "What happened since the server started, by kind.")
    yield from (f'condafs_events_total{{kind="{kind.value}"}} {house.tally.events[kind.value]}' for kind in EventKind)
    yield from _family("condafs_build_retries_total", "counter", "Tries that failed and were followed by another.")
    yield f"condafs_build_retries_total {house.tally.events[EventKind.WAITING.value]}"
    yield from _durations(house.tally)
    yield from _family("condafs_http_streams", "gauge", "Answers without an end that are open.")
    yield f"condafs_http_streams {house.streams.open}"
    yield from _family("condafs_export_bytes_total", "counter", "Bytes of archives and layers that were sent.")
    yield f"condafs_export_bytes_total {house.streams.bytes_sent}"
    yield from _disk(house)


def _durations(tally: Tally) -> Iterator[str]:
    name = "condafs_build_seconds"
    yield from _family(name, "histogram", "How long builds took that were published.")
    total = 0
    for most, count in zip([*BUCKETS_SECONDS, "+Inf"], tally.durations, strict=True):
        total += count
        yield f'{name}_bucket{{le="{most}"}} {total}'
    yield f"{name}_sum {tally.seconds:.3f}"
    yield f"{name}_count {total}"


def _disk(house: House) -> Iterator[str]:
    try:
        found = os.statvfs(house.settings.state)
    except OSError:
        return
    for kind, blocks in (("free", found.f_bavail), ("total", found.f_blocks)):
        yield from _family(f"condafs_disk_{kind}_bytes", "gauge", f"Of the disk where builds are: {kind}.")
        yield f"condafs_disk_{kind}_bytes {blocks * found.f_frsize}"


def _family(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
