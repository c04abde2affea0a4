"""The same outcome either way: from a snapshot where it is of the moment and the epoch, else from the plain engine. Pure."""

from collections.abc import Callable

from governance.policy import decisions
from governance.policy.compiled.exposures import NotCompiled
from governance.policy.compiled.snapshot import Snapshot, Stale
from governance.policy.values import Facts, Question


def evaluate(
    snapshot: Snapshot, question: Question, facts: Facts, *, epoch: int, whole: Callable[[], Facts]
) -> decisions.Outcome:
    """Decide a checked question about a dataset (`facts`, in normal order, with nothing on file of customers).

    `epoch` is the contract epoch now. `whole` reads the same facts with all that is on file, in normal order: only where the snapshot
    does not answer.
    """
    try:
        return snapshot.decide(question, snapshot.exposure(facts, question.at), epoch=epoch).expand()
    except (Stale, NotCompiled):
        return decisions.evaluate(question, whole())
