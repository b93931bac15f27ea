"""Changes of mind: a notification is taken back, or says something else. How far any notification is."""

from collections.abc import Callable

from inbox.errors import Conflict
from inbox.model import Progress
from inbox.store.base import VERSIONS_MAX
from inbox.store.mongo.contents import Contents
from inbox.store.mongo.jobs import Job, Jobs
from inbox.store.mongo.work import Worker


class Amender:
    def __init__(self, contents: Contents, jobs: Jobs, worker: Worker) -> None:
        self._contents = contents
        self._jobs = jobs
        self._worker = worker

    async def progress(self, tenant: str, notification: str) -> Progress | None:
        job = await self._find(tenant, notification)
        return None if job is None else await self._progress(job)

    async def cancel(self, tenant: str, notification: str) -> Progress | None:
        while (job := await self._find(tenant, notification)) is not None:
            if job.news.is_over:
                return await self._finish(job)
            if (cancelled := await self._jobs.move(job, state="cancelled", walk="")) is not None:
                return await self._finish(cancelled)
        return None

    async def amend(self, tenant: str, notification: str, change: Callable[[bytes], bytes]) -> Progress | None:
        """:raises Conflict: it is cancelled or expired, or has had too many versions."""
        while (job := await self._find(tenant, notification)) is not None:
            if job.news.is_over:
                raise Conflict(f"notification {job.id} is {job.state}: it cannot be changed any more")
            before = (await self._contents.one(job.id, job.version)).content
            if (after := change(before)) == before:
                return await self._finish(job)
            if job.version >= VERSIONS_MAX:
                raise Conflict(f"notification {job.id} has had {VERSIONS_MAX} versions: publish another one")
            # What is not on its way yet goes out in this version; nobody shows it in an older one.
            walk = job.walk if job.state == "scheduled" else ""
            if (amended := await self._jobs.move(job, content=after, version=job.version + 1, walk=walk)) is not None:
                return await self._finish(amended)
        return None

    async def _find(self, tenant: str, notification: str) -> Job | None:
        job = await self._jobs.find(notification)
        return job if job is not None and job.tenant == tenant else None

    async def _finish(self, job: Job) -> Progress:
        """How the job stands; a small one has come to its end."""
        return await self._progress(await self._worker.drive(job) if job.is_small else job)

    async def _progress(self, job: Job) -> Progress:
        made = await self._contents.one(job.id, job.version)
        topic = None if job.topic is None else job.topic.id
        return Progress(made, job.state, job.total, job.fanned_out, topic, job.send_at)
