"""Tasks through executors: what is lost is computed again, nothing twice, and what kills its worker is said to."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from chainrule.errors import DataError
from chainrule.workers import IN_FLIGHT, DaskCluster, Processes, WorkerDied, Workers, WorkersError, run, workers_of

# What workers do. They find these functions by name: this module is imported in their processes as well.


def square(task, common):
    return task * task + common


def noted(task, folder):
    """Note each time that a task is begun; kill the worker where the task says so."""
    name, kills = task
    with open(Path(folder, name), "a") as file:
        file.write("x")
    if kills < 0 or len(Path(folder, name).read_text()) <= kills:
        time.sleep(1)  # a nanny whose worker dies while it begins starts no other
        os.kill(os.getpid(), signal.SIGKILL)
    return name


def failing(task, common):
    if task % 3 == 0:
        raise DataError("bad_count", what="task", read=task)
    if task % 3 == 1:
        raise Unsaid(lambda: task)
    return task


class Unsaid(Exception):
    """An error that cannot travel."""


def total(task, table):
    return float(table[task].sum())


def asleep(task, common):
    time.sleep(60 if task == 3 else 0)
    return task


@pytest.fixture(scope="module")
def processes():
    os.environ["PYTHONPATH"], before = os.path.dirname(__file__), os.environ.get("PYTHONPATH")
    with Processes(2) as workers:
        yield workers
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture
def cluster():
    """A scheduler and two worker processes, which are started again when they die."""
    import dask
    from distributed import LocalCluster

    os.environ["PYTHONPATH"], before = os.path.dirname(__file__), os.environ.get("PYTHONPATH")
    with (
        dask.config.set({"distributed.worker.profile.enabled": False, "distributed.scheduler.allowed-failures": 0}),
        LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, silence_logs=60) as at,
    ):
        yield at
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(params=["processes", "dask"])
def workers(request):
    """Processes of this machine, and a Dask cluster."""
    if request.param == "processes":
        yield request.getfixturevalue("processes")
    else:
        with DaskCluster(request.getfixturevalue("cluster").scheduler_address) as found:
            yield found


def test_each_task_has_one_outcome(workers):
    """Alone and together, more than are on their way at once."""
    for together in (1, 7):
        outcomes = list(run(square, iter(range(100)), 1, workers, together=together))
        assert sorted(outcome.task for outcome in outcomes) == list(range(100))
        assert all(outcome.value() == outcome.task**2 + 1 for outcome in outcomes)


def test_a_worker_that_dies_takes_nothing_with_it(workers, tmp_path):
    """One task kills its worker once, one twice, one whenever it runs: the others are done, each once."""
    tasks = [(f"t{k}", {7: 1, 20: 2, 31: -1}.get(k, 0)) for k in range(40)]
    outcomes = list(run(noted, tasks, str(tmp_path), workers, together=4))
    assert sorted(outcome.task[0] for outcome in outcomes) == sorted(name for name, _ in tasks)
    for outcome in outcomes:
        if outcome.task[0] == "t31":
            assert isinstance(outcome.error, WorkerDied)
            with pytest.raises(WorkerDied):
                outcome.value()
        else:
            assert outcome.error is None and outcome.result == outcome.task[0]


def slow(task, folder):
    with suppress(FileExistsError):
        Path(folder, str(os.getpid())).touch(exist_ok=False)
    time.sleep(0.05)
    return task


def test_a_worker_killed_from_outside(workers, tmp_path):
    """SIGKILL to whichever worker, three times while tasks go on."""
    killed = []

    def killer():
        while len(killed) < 3:
            time.sleep(0.1)
            for path in tmp_path.iterdir():
                pid, age = int(path.name), time.time() - path.stat().st_ctime
                if pid not in killed and age > 1.5:  # a nanny whose worker dies while it begins starts no other
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    break

    def tasks():
        for count in itertools.count():
            if len(killed) == 3 and count >= 40:
                return
            yield count

    thread = threading.Thread(target=killer)
    thread.start()
    outcomes = list(run(slow, tasks(), str(tmp_path), workers))
    thread.join()
    assert sorted(outcome.value() for outcome in outcomes) == list(range(len(outcomes)))
    assert len(outcomes) >= 40


def test_what_a_function_raises_is_its_outcome(workers):
    """By its type where it can travel, by its words where it cannot; and it is not tried again."""
    outcomes = {outcome.task: outcome for outcome in run(failing, range(9), None, workers)}
    assert isinstance(outcomes[3].error, DataError) and outcomes[3].error.facts["read"] == 3
    assert isinstance(outcomes[4].error, RuntimeError) and "Unsaid" in str(outcomes[4].error)
    assert outcomes[5].value() == 5


def test_what_tasks_share_may_be_large(workers):
    """A table of 4 MB is there in every task."""
    table = np.arange(500_000.0).reshape(100, -1)
    outcomes = run(total, range(100), table, workers)
    assert sum(outcome.value() for outcome in outcomes) == table.sum()


def test_tasks_are_taken_as_they_are_needed():
    """No more are on their way than keep the workers busy, and leaving early takes no more."""
    taken = []

    def tasks():
        for k in range(1000):
            taken.append(k)
            yield k

    with ThreadPoolExecutor(2) as threads:
        outcomes = run(square, tasks(), 0, workers_of(threads), together=3)
        next(outcomes)
        assert len(taken) <= (IN_FLIGHT * 2) * 3
        outcomes.close()
        assert threads.submit(pow, 2, 3).result() == 8  # it was given, and is not ended


def test_workers_that_hang_are_ended():
    """Where nothing is heard the task is tried again, and then given up; the others are done."""
    with Processes(2) as workers:
        outcomes = {outcome.task: outcome for outcome in run(asleep, range(6), None, workers, patience=3)}
    assert isinstance(outcomes.pop(3).error, WorkerDied)
    assert sorted(outcome.value() for outcome in outcomes.values()) == [0, 1, 2, 4, 5]


def test_any_executor():
    """A pool that was given; it is asked how many tasks it does at a time."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool, workers_of(pool) as workers:
        assert workers.count == 2
        assert sorted(outcome.value() for outcome in run(pow, [1, 2, 3], 2, workers)) == [1, 4, 9]
    assert isinstance(workers_of(3), Processes) and workers_of(3).count == 3
    assert workers_of(workers) is workers


