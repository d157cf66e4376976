"""Reports as files over HTTP, `GET /reports/NAME.csv`, with the rights, cost and moments of GraphQL."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from strawberry.utils.str_converters import to_camel_case

from api.call import Call
from api.errors import refused
from api.gate import Gate
from api.limits import WEIGHTS
from api.moments import position_named
from api.over_http import Unfit, failed
from api.policy import Subject, require
from api.reads import note_report
from infra.export.reports import MEDIA, Answer, Asked, BadArgument, Manner, answer, arguments, written
from infra.tenant import Tenant
from projections.view import Report, reports

AS_OF, RAW, BOM = "asOf", "raw", "bom"
"""Parameters of every report; the others are its arguments, named as in GraphQL."""
POSITION = "kehu-position"
"""The header that tells at which position the file is true."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
    "vary": "authorization, cookie, accept-language",
}


async def report_file(request: Request, tenant: Tenant, gate: Gate) -> Response:
    """The route. A file as of a moment that the request names has an `etag`, and is not sent twice."""
    context = Call(tenant, request, gate)
    try:
        caller = await context.identify()
        request.scope.setdefault("state", {})["caller"] = caller.id
        report, form = _named(tenant, request.path_params["file"])
        require(caller, [Subject("report", report.name)])
        asked, manner = await _asked(context, report)
        gate.rates.take(caller.id, WEIGHTS["report"])
        async with asyncio.timeout(gate.access.request_seconds):
            answered = await answer(tenant.reader, asked)
            body = await asyncio.to_thread(written, answered, form, manner)
            note_report(context.seen, report, asked.values)
            await context.log_reads()
        return _sent(request, answered, form, body)
    except BadArgument as error:
        return failed(refused("BAD_USER_INPUT", f"{to_camel_case(error.name)}: {error.rule}"), request)
    except TimeoutError:
        return failed(refused("TIMEOUT", f"no file within {gate.access.request_seconds:g} s"), request)
    except Exception as error:
        return failed(error, request)


def _named(tenant: Tenant, file: str) -> tuple[Report, str]:
    """The report and the format that a file's name stands for. Raises `Unfit`."""
    name, _, form = file.rpartition(".")
    if form not in MEDIA:
        raise Unfit(404, "NOT_FOUND", f"a report's name ends in one of {', '.join(MEDIA)}, such as .csv")
    report = reports.get(name)
    if report is None or not set(report.reads) <= tenant.declarations.keys():
        raise Unfit(404, "NOT_FOUND", f"there is no report {name!r}")
    return report, form


async def _asked(context: Call, report: Report) -> tuple[Asked, Manner]:
    """What the request's parameters ask for. Raises `BadArgument` or BAD_MOMENT."""
    said = dict(context.request.query_params)
    moment = said.pop(AS_OF, None)
    manner = Manner(raw=_flag(RAW, said), bom=_flag(BOM, said))
    names = {to_camel_case(field.name): field.name for field in report.arguments}
    values = arguments(report, {names.get(name, name): text for name, text in said.items()})
    position = None if moment is None else await position_named(context.tenant.log, AS_OF, moment)
    return Asked(report=report, values=values, position=position), manner


def _flag(name: str, said: dict[str, Any]) -> bool:
    text = said.pop(name, "false")
    if text not in ("true", "false"):
        raise BadArgument(name, f"takes true or false, not {text!r}")
    return bool(text == "true")


def _sent(request: Request, answered: Answer, form: str, body: bytes) -> Response:
    asked = answered.asked
    headers = {**HEADERS, POSITION: str(answered.position), "cache-control": "no-store"}
    headers["content-disposition"] = f'inline; filename="{asked.report.name}.{form}"'
    if asked.position is not None:
        tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers |= {"etag": tag, "cache-control": "private, no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=MEDIA[form])
