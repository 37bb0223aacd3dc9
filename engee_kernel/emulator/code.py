"""The calls that run code: eval and background jobs."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .context import USER_PREFIX, require_julia
from .jobs import Job
from .outcomes import Value
from .replies import HtmlError, error_json
from .server import ServerNotRunningError
from .session import SessionEndedError
from .settings import Settings

LONG_TEXT_CHARS = 1 << 18


async def evaluate(request: Request) -> Response:
    server = require_julia(request)
    with server.work.activity():
        fields = await _json_object(request)
        command = fields.get("command")
        if not isinstance(command, str):
            return error_json(400, "command must be a string.")
        _check_length(command, server.settings)
        try:
            outcome = await server.evaluate(command)
        except (SessionEndedError, ServerNotRunningError) as error:
            raise HtmlError(502) from error
    if isinstance(outcome, Value):
        return await _json_reply(200, {"result": outcome.result(server.settings)})
    return await _json_reply(400, {"result_code": "command_error", "error": outcome.to_json()})


async def create_job(request: Request) -> Response:
    server = require_julia(request)
    with server.work.activity():
        fields = await _json_object(request)
        code, name = fields.get("code"), fields.get("name")
        job_id = _job_id(fields.get("job_id"))
        if job_id is None:
            return error_json(400, "job_id must be a UUID.")
        if fields.get("job_type") != "EVAL":
            return error_json(400, 'job_type must be "EVAL".')
        if not isinstance(code, str) or not isinstance(name, str | None):
            return error_json(400, "code and name must be strings.")
        _check_length(code, server.settings)
        try:
            is_new = server.start_job(Job(job_id, name), code)
        except ServerNotRunningError as error:
            raise HtmlError(server.settings.stopped_status) from error
    if not is_new:
        return error_json(409, f"A job with the id {job_id} exists already.")
    return JSONResponse({"job_id": job_id}, 202)


async def job_result(request: Request) -> Response:
    server = require_julia(request)
    with server.work.activity():
        server.work.jobs.forget_finished(server.settings.jobs_kept_s)
        job = server.work.jobs.get(request.path_params["job_id"].lower())
        if job is None:
            return error_json(404, "There is no job with this id.")
        return await _json_reply(200, job.to_json(server.settings.times))


async def list_jobs(request: Request) -> Response:
    server = require_julia(request)
    with server.work.activity():
        server.work.jobs.forget_finished(server.settings.jobs_kept_s)
        return await _json_reply(200, {"jobs": [job.to_json(server.settings.times) for job in server.work.jobs.all()]})


async def _json_object(request: Request) -> Mapping[str, object]:
    try:
        fields = json.loads(await request.body())
    except ValueError as error:
        raise HtmlError(400) from error
    if not isinstance(fields, dict):
        raise HtmlError(400)
    return fields


async def _json_reply(status: int, fields: Mapping[str, object]) -> Response:
    """JSON without a stall: a reply of many megabytes is put together in a thread."""

    def encode() -> bytes:
        # A lone surrogate can't be UTF-8; Julia strings may hold what becomes one.
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")

    is_long = any(isinstance(value, str) and len(value) > LONG_TEXT_CHARS for value in fields.values())
    return Response(await asyncio.to_thread(encode) if is_long else encode(), status, media_type="application/json")


def _check_length(code: str, settings: Settings) -> None:
    limit_bytes = settings.code_limit_bytes
    if limit_bytes is not None and len(code.encode("utf-8", "surrogatepass")) > limit_bytes:
        raise HtmlError(413)


def _job_id(value: object) -> str | None:
    try:
        return str(uuid.UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None


_COMMAND = USER_PREFIX + "external/command/"
routes = [
    Route(_COMMAND + "eval", evaluate, methods=["POST"]),
    Route(_COMMAND + "jobs/create", create_job, methods=["POST"]),
    Route(_COMMAND + "jobs/{job_id}/result", job_result, methods=["GET"]),
    Route(_COMMAND + "jobs/list", list_jobs, methods=["GET"]),
]
