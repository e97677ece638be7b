"""Server processes are found again, ended whole, and held by one run at a time."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.local.problems import ServerProblem, explain_ending, explained_disk_errors
from deploy.local.processes import Recipe, ServerProcess, free_port, process_table, sole_use, tree

# A server with one child, both deaf to the polite signal when told so; otherwise it says goodbye.
SERVER = """
import os, signal, sys, time
def leave(*_):
    os.write(1, b"goodbye")
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "deaf" else leave)
if os.fork() == 0:
    signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "deaf" else signal.SIG_DFL)
    print("child", flush=True)
time.sleep(600)
"""


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def recipe(folder: Path, *, hearing: str = "hears") -> Recipe:
    log = folder / "server.log"
    return Recipe(
        name="The server",
        command=[sys.executable, "-c", SERVER, hearing],
        port=free_port(),
        log=log,
        record=folder / "server.process.json",
        is_ready=lambda _pid: "child" in log.read_text(),
        stop_signal=signal.SIGTERM,
        stop_limit_s=0.3,
    )


def test_a_killed_server_leaves_no_child_behind(tmp_path: Path) -> None:
    server = ServerProcess(recipe(tmp_path))
    server.start()
    server.wait_until_ready()
    family = tree(server.pid)
    assert len(family) == 2
    server.kill()
    assert process_table().keys().isdisjoint(family)
    assert not server.is_running


def test_a_server_deaf_to_the_polite_signal_is_ended_by_force(tmp_path: Path) -> None:
    server = ServerProcess(recipe(tmp_path, hearing="deaf"))
    server.start()
    server.wait_until_ready()
    family = tree(server.pid)
    server.stop()
    assert process_table().keys().isdisjoint(family)
    assert not server.recipe.record.exists()


def test_a_paused_server_is_let_go_on_to_end_in_good_order(tmp_path: Path) -> None:
    server = ServerProcess(recipe(tmp_path))
    server.start()
    server.wait_until_ready()
    family = tree(server.pid)
    server.pause()
    server.stop()
    assert "goodbye" in server.recipe.log.read_text()
    assert process_table().keys().isdisjoint(family)


def test_a_server_left_by_a_killed_run_is_ended_by_the_next(tmp_path: Path) -> None:
    left = subprocess.Popen([sys.executable, "-c", SERVER, "deaf"], stdout=subprocess.DEVNULL)  # noqa: S603 - ours
    assert eventually(lambda: len(tree(left.pid)) == 2)
    family = tree(left.pid)
    next_run = ServerProcess(recipe(tmp_path))
    next_run.recipe.record.write_text(json.dumps({"pid": left.pid, "started": process_table()[left.pid].started}))
    next_run.end_orphan()
    left.wait(10)
    assert process_table().keys().isdisjoint(family)


def test_another_program_that_got_the_same_process_id_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        server = ServerProcess(recipe(tmp_path))
        server.recipe.record.write_text(json.dumps({"pid": stranger.pid, "started": "0"}))
        server.end_orphan()
        assert stranger.poll() is None
        assert not server.recipe.record.exists()
    finally:
        stranger.kill()
        stranger.wait()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    server = ServerProcess(recipe(tmp_path))
    with (
        socket.create_server(("127.0.0.1", server.recipe.port)),
        pytest.raises(ServerProblem, match=f"port {server.recipe.port} of 127.0.0.1 is used by another program"),
    ):
        server.start()
    assert not server.is_running


def test_a_second_run_on_the_same_folder_is_told_who_holds_it(tmp_path: Path) -> None:
    with (
        sole_use(tmp_path),
        pytest.raises(ServerProblem, match=rf"in use by another run \(process {os.getpid()}\)"),
        sole_use(tmp_path),
    ):
        pass
    with sole_use(tmp_path):
        assert (tmp_path / "lock").read_text() == str(os.getpid())


def test_a_full_disk_in_the_log_of_a_server_is_said_in_one_sentence(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text('FATAL:  could not write to file "pg_wal/xlogtemp.1": No space left on device\nLOG: shut down\n')
    assert explain_ending("PostgreSQL", log).message == "PostgreSQL could not start: The disk is full."


def test_the_log_of_an_earlier_run_does_not_explain_this_one(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    log.write_text("FATAL:  No space left on device\n")
    earlier = log.stat().st_size
    log.write_text(log.read_text() + "FATAL:  the configuration is odd\n")
    assert "the configuration is odd" in explain_ending("PostgreSQL", log, earlier).message


def test_a_full_disk_while_files_are_laid_out_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ServerProblem, match=f"The disk that holds {tmp_path} is full"), explained_disk_errors(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
