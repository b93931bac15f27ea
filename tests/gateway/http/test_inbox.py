"""The pull side: pages, changes, counts and marks."""

from typing import Any

import msgspec
import pytest

from gateway.http import views
from gateway.http.paging import encode_next
from gateway.marks import MARK_OPS
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio

EMPTY = {"unread": 0, "unseen": 0}


async def mark(api: Api, op: str, user: str = "alice", **body: Any) -> dict[str, Any]:
    answer = await api.http.post(f"/v1/inbox/{op}", json=body, headers=api.user(user))
    assert answer.status_code == 200, answer.text
    done: dict[str, Any] = answer.json()
    return done


async def fill(api: Api, count: int) -> list[str]:
    """Publish ``count`` notifications to alice; the ids of her items, oldest first."""
    for n in range(count):
        await api.published(title=f"n{n}")
    items = (await api.inbox(limit=100))["items"]
    return [item["id"] for item in reversed(items)]


async def test_an_inbox_never_written_is_empty_and_stands_at_0(api: Api) -> None:
    page = await api.inbox()

    assert page.pop("epoch")
    assert page == {"items": [], "next": None, "seq": 0, "counts": EMPTY}


async def test_pages_follow_each_other_newest_on_top_without_overlap(api: Api) -> None:
    await fill(api, 7)
    titles: list[str] = []
    query: dict[str, Any] = {"limit": 3}
    sizes = []
    while True:
        page = await api.inbox(**query)
        titles += [item["title"] for item in page["items"]]
        sizes.append(len(page["items"]))
        if page["next"] is None:
            break
        query["before"] = page["next"]

    assert titles == [f"n{n}" for n in reversed(range(7))]
    assert sizes == [3, 3, 1]


async def test_a_page_holds_25_items_unless_asked(api: Api) -> None:
    await fill(api, 26)

    assert len((await api.inbox())["items"]) == 25


@pytest.mark.parametrize(
    ("status", "titles"),
    [
        ("inbox", ["n3", "n2", "n1"]),
        ("unread", ["n3", "n2"]),
        ("unseen", ["n3"]),
        ("archived", ["n0"]),
        ("all", ["n3", "n2", "n1", "n0"]),
    ],
)
async def test_a_page_shows_what_has_the_status(api: Api, status: str, titles: list[str]) -> None:
    ids = await fill(api, 4)
    await mark(api, "archive", ids=[ids[0]])
    await mark(api, "read", ids=[ids[1]])
    await mark(api, "seen", ids=[ids[2]])

    assert [item["title"] for item in (await api.inbox(status=status))["items"]] == titles


async def test_a_page_shows_one_category(api: Api) -> None:
    await api.published(category="orders", title="order")
    await api.published(category="chat", title="chat")

    assert [item["title"] for item in (await api.inbox(category="chat"))["items"]] == ["chat"]


async def test_changes_of_a_stream_never_written_are_none(api: Api) -> None:
    epoch = (await api.inbox())["epoch"]
    answer = await api.http.get("/v1/inbox/changes", params={"epoch": epoch, "since": 0}, headers=api.user("alice"))

    assert answer.json() == {"epoch": epoch, "seq": 0, "entries": [], "more": False}


async def test_changes_come_dense_and_in_order_page_by_page(api: Api) -> None:
    ids = await fill(api, 3)
    await mark(api, "read", ids=ids)
    epoch = (await api.inbox())["epoch"]
    first, second = [
        (
            await api.http.get(
                "/v1/inbox/changes", params={"epoch": epoch, "since": since, "limit": 2}, headers=api.user("alice")
            )
        ).json()
        for since in (0, 2)
    ]

    assert [entry["seq"] for entry in first["entries"] + second["entries"]] == [1, 2, 3, 4]
    assert (first["more"], second["more"]) == (True, False)
    assert second["seq"] == 4
    assert second["entries"][1]["kind"] == "read"
    assert second["entries"][1]["counts"] == EMPTY


