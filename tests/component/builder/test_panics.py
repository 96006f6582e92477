"""Panics of rattler's threads end a build that would wait for ever."""

import subprocess
import sys

import pytest

SCRIPT = """
import os, sys, threading
from condafs.builder import panics
from condafs.builder.transcript import Transcript
panics._PATIENCE_SECONDS = 0.01
over = threading.Event()
def end(text):
    print(text, flush=True)
    over.set()
panics.watch_standard_error(Transcript(os.dup(2)), end)
os.write(2, sys.argv[1].encode())
print(over.wait(float(sys.argv[2])))
"""
PANIC = "thread 'tokio-rt-worker' (18902) panicked at registry.rs:171:10:\nThe global thread pool is not there\n"


def run_script(text: str, seconds: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, text, str(seconds)], check=True, capture_output=True, text=True, timeout=30
    )


def test_a_panic_ends_it_with_its_text_which_is_in_the_log() -> None:
    ended = run_script(PANIC, 20)
    assert ended.stdout == PANIC + "True\n"
    assert "builder | thread 'tokio-rt-worker' (18902) panicked at" in ended.stderr


@pytest.mark.parametrize("text", ["warning: nothing to worry about\n", "the cat panicked at the dog\n"])
def test_anything_else_is_only_logged(text: str) -> None:
    ended = run_script(text, 0.2)
    assert ended.stdout == "False\n"
    assert f"builder | {text}" in ended.stderr