def test_a_dask_client_s_executor(cluster):
    """As `client.get_executor()` gives it."""
    from distributed import Client

    with Client(cluster.scheduler_address, set_as_default=False) as client:
        workers = workers_of(client.get_executor())
        assert workers.count == 2
        assert sorted(outcome.value() for outcome in run(square, range(20), 0, workers)) == [k * k for k in range(20)]


def test_no_scheduler(monkeypatch):
    """An address where nobody answers."""
    monkeypatch.setattr("chainrule.workers.CONNECT", 2)
    with pytest.raises(WorkersError) as found:
        DaskCluster("tcp://127.0.0.1:9")
    assert "tcp://127.0.0.1:9" in found.value.message()


def test_a_scheduler_that_goes_away():
    """Its client leaves futures as they are for ever; a run ends all the same."""
    from dask import config
    from distributed import LocalCluster

    with (
        config.set({"distributed.comm.timeouts.connect": "1s"}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None, silence_logs=60
        ) as cluster,
        DaskCluster(cluster.scheduler_address) as workers,
    ):
        outcomes = run(slow_and_steady, range(1000), 0, workers)
        next(outcomes)
        workers.client.loop.add_callback(workers.client._close)
        with pytest.raises(WorkersError):
            list(outcomes)


def slow_and_steady(task, common):
    time.sleep(0.05)
    return task


class Broken(Workers):
    """Workers that can do nothing."""

    def __init__(self, error):
        super().__init__(None, 2)
        self.error = error

    def submit(self, function, *args):
        raise self.error


def test_workers_that_can_do_nothing_are_said():
    """Whether tasks cannot be given, or are always lost."""
    with pytest.raises(WorkersError) as found:
        list(run(square, range(5), 0, Broken(RuntimeError("closed"))))
    assert "closed" in found.value.message()


def test_a_script_without_a_guard(tmp_path):
    """Processes that cannot start are said once, with what to do, and not once for each task."""
    script = tmp_path / "script.py"
    script.write_text(
        "from chainrule.workers import Processes, run\n"
        "with Processes(1) as workers:\n    list(run(pow, range(50), 2, workers))\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100, check=False)
    assert 'if __name__ == "__main__"' in done.stderr.splitlines()[-1], done.stderr


def test_processes_end_with_the_one_that_started_them(tmp_path):
    """Even where that is killed, and can end nobody."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, time\nfrom chainrule.workers import Processes, run\n"
        "def pid(task, common):\n    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    workers = Processes(1)\n"
        "    [found] = run(pid, [1], None, workers)\n    print(found.value(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=100, check=False)
    worker = int(done.stdout)
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    raise AssertionError("the worker lives on")
