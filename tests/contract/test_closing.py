"""How every microscope ends, and what it leaves behind: nothing."""

from __future__ import annotations

import re
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
import useq
from pursuit.drivers.microscope import Microscope, MicroscopeError
from pursuit.drivers.wire import RemoteMicroscope

from .watch import FAR_UM, Watch, moved


def test_closing_leaves_nothing_behind(kind) -> None:
    before = set(threading.enumerate())
    scope = kind.open()
    frames = scope.frames()
    frame = next(frames)
    scope.move(moved(frame, x=FAR_UM))
    scope.close()
    scope.close()
    assert set(threading.enumerate()) <= before
    assert list(frames) == []
    for begin in (lambda: scope.frames(), lambda: scope.acquire(useq.MDASequence())):
        with pytest.raises(MicroscopeError, match="closed"):
            next(begin())


def test_closing_halts_the_stage(scope: Microscope, kind, request) -> None:
    if "shared-memory" not in request.node.name and "inline" not in request.node.name:
        pytest.skip("after closing there is nobody left to ask")
    with closing(scope.frames()) as frames:
        watch = Watch(scope, frames)
        start = watch.until(lambda frame: True)
        away = -1.0 if start.pose.x_um > 0 else 1.0
        scope.move(moved(start, x=away * FAR_UM))
        watch.until(lambda frame: abs(frame.pose.x_um - start.pose.x_um) > 5.0)
    scope.close()
    with kind.open() as again, closing(again.frames()) as frames:
        rest = Watch(again, frames).until_still(next(frames))
    assert abs(rest.pose.x_um - start.pose.x_um) < FAR_UM - 100.0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_leaves_nothing_behind(serve) -> None:
    server = serve()
    with RemoteMicroscope("127.0.0.1", server.ready["port"]) as scope:
        next(scope.frames())
        maps = Path(f"/proc/{server.pid}/maps").read_text("utf-8")
    memories = {Path(name) for name in re.findall(r"/dev/shm/\S+", maps)}
    assert any(memory.exists() for memory in memories)
    server.end()
    assert not any(memory.exists() for memory in memories)
    assert not Path(f"/proc/{server.pid}").exists()
    assert server.failure == ""


def test_an_exception_closes_it(kind) -> None:
    with pytest.raises(ZeroDivisionError), kind.open() as scope:
        for _ in scope.frames():
            raise ZeroDivisionError
    with pytest.raises(MicroscopeError, match="closed"):
        next(scope.frames())


def test_it_can_be_closed_while_another_thread_waits_for_frames(kind) -> None:
    if not kind.threads:
        pytest.skip("virtual time has one thread")
    scope = kind.open()
    began, trouble = threading.Event(), []

    def follow() -> None:
        try:
            for _ in scope.frames(every=True):
                began.set()
        except Exception as error:
            trouble.append(error)

    thread = threading.Thread(target=follow)
    thread.start()
    assert began.wait(30)
    scope.close()
    thread.join(30)
    assert not thread.is_alive()
    assert not trouble
