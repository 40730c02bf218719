"""Says how fast batches and interactions go and documents are indexed, and how many and large they may be, as data.

Given to `app`, read by the surfaces of batches, of documents and of interactions. Separate because these are a test's
knobs and not the service's: a batch is promised within a day, and takes minutes or hours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from gemctl.emulator.expressions import compiled


@dataclass(frozen=True)
class Pace:
    """`pending`: from a batch's create to its start. `running`: from the start to the end of its last request; the
    requests end evenly over it. `output_lag`: from the end to when the output is shown. `retention`: from the end
    to when the service forgets the record; the guide on ai.google.dev gives no number. `at_once`: how many of a
    project may be unfinished, 100 by the guide. `patience`: a batch that is unfinished after that long expires,
    48 h by the guide. `enqueued_tokens`: how many tokens the unfinished batches of a project may have for one model, or
    numbers by the names of models without `models/`; None, and a model that is not named, for no limit. The page on
    rate limits has such numbers for each model and tier. That the tokens of the requests are counted, whole until the
    batch has ended, is an assumption."""

    pending: timedelta = timedelta(seconds=1)
    running: timedelta = timedelta(seconds=2)
    output_lag: timedelta = timedelta(0)
    retention: timedelta = timedelta(days=30)
    at_once: int = 100
    patience: timedelta = timedelta(hours=48)
    enqueued_tokens: Mapping[str, int] | int | None = None

    def most_tokens(self, model: str) -> int | None:
        """The tokens that unfinished batches of a model may have; `model` is its name without `models/`."""
        most = self.enqueued_tokens
        return most.get(model) if isinstance(most, Mapping) else most

    def __post_init__(self) -> None:
        if min(self.pending, self.running, self.output_lag) < timedelta(0):
            raise ValueError("pending, running and output_lag are not negative")
        if min(self.retention, self.patience) <= timedelta(0) or self.at_once < 1:
            raise ValueError("retention, patience and at_once are positive")


@dataclass(frozen=True)
class Indexing:
    """`pending`: how long a document of a file search store is STATE_PENDING. `at_once`: a document of at most so many
    bytes is indexed when its upload is answered, as small ones were seen to be. `largest`: the most bytes of a
    document. `storage`: the most of all documents of a project with their vectors. The guide on file search has 100 MB,
    and 1 GB for the free tier, then 10 GB, 100 GB and 1 TB. `fails`: a regular expression; a document in whose display
    name it is found, or in that of the file that is imported, ends as STATE_FAILED."""

    pending: timedelta = timedelta(seconds=2)
    at_once: int = 0
    largest: int = 100 * 1024**2
    storage: int = 10**9
    fails: str | None = None

    def __post_init__(self) -> None:
        if self.pending < timedelta(0):
            raise ValueError("the indexing of a document takes no negative time")
        if min(self.at_once, self.largest, self.storage) < 0:
            raise ValueError("the limits of documents are not negative")
        try:
            compiled(self.fails or "")
        except ValueError as error:
            raise ValueError(f"document_fails is no regular expression: {error}") from None


@dataclass(frozen=True)
class Interacting:
    """`queued`: how long an interaction in the background waits until it begins. `running`: how long it is in progress
    then; the service takes minutes for an agent, and an hour at most. `retention`: how long one is kept, 55 days with
    billing and one day without by the guide."""

    queued: timedelta = timedelta(0)
    running: timedelta = timedelta(seconds=2)
    retention: timedelta = timedelta(days=55)

    def __post_init__(self) -> None:
        if min(self.queued, self.running) < timedelta(0):
            raise ValueError("an interaction is queued and runs for no negative time")
        if self.retention <= timedelta(0):
            raise ValueError("the retention of interactions is positive")
