"""What we know how to answer (知识库): articles with versions, and in which contacts they were used."""

from __future__ import annotations

from domain.commands import Command, Id, Name, Named, Text
from domain.course import Move, course
from domain.events import Event, Personal, event


@event("ArticlePublished")
class ArticlePublished(Event):
    article_id: str
    topic: str
    title: str
    text: Personal[str]


@event("ArticleRevised")
class ArticleRevised(Event):
    article_id: str
    title: str
    text: Personal[str]


@event("ArticleUsed")
class ArticleUsed(Event):
    article_id: str
    interaction_id: str


@event("ArticleWithdrawn")
class ArticleWithdrawn(Event):
    article_id: str
    reason: Personal[str]


class PublishArticle(Command):
    """Publish the first version of an article (知识库)."""

    article_id: Id
    """Which article; chosen by whoever publishes it."""
    topic: Name
    """The topic of contacts that it answers."""
    title: Name
    """What it is called."""
    text: Text
    """What it says."""


class ReviseArticle(Command):
    """Publish the next version."""

    article_id: Id
    """Which article."""
    title: Name
    """What it is called."""
    text: Text
    """What it says."""


class UseArticle(Command):
    """Note that an article was used in a contact."""

    names = (Named(field="interaction_id", noun="interaction"),)
    article_id: Id
    """Which article."""
    interaction_id: Id
    """In which contact."""


class WithdrawArticle(Command):
    """Take an article out of use."""

    article_id: Id
    """Which article."""
    reason: Text


ARTICLES = course(
    "article",
    "article_id",
    Move(command=PublishArticle, event=ArticlePublished, to="published"),
    Move(command=ReviseArticle, event=ArticleRevised, to="published", after=("published",)),
    Move(command=UseArticle, event=ArticleUsed, to="published", after=("published",)),
    Move(command=WithdrawArticle, event=ArticleWithdrawn, to="withdrawn", after=("published",)),
)
