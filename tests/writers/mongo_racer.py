"""A publisher that races: ``python -m tests.writers.mongo_racer URL DATABASE``.

For each idempotency key that comes on a line of standard input it publishes at once, and answers with the id.
"""

import asyncio
import sys

from inbox.store.mongo import MongoStore
from tests.samples import submission

USERS = ("anna", "ben", "carl")


async def main(url: str, database: str) -> None:
    store = MongoStore(url, database=database)
    await store.open()
    print("ready", flush=True)  # noqa: T201
    while key := (await asyncio.to_thread(sys.stdin.readline)).strip():
        print((await store.publish(submission(*USERS, key=key))).id, flush=True)  # noqa: T201
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:3]))
