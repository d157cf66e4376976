"""Articles of what we know: in which contacts they were used, and how often these were finished at once."""

from __future__ import annotations

from tests.api.server import Api

SUCCESS = """query ($at: Int64!) @asOf(at: {atLeast: $at}) {
  articleSuccess { articleId title topic contacts firstContact firstContactRate }
  articles { nodes { articleId version useCount } } }"""
CALL = {"customerId": "c", "channel": "PHONE", "direction": "INBOUND", "stage": "AFTER", "topic": "tea"}


async def test_an_article_succeeds_where_the_contact_was_finished_at_once(api: Api) -> None:
    await api.done("registerCustomer", customerId="c")
    for article in ("brewing", "storing"):
        await api.done("publishArticle", articleId=article, topic="tea", title=article, text="Hot.")
    for contact in ("at-once", "handed-over", "reopened", "open", "without"):
        await api.done("recordInteraction", interactionId=contact, **CALL)
        if contact != "without":
            await api.done("useArticle", articleId="brewing", interactionId=contact)
    await api.done("useArticle", articleId="brewing", interactionId="at-once")
    await api.done("handOverInteraction", interactionId="handed-over", taker="li", reason="knows tea")
    for contact in ("at-once", "handed-over", "reopened", "without"):
        await api.done("resolveInteraction", interactionId=contact, withinRemit=True)
    await api.done("reopenInteraction", interactionId="reopened", reason="it came back")
    await api.done("resolveInteraction", interactionId="reopened", withinRemit=True)
    last = await api.done("reviseArticle", articleId="brewing", title="brewing tea", text="Hotter.")

    assert await api.ask(SUCCESS, at=last) == {
        "articleSuccess": [
            {
                "articleId": "brewing", "title": "brewing tea", "topic": "tea", "contacts": 4,
                "firstContact": 1, "firstContactRate": 0.25,
            },
            {
                "articleId": "storing", "title": "storing", "topic": "tea", "contacts": 0,
                "firstContact": 0, "firstContactRate": None,
            },
        ],
        "articles": {
            "nodes": [
                {"articleId": "brewing", "version": 2, "useCount": 5},
                {"articleId": "storing", "version": 1, "useCount": 0},
            ]
        },
    }  # fmt: skip
