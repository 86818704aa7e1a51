"""The statements of an article on processes and threads in Python: one module for each of its sections.

Literal readings are tested as they stand. Where the author meant less, a second claim states the sound version.
"""

from __future__ import annotations

#: What a run record has of the suite: the article, and the words that stand after the section in a claim's source.
DESCRIPTION = {
    "title": "Python multiprocessing and multithreading",
    "language": "Chinese",
    "about": (
        "It introduces and compares processes and threads (section 1), and shows multiprocessing with Process, Pool "
        "and Queue (2) and threading with Lock, the GIL and thread-local data (3). Its statements and code samples "
        "are claims here, worded in English."
    ),
    "terms": {
        "definition": "The statement defines a term. Its claim shows an example, and cannot be refuted.",
        "literally": "The article's sentence to the letter, also where the author meant less.",
        "the sound version": "What is right about a sentence that is wrong to the letter.",
        "the stronger reading": "The further-reaching meaning of a sentence that has two.",
        "the sample's comment": "A comment in one of the article's code samples says so.",
        "the sample's order": "One of the article's code samples rests on it.",
        "beyond": "Not in the article, but what its readers ask next.",
    },
}
