"""Text that comes from people, made fit for a document that is signed and archived."""

import unicodedata
from functools import cache

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

from governance.publishing import assets

# Control, format (bidirectional overrides, zero-width joiners), surrogate, private and unassigned code points: what a reader
# would not see, or would see in another order than it stands ("Trojan Source", CVE-2021-42574).
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
KEPT = {"\n", "\t", "\u00ad", "\u200b"}  # our own templates use the soft hyphen and the zero-width space as break marks


@cache
def drawable() -> frozenset[int]:
    """Return the code points that the shipped fonts can draw wherever they stand; the mono face backs up the other two."""
    return _points("NotoSans-Regular.ttf") & _points("NotoSerif-Bold.ttf") | _points("NotoSansMono-Regular.ttf")


def _points(name: str) -> frozenset[int]:
    return frozenset(TTFont(assets.FOLDER / name, lazy=True).getBestCmap())


def visible(text: str) -> str:
    """Return `text` with every character that would be invisible, reorder others or miss its glyph written as `[U+202E]`.

    PDF/A forbids missing glyphs (ISO 19005-3, 6.2.11.8), and a signed page must say what its characters say.
    """
    return "".join(_visible(character) for character in unicodedata.normalize("NFC", text))


def _visible(character: str) -> str:
    if character in KEPT or (unicodedata.category(character) not in HIDDEN and ord(character) in drawable()):
        return character
    return f"[U+{ord(character):04X}]"
