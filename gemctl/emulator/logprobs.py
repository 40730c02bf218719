"""Makes log probabilities of an answer's tokens.

Called by `answers`. Separate because it is pure and rarely asked for: on the Gemini API the models of the series 2.0
were the last that gave any, and all others refuse. A token is four characters, as `tokens` counts, and its probability
is made up, the same for the same answer. The alternatives to it have no text of sense either.
"""

from typing import Any

_CHARACTERS = 4
_MOST_TOKENS = 500


def beside(text: str, digest: bytes, most: int) -> dict[str, Any]:
    """The fields of a candidate with this text; `most` alternatives for each token."""
    pieces = [text[at : at + _CHARACTERS] for at in range(0, len(text), _CHARACTERS)][:_MOST_TOKENS]
    chosen = [_token(piece, digest[number % len(digest)]) for number, piece in enumerate(pieces)]
    total: float = sum(each["logProbability"] for each in chosen)
    shown: dict[str, Any] = {"avgLogprobs": total / len(chosen)} if chosen else {}
    result: dict[str, Any] = {"chosenCandidates": chosen}
    if most:
        result["topCandidates"] = [{"candidates": [each, *_others(each, most - 1)]} for each in chosen]
    return {**shown, "logprobsResult": result}


def _token(piece: str, byte: int) -> dict[str, Any]:
    return {"token": piece, "tokenId": sum(piece.encode("utf-8", "replace")), "logProbability": -(byte + 1) / 1024}


def _others(chosen: dict[str, Any], count: int) -> list[dict[str, Any]]:
    return [
        {"token": f"{number}", "tokenId": number, "logProbability": chosen["logProbability"] - 2 * number}
        for number in range(1, count + 1)
    ]
