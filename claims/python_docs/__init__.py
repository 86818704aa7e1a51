"""What Python's documentation says about thread safety, one module for each section or page.

The page "Thread Safety Guarantees" of Python 3.15 speaks of the free-threaded build; what it promises holds with a
GIL as well, so those claims run on each interpreter. What it says may go wrong there only is not applicable elsewhere.
Statements are in words of their own; a source that ends in "beyond" is what the page's reader needs next.
"""
