"""What can be wrong with something that claims to come from a ledger."""


class LedgerError(ValueError):
    """A proof, note, checkpoint, tile or entry that must not be believed; the message says why."""


class BadForm(LedgerError):
    """The text or the bytes are not of the form that the specification asks for."""


class BadProof(LedgerError):
    """The proof is well formed and does not show what it claims."""


class BadSignature(LedgerError):
    """No signature of the expected key stands under the text."""
