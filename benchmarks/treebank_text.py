"""Text of treebanks, whose tokens stand apart, as it is written."""

import re


def joined(text: str) -> str:
    """Takes out the spaces that tokenization put in.

    >>> joined("it 's a ( good ) film , is n't it ?")
    "it's a (good) film, isn't it?"
    """
    text = re.sub(r" (n't|'(?:s|re|ve|ll|d|m)\b|[,.;:?!)%])", r"\1", text)
    return re.sub(r"\( ", "(", text)
