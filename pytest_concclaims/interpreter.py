"""The running interpreter, as far as verdicts and ``refuted`` conditions depend on it."""

from __future__ import annotations

import sys
from dataclasses import dataclass

#: Whether this is CPython.
CPYTHON = sys.implementation.name == "cpython"
#: Whether this is PyPy.
PYPY = sys.implementation.name == "pypy"


def _free_threaded_build() -> bool:
    # The documented way, sysconfig.get_config_var("Py_GIL_DISABLED"), imports a large generated module; the
    # "t" among the ABI flags is set by the same configure switch. Windows has no sys.abiflags before 3.14.
    if hasattr(sys, "abiflags"):
        return "t" in sys.abiflags
    import sysconfig

    return bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


#: Whether this interpreter was built so that it can run without the GIL (PEP 703).
FREE_THREADED_BUILD = CPYTHON and _free_threaded_build()


def gil_enabled() -> bool:
    """Return whether the global interpreter lock is enabled now.

    A free-threaded build starts without it. The import of an extension module that is not marked as safe enables it
    for the rest of the process. ``True`` if the interpreter cannot run without it.
    """
    ask = getattr(sys, "_is_gil_enabled", None)  # CPython 3.13 and later
    return True if ask is None else bool(ask())


@dataclass(frozen=True)
class Interpreter:
    """The interpreter that the verdicts are about.

    ``label`` is a short name: ``CPython 3.13t, GIL off``. ``jit_enabled`` is None if the interpreter does not report
    it: before CPython 3.14, and on other implementations.
    """

    implementation: str
    version: str
    implementation_version: str
    build: str
    free_threaded_build: bool
    gil_enabled: bool
    jit_enabled: bool | None
    switch_interval: float | None
    start_methods: tuple[str, ...]
    default_start_method: str
    label: str

    @classmethod
    def current(cls) -> Interpreter:
        """Return the description of the running interpreter."""
        import multiprocessing
        import platform

        name = platform.python_implementation()
        methods = tuple(multiprocessing.get_all_start_methods())
        version = platform.python_version()
        jit = _jit_enabled()
        return cls(
            implementation=sys.implementation.name,
            version=version,
            implementation_version=".".join(map(str, sys.implementation.version[:3])),
            build=" ".join(sys.version.split()),
            free_threaded_build=FREE_THREADED_BUILD,
            gil_enabled=gil_enabled(),
            jit_enabled=jit,
            switch_interval=sys.getswitchinterval() if hasattr(sys, "getswitchinterval") else None,
            start_methods=methods,
            # The first of the list is the platform's default. get_start_method() would set it as a side effect.
            default_start_method=methods[0],
            label=label_of(name, version, FREE_THREADED_BUILD, gil_enabled(), bool(jit)),
        )

    @property
    def jit_on(self) -> bool:
        """Whether a JIT compiler is reported to be on."""
        return bool(self.jit_enabled)

    def version_key(self) -> str:
        """Return a text that is the same for interpreters whose verdicts may be in one run record."""
        gil = "on" if self.gil_enabled else "off"
        return f"{self.implementation} {self.implementation_version} {self.build}, GIL {gil}{_jit(self.jit_on)}"

    def describe(self) -> str:
        """Return implementation, version, build and state of the GIL, for a header line."""
        name = "".join(self.label.split()[:1]) or self.implementation  # a record's label may be of blanks only
        version = self.version
        if self.implementation_version != self.version:
            version = f"{self.implementation_version} (Python {self.version})"
        build = "free-threaded build, " if self.free_threaded_build else ""
        return f"{name} {version}, {build}GIL {'on' if self.gil_enabled else 'off'}{_jit(self.jit_on)}"


def label_of(name: str, version: str, free_threaded: bool, gil: bool, jit: bool) -> str:
    """Return the short name of an interpreter, for the head of a column or a badge."""
    short = ".".join(version.split(".")[:2])
    kind = f"t, GIL {'on' if gil else 'off'}" if free_threaded else ""
    return f"{name} {short}{kind}{_jit(jit)}"


def _jit(on: bool) -> str:
    """Return the end of a description: whether a JIT compiler is on; empty if not."""
    return ", JIT on" if on else ""


def _jit_enabled() -> bool | None:
    """Return whether CPython's JIT compiler is on (Python documentation: sys._jit, PYTHON_JIT)."""
    jit = getattr(sys, "_jit", None)  # CPython 3.14 and later
    return None if jit is None else bool(jit.is_enabled())
