"""The words of a search: how what a person types becomes words as ``ClientWord`` keeps them, and what they may have meant."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_

from django.db.models import Q

MAX_WORDS = 6
WORD_PLACES = ("word", "word_2", "word_3")  # of ``ClientWord``
PLACES = (*WORD_PLACES, "number", "number_2")
CORRECTED_FROM = 4  # letters: shorter words are one typo away from too many others
LONGEST_CORRECTED = 24
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# Words of so many companies that they tell none apart: left out where nothing is found with them.
TRADE_WORDS = frozenset(
    re.findall(
        r"\w+",
        "ltda me epp eireli sa cia companhia empresa grupo comercio comercial comercializadora industria industrial distribuidora "
        "distribuicao atacado atacadista varejo representacoes servicos limitada e de da do das dos em",
    )
)
# A CNPJ as printed, or its beginning: nothing else has its points and bar. Letters since July 2026.
_CNPJ = re.compile(r"[0-9a-z]{2}\.[0-9a-z]{3}(\.[0-9a-z]{0,3}(/[0-9a-z]{0,4}(-?\d{0,2})?)?)?")


def places_of(word: str) -> tuple[str, ...]:
    """The columns of ``ClientWord`` in which what begins with it may stand: digits alone stand anywhere."""
    return PLACES if word.isdigit() else WORD_PLACES


def bearing(word: str, lookup: str = "", *, where: str = "") -> Q:
    """Rows of ``ClientWord`` that hold the word in any of their places; ``where`` leads to them (``"words__"``)."""
    return reduce(or_, (Q((f"{where}{place}{lookup}", word)) for place in places_of(word)))


def plain(text: str) -> str:
    """Lower case without accents, as the database writes ``name_key``."""
    letters = unicodedata.normalize("NFKD", text.lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def search_tokens(text: str) -> list[str]:
    """The words of a search as ``ClientWord`` keeps them: lower case, no accents, punctuation inside codes dropped."""
    written = plain(text).strip()
    bare = re.sub(r"[.\-/() +]", "", written)
    if (bare.isdigit() and len(bare) >= 3) or _CNPJ.fullmatch(written):
        return [bare]
    return re.findall(r"[^\W_]+", written)[:MAX_WORDS]


def spellings(token: str) -> list[str]:
    """How the number a person typed may stand in the record; a word stands as it is.

    A phone is stored with or without the country's 55, and once more from its local part on; older ones lack the ninth digit.
    """
    if not token.isdigit() or not 8 <= len(token) <= 13:
        return [token]
    if len(token) >= 12:
        return [token, token[2:]] if token.startswith("55") else [token]
    if len(token) >= 10:
        return [token, f"55{token}"]
    return [token, f"9{token}"] if len(token) == 8 else [token]


def telling(tokens: Sequence[str]) -> list[str]:
    """The words that tell companies apart; all of them where none does."""
    return [token for token in tokens if token not in TRADE_WORDS] or list(tokens)


def corrections(token: str) -> Iterator[str]:
    """Every word one typo away: a letter missing, added, wrong, or changed places with its neighbour. None for numbers and short words."""
    if not CORRECTED_FROM <= len(token) <= LONGEST_CORRECTED or not token.isalpha():
        return iter(())
    return iter(_near(token))


@lru_cache(maxsize=256)
def _near(token: str) -> tuple[str, ...]:
    splits = [(token[:place], token[place:]) for place in range(len(token) + 1)]
    near = {left + right[1:] for left, right in splits if right}
    near |= {left + right[1] + right[0] + right[2:] for left, right in splits if len(right) > 1}
    near |= {left + letter + right[1:] for left, right in splits if right for letter in LETTERS}
    near |= {left + letter + right for left, right in splits for letter in LETTERS}
    return tuple(sorted(near - {token}))