@pytest.mark.parametrize(("epoch", "since"), [("foreign", 1), (None, 2), (None, 2**53 - 1)])
async def test_a_cursor_that_cannot_be_served_is_a_reset(api: Api, epoch: str | None, since: int) -> None:
    await fill(api, 1)
    params = {"epoch": epoch or (await api.inbox())["epoch"], "since": since}
    answer = await api.http.get("/v1/inbox/changes", params=params, headers=api.user("alice"))

    assert (answer.status_code, answer.json()["code"]) == (410, "stream_reset")


async def test_counts_say_where_the_stream_stands(api: Api) -> None:
    ids = await fill(api, 3)
    await mark(api, "seen", ids=ids[:1])
    answer = await api.http.get("/v1/inbox/counts", headers=api.user("alice"))

    assert answer.json() == {
        "epoch": (await api.inbox())["epoch"],
        "seq": 4,
        "counts": {"unread": 3, "unseen": 2},
    }


@pytest.mark.parametrize(
    ("op", "undo", "member"),
    [("read", "unread", "read_at"), ("seen", None, "seen_at"), ("archive", "unarchive", "archived_at")],
)
async def test_a_mark_sets_its_time_and_its_opposite_clears_it(
    api: Api, op: str, undo: str | None, member: str
) -> None:
    (id,) = await fill(api, 1)

    assert (await mark(api, op, ids=[id]))["changed"] == [id]
    assert (await api.inbox(status="all"))["items"][0][member] is not None
    if undo is not None:
        assert (await mark(api, undo, ids=[id]))["changed"] == [id]
        assert (await api.inbox(status="all"))["items"][0][member] is None


async def test_a_removed_item_is_gone_from_every_page(api: Api) -> None:
    (id,) = await fill(api, 1)
    done = await mark(api, "remove", ids=[id])

    assert done == {"seq": 2, "changed": [id], "counts": EMPTY}
    assert (await api.inbox(status="all"))["items"] == []


async def test_a_mark_up_to_a_number_changes_what_is_not_newer(api: Api) -> None:
    ids = await fill(api, 3)
    epoch = (await api.inbox())["epoch"]
    done = await mark(api, "read", upto=2, epoch=epoch)

    assert sorted(done["changed"]) == sorted(ids[:2])
    assert done["counts"] == {"unread": 1, "unseen": 1}


async def test_a_mark_that_changes_nothing_answers_with_the_head(api: Api) -> None:
    (id,) = await fill(api, 1)
    await mark(api, "read", ids=[id])

    assert await mark(api, "read", ids=[id]) == {"seq": 2, "changed": [], "counts": EMPTY}


async def test_a_mark_of_more_than_500_items_names_the_number_it_reached(api: Api) -> None:
    for n in range(501):
        await api.published(title=f"n{n}")
    done = await mark(api, "read", upto=600, epoch=(await api.inbox())["epoch"])

    assert done == {"seq": 502, "upto": 501, "counts": EMPTY}


async def test_ids_that_are_not_here_are_listed_as_missing(api: Api) -> None:
    (id,) = await fill(api, 1)
    done = await mark(api, "read", ids=[id, "nothing", id])

    assert (done["changed"], done["missing"]) == ([id], ["nothing"])


async def test_a_mark_of_another_epoch_is_a_reset_and_changes_nothing(api: Api) -> None:
    await fill(api, 1)
    answer = await api.http.post("/v1/inbox/read", json={"upto": 1, "epoch": "foreign"}, headers=api.user("alice"))

    assert (answer.status_code, answer.json()["code"]) == (410, "stream_reset")
    assert (await api.head()).seq == 1


