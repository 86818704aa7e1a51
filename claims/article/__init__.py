"""The statements of an article on processes and threads in Python, one module for each of its sections.

The article introduces processes and threads (1), shows ``multiprocessing`` (2) and ``threading`` (3), with
locks, the GIL and thread-locals. Literal readings are tested as they stand; where the author meant less, a
second claim states the sound version. A source that ends in "beyond" is not in the article, but what its
reader needs next; one that ends in "definition" cannot lose.
"""
