"""How the story speaks: one plain line after the other, and a stop where it does not go as told."""


def expect(held: bool, otherwise: str) -> None:
    """Stop the story where it does not go as told."""
    if not held:
        raise SystemExit(f"demo: {otherwise}")


def heading(number: str, text: str) -> None:
    """Print the heading of a step."""
    say(f"({number}) {text}")


def say(text: str) -> None:
    """Print one line at once."""
    print(text, flush=True)
