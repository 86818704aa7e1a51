"""Small building blocks that threads share."""

from .buffer import BoundedBuffer
from .cache import Cache
from .counter import Counter
from .events import EventBus
from .lazy import Lazy
from .limiter import RateLimiter
from .pool import Pool, PoolError
from .rwlock import ReadWriteLock

__all__ = [
    "BoundedBuffer",
    "Cache",
    "Counter",
    "EventBus",
    "Lazy",
    "Pool",
    "PoolError",
    "RateLimiter",
    "ReadWriteLock",
]