BAD_QUERIES = [
    ("/v1/inbox?limit=0", "limit"),
    ("/v1/inbox?limit=101", "limit"),
    ("/v1/inbox?limit=1e9", "limit"),
    ("/v1/inbox?limit=", "limit"),
    ("/v1/inbox?limit=1&limit=2", "limit"),
    ("/v1/inbox?before=25", "before"),
    (f"/v1/inbox?before={encode_next('default/bob', '1')}", "before"),
    (f"/v1/inbox?before={encode_next('default/alice', str(2**63))}", "before"),
    ("/v1/inbox?status=gone", "status"),
    ("/v1/inbox?status[$ne]=all", "status[$ne]"),
    ("/v1/inbox?category=Orders", "category"),
    ("/v1/inbox?category[$gt]=", "category[$gt]"),
    ("/v1/inbox?user=bob", "user"),
    ("/v1/inbox?" + "&".join(f"a{n}=1" for n in range(200)), "a0"),
    ("/v1/inbox/changes", "epoch"),
    ("/v1/inbox/changes?epoch=x", "since"),
    ("/v1/inbox/changes?epoch=x&since=-1", "since"),
    ("/v1/inbox/changes?epoch=x&since=18446744073709551616", "since"),
    ("/v1/inbox/changes?epoch=x&since=1.5", "since"),
    ("/v1/inbox/changes?epoch=x&since=0&limit=501", "limit"),
    ("/v1/inbox/changes?epoch=" + "x" * 65 + "&since=0", "epoch"),
    ("/v1/inbox/counts?since=1", "since"),
]


@pytest.mark.parametrize(("path", "field"), BAD_QUERIES)
async def test_a_query_that_does_not_fit_is_refused_by_its_field(api: Api, path: str, field: str) -> None:
    answer = await api.http.get(path, headers=api.user("alice"))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]


BAD_MARKS: list[tuple[Any, str]] = [
    ({}, "ids"),
    ({"ids": ["x"], "upto": 1, "epoch": "e"}, "ids"),
    ({"ids": []}, "ids"),
    ({"ids": ["x"] * 501}, "ids"),
    ({"ids": [{"$gt": ""}]}, "ids[0]"),
    ({"ids": ["x" * 10_240]}, "ids[0]"),
    ({"ids": "x"}, "ids"),
    ({"upto": 1}, "epoch"),
    ({"ids": ["x"], "epoch": "e"}, "epoch"),
    ({"upto": -1, "epoch": "e"}, "upto"),
    ({"upto": 2**64, "epoch": "e"}, "upto"),
    ({"upto": 1.5, "epoch": "e"}, "upto"),
    ({"upto": True, "epoch": "e"}, "upto"),
    ({"upto": 1, "epoch": {"$ne": 1}}, "epoch"),
    ({"ids": ["x"], "user": "bob"}, "user"),
    ([], "body"),
]


@pytest.mark.parametrize(("body", "field"), BAD_MARKS)
async def test_a_mark_that_does_not_fit_is_refused_by_its_field(api: Api, body: Any, field: str) -> None:
    await fill(api, 1)
    answer = await api.http.post("/v1/inbox/remove", json=body, headers=api.user("alice"))

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert (await api.head()).seq == 1


async def test_every_answer_has_the_form_its_reference_says(api: Api) -> None:
    ids = await fill(api, 2)
    page = await api.http.get("/v1/inbox", headers=api.user("alice"))
    marks = [await api.http.post(f"/v1/inbox/{op}", json={"ids": ids}, headers=api.user("alice")) for op in MARK_OPS]
    epoch = page.json()["epoch"]
    changes = await api.http.get(f"/v1/inbox/changes?epoch={epoch}&since=0", headers=api.user("alice"))
    counts = await api.http.get("/v1/inbox/counts", headers=api.user("alice"))

    pairs = [(page, views.Page), (changes, views.Changes), (counts, views.Standing)]
    pairs += [(each, views.Marked) for each in marks]
    for answer, form in pairs:
        decoded = msgspec.json.decode(answer.content, type=form)
        assert msgspec.to_builtins(decoded) == answer.json()
    assert [entry["kind"] for entry in changes.json()["entries"][:2]] == ["created", "created"]
