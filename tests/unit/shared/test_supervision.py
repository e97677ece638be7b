"""Background tasks: tried again, kept down, stopped in good order."""

import asyncio

from shared.supervision import HaltedError, Progress, State, Supervised


async def until(task: Supervised, state: State) -> None:
    async with asyncio.timeout(10):
        while task.progress.state is not state:  # noqa: ASYNC110 (the task tells nobody)
            await asyncio.sleep(0.005)


async def test_a_task_that_fails_is_tried_again_until_it_runs() -> None:
    attempts: list[None] = []

    async def work(progress: Progress) -> None:
        attempts.append(None)
        if len(attempts) < 3:
            raise OSError("not yet")
        progress.at_work()
        await asyncio.Event().wait()

    task = Supervised("work", work)
    task.start()
    await until(task, State.RETRYING)
    assert task.progress.detail == "OSError: not yet"
    assert not task.progress.has_run
    await until(task, State.RUNNING)
    assert (task.progress.detail, task.progress.has_run, len(attempts)) == ("", True, 3)
    await task.stop()
    assert task.progress.state is State.STOPPED


async def test_a_task_that_halts_stays_down_and_says_why_until_it_is_started_again() -> None:
    attempts: list[None] = []

    async def work(progress: Progress) -> None:
        attempts.append(None)
        if len(attempts) == 1:
            raise HaltedError("position 4 is missing")
        progress.at_work()
        await asyncio.Event().wait()

    task = Supervised("work", work)
    task.start()
    await until(task, State.HALTED)
    assert task.progress.detail == "position 4 is missing"
    await task.stop()
    assert len(attempts) == 1
    assert task.progress.state is State.HALTED
    task.start()
    await until(task, State.RUNNING)
    await task.stop()


async def test_a_halted_task_that_may_look_again_goes_on_once_its_cause_is_mended() -> None:
    mended = asyncio.Event()
    attempts: list[None] = []

    async def work(progress: Progress) -> None:
        attempts.append(None)
        if not mended.is_set():
            raise HaltedError("the topic has a hole")
        progress.at_work()
        await asyncio.Event().wait()

    task = Supervised("work", work, look_again_s=0.01)
    task.start()
    async with asyncio.timeout(10):
        while len(attempts) < 3:
            assert task.progress.state in {State.STARTING, State.HALTED}
            await asyncio.sleep(0.005)
    assert task.progress.detail == "the topic has a hole"
    mended.set()
    await until(task, State.RUNNING)
    assert task.progress.detail == ""
    await task.stop()


async def test_a_task_that_ends_by_itself_is_started_again() -> None:
    attempts: list[None] = []

    async def work(progress: Progress) -> None:
        attempts.append(None)
        if len(attempts) > 1:
            progress.at_work()
            await asyncio.Event().wait()

    task = Supervised("work", work)
    task.start()
    await until(task, State.RUNNING)
    assert len(attempts) == 2
    await task.stop()


async def test_stopping_waits_until_the_task_has_cleaned_up() -> None:
    cleaned: list[None] = []

    async def work(progress: Progress) -> None:
        progress.at_work()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(None)

    task = Supervised("work", work)
    task.start()
    await until(task, State.RUNNING)
    await task.stop()
    assert cleaned == [None]
