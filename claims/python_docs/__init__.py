"""What Python's documentation says about thread safety, one module for each section or page.

The page "Thread Safety Guarantees" of Python 3.15 speaks of the free-threaded build. What it promises holds with a
GIL as well, so each interpreter runs those claims. What it says may go wrong without a GIL is not applicable
elsewhere. A source that ends in "beyond" is what the page's reader needs next.
"""
