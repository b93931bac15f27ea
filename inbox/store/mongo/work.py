"""Doing the work of jobs, step by step: what a request waits for, and what is due by any process."""

import asyncio
from functools import partial

from inbox.store.mongo.fanout import FanOut
from inbox.store.mongo.jobs import LEASE_MS, Job, Jobs
from inbox.store.mongo.patience import persist
from inbox.store.mongo.walk import Walk
from inbox.times import now_ms

AT_ONCE = 16
"""Jobs that one call of ``work`` takes a step on."""


class Worker:
    def __init__(self, jobs: Jobs, fan_out: FanOut, walk: Walk) -> None:
        self._jobs = jobs
        self._fan_out = fan_out
        self._walk = walk

    async def drive(self, job: Job) -> Job:
        """Do all that can be done now; the job as it stands then."""
        while job.next_step(now_ms()) != "rest":
            job = await self._step(job) or await self._jobs.find(job.id) or job
        return job

    async def work(self) -> float | None:
        """One step on each of a few jobs that are due; seconds until the next is."""
        claimed: list[Job] = []
        while len(claimed) < AT_ONCE and (job := await persist(self._jobs.claim)) is not None:
            claimed.append(job)
        outcomes = await asyncio.gather(*(self._piece(job) for job in claimed), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        next_due_at = await persist(self._jobs.next_due_at)
        return None if next_due_at is None else max(0, next_due_at - now_ms()) / 1000

    async def _piece(self, job: Job) -> None:
        """One step that reaches items. Where there is none to take, the job is put back."""
        moved: Job | None = job
        if job.next_step(now_ms()) in ("start", "expire"):
            moved = await persist(partial(self._step, job))
        if moved is not None:
            await persist(partial(self._step, moved))

    async def _step(self, job: Job) -> Job | None:
        """One bounded step; the job as it stands then, ``None`` if somebody else has moved it."""
        now = now_ms()
        match job.next_step(now):
            case "start":
                return await self._jobs.move(job, due_at=now + LEASE_MS, state="running")
            case "expire":
                return await self._jobs.move(job, due_at=now + LEASE_MS, state="expired", walk="")
            case "fan_out":
                return await self._fan_out.step(job)
            case "update" | "remove":
                return await self._walk.step(job)
            case "rest":
                return await self._jobs.move(job)
