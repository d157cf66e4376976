"""How a browser opens GraphiQL: with a key, which it then holds in a cookie that no script can read."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from graphql import GraphQLError
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.gate import COOKIE, Gate

PAGE = """<!doctype html>
<meta charset="utf-8"><title>Kehu</title>
<form method="post" action="/session" style="font: 1rem sans-serif; margin: 4rem auto; width: 30rem">
<p>{words}</p>
<input name="key" type="password" size="50" autocomplete="off" autofocus> <button>Open GraphiQL</button>
</form>
<script>
if (location.hash.startsWith('#kehu_')) {{
  document.forms[0].key.value = location.hash.slice(1); history.replaceState(null, '', location.pathname);
  document.forms[0].submit();
}}
</script>
"""
SAFE = {"cache-control": "no-store", "x-frame-options": "DENY", "referrer-policy": "no-referrer"}


def asks_for_page(request: Request) -> bool:
    """Whether a browser wants to see something, rather than have an operation done."""
    asks = "query" in request.query_params or "documentId" in request.query_params
    return request.method == "GET" and not asks and "text/html" in request.headers.get("accept", "")


def sign_in_page(words: str = "Your key, as `kehu key create` shows it:", status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(words=words), status_code=status, headers=SAFE)


async def sign_in(request: Request, gate: Gate) -> Response:
    """Keep the key of the form in a cookie, if it is good and the form is ours."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        return sign_in_page("That was another site's form.", 403)
    form = parse_qs((await request.body()).decode(errors="replace"))
    key = form.get("key", [""])[0].strip()
    try:
        await gate.known(key)
    except GraphQLError:
        return sign_in_page("That key is unknown, revoked or expired; another one:", 401)
    answer = RedirectResponse("/graphql", status_code=303, headers=SAFE)
    answer.set_cookie(
        COOKIE, key, path="/", httponly=True, samesite="strict", secure=request.url.scheme == "https"
    )
    return answer
