"""Problem documents: one table, the right headers, nothing of ours inside."""

import httpx2
import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import Response

from gateway.http.endpoint import Endpoint
from gateway.http.problems import STATUS, problem
from gateway.metrics import RequestMetrics
from inbox import errors
from inbox.errors import BellwireError, ConfigError, Invalid, RateLimited, Unavailable
from tests.gateway.http.conftest import Api

pytestmark = pytest.mark.anyio


def kinds(root: type[BellwireError] = BellwireError) -> list[type[BellwireError]]:
    return [root, *(kind for child in root.__subclasses__() for kind in kinds(child))]


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind.__module__ == errors.__name__])
async def test_every_error_that_a_request_can_meet_has_a_status(kind: type[BellwireError]) -> None:
    assert kind is ConfigError or kind.code in STATUS


async def test_a_problem_has_the_members_of_the_standard_and_its_code(api: Api) -> None:
    answer = await api.http.get("/nowhere")

    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json() == {
        "type": "urn:bellwire:problem:not_found",
        "title": "Not found",
        "status": 404,
        "code": "not_found",
        "detail": "nothing answers on this path",
    }


@pytest.mark.parametrize("path", ["/v1/inbox/", "/v1//inbox", "/v1/inbox/nothing", "/V1/inbox", "/", "/v1/ws/x"])
async def test_a_path_that_is_not_ours_is_not_found(api: Api, path: str) -> None:
    assert (await api.http.get(path, headers=api.user("alice"))).json()["code"] == "not_found"


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/v1/inbox"), ("PUT", "/v1/inbox"), ("POST", "/healthz")])
async def test_another_method_is_answered_with_the_ones_that_work(api: Api, method: str, path: str) -> None:
    answer = await api.http.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize("error", [Unavailable("away", 2.2), RateLimited("slow down", 2.2)])
async def test_a_temporary_problem_says_when_to_come_back(error: BellwireError) -> None:
    answer = problem(error)

    assert answer.headers["retry-after"] == "3"
    assert b'"temporary":true' in bytes(answer.body)


async def test_every_wrong_field_is_listed() -> None:
    answer = problem(Invalid(errors.FieldError("a", "x"), errors.FieldError("b[1]", "y")))

    assert b'"errors":[{"field":"a","message":"x"},{"field":"b[1]","message":"y"}]' in bytes(answer.body)


async def test_a_private_answer_is_never_kept_nor_sniffed(api: Api) -> None:
    for answer in (await api.http.get("/v1/inbox", headers=api.user("alice")), await api.http.get("/v1/inbox")):
        assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


async def test_a_fault_of_ours_tells_nothing_and_is_logged_without_the_request(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def broken(request: Request) -> Response:
        raise RuntimeError("the cause")

    endpoint = Endpoint("/broken", {"POST": broken}, RequestMetrics(CollectorRegistry()))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(endpoint), base_url="http://x") as http:
        answer = await http.post(
            "/broken?q=in-the-query", content=b"in-the-body", headers={"authorization": "Bearer in-the-token"}
        )

    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "the cause" not in answer.text
    logged = capsys.readouterr().out
    assert "the cause" in logged
    assert not any(secret in logged for secret in ("in-the-query", "in-the-body", "in-the-token"))
