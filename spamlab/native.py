"""Kernels as machine code in a file: compiled once by Numba, from then on loaded by LLVM alone, in milliseconds.

Importing Numba and its own cache costs over a second of every process, more than reading many a log. So a kernel
becomes a function over pointers (``numba.cfunc``) whose object code is kept and called through ctypes, which holds no
lock meanwhile. A kernel may not allocate, call Python or rely on exceptions: what it needs comes as arguments.

Types are NumPy's codes, a star for each dimension of an array, parentheses around a tuple: ``u1* (i8* i8**) i8``.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.util
import os
import re
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_VERSION = 2  # of how kernels are compiled
_LIBC = ("memcpy", "memmove", "memset")
_kept: list[Any] = []  # engines: their code lives as long as they do


def able() -> bool:
    """Whether kernels can be compiled here."""
    return importlib.util.find_spec("numba") is not None


def _leaves(declared: str) -> list[tuple[np.dtype[Any], int]]:
    """The types of the single arguments, tuples taken apart: dtype and dimensions (0: a number)."""
    return [(np.dtype(word[:2]), word.count("*")) for word in re.findall(r"[\w*]+", declared)]


@functools.cache
def _machine() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    features = llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=features, opt=3, codemodel="jitdefault", jit=True
    )


def _digest(functions: Sequence[Callable[..., Any]], declared: str) -> str:
    """What the machine code depends on: the functions, the numbers they name, the compiler, the processor."""
    import llvmlite
    import llvmlite.binding as llvm

    said: list[Any] = [
        _VERSION,
        declared,
        llvmlite.__version__,
        llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(),
    ]
    for function in functions:
        code = function.__code__
        named = [(name, function.__globals__.get(name)) for name in code.co_names]
        said += [code.co_code, code.co_consts, [pair for pair in named if isinstance(pair[1], (int, bytes))]]
    return hashlib.sha256(repr(said).encode()).hexdigest()[:16]


def _folders() -> list[Path]:
    import platformdirs

    return [Path(__file__).parent / "__pycache__", platformdirs.user_cache_path("spamlab")]


def _checksum(octets: bytes) -> bytes:
    return hashlib.sha256(octets).digest()


class Code:
    """A kernel's machine code: where it is kept, how it is made and called."""

    def __init__(self, functions: Sequence[Callable[..., Any]], declared: str) -> None:
        self._functions, self._declared = functions, declared
        self._leaves = _leaves(declared)

    @functools.cached_property
    def _name(self) -> str:
        return f"{self._functions[-1].__name__}-{_digest(self._functions, self._declared)}.o"

    def kept(self) -> Path | None:
        """The file that holds the code, if there is one that can be read."""
        return next((path for folder in _folders() if os.access(path := folder / self._name, os.R_OK)), None)

    def load(self) -> Callable[..., int]:
        """The compiled function; it is compiled first where that was never done on this machine."""
        if path := self.kept():
            octets = path.read_bytes()
            if _checksum(octets[32:]) == octets[:32]:  # else damaged: made anew
                return self._call(octets[32:])
        octets = self._build()
        for folder in _folders():
            try:
                folder.mkdir(parents=True, exist_ok=True)
                new = folder / f"{self._name}.{os.getpid()}"
                new.write_bytes(_checksum(octets) + octets)
                new.replace(folder / self._name)  # another process may be doing the same
                break
            except OSError:
                continue
        return self._call(octets)

    def _build(self) -> bytes:
        import llvmlite.binding as llvm
        import numba

        # Helpers stay plain in their module; only these copies see each other's compiled twins.
        names: dict[str, Any] = {}
        for function in self._functions:
            names |= function.__globals__
        compile_: Any = numba.njit(**{"error_model": "numpy", "_nrt": False})  # type: ignore[call-overload]
        for function in self._functions:
            twin = types.FunctionType(function.__code__, names, function.__name__)
            names[function.__name__] = compile_(twin)
        sizes = [[f"a{i}_{axis}" for axis in range(ndim)] for i, (_, ndim) in enumerate(self._leaves)]
        items = iter(f"carray(a{i}, ({', '.join(size)},))" if size else f"a{i}" for i, size in enumerate(sizes))
        call = re.sub(r"[\w*]+", lambda _: next(items), self._declared.replace(" ", ", ").replace(")", ",)"))
        heads = ", ".join(", ".join([f"a{i}", *size]) for i, size in enumerate(sizes))
        space: dict[str, Any] = {
            "carray": numba.carray,  # type: ignore[attr-defined]
            "run": names[self._functions[-1].__name__],
        }
        exec(f"def entry({heads}):\n    return run({call})\n", space)  # noqa: S102 (our own words only)
        flat: list[Any] = []
        pointer: Any = numba.types.CPointer
        for dtype, ndim in self._leaves:
            kind = numba.from_dtype(dtype)
            flat += [pointer(kind), *[numba.int64] * ndim] if ndim else [kind]
        made = numba.cfunc(numba.int64(*flat))(space["entry"])
        module = llvm.parse_assembly(made.inspect_llvm())
        # Behind the C function, which would print exceptions, stands the one that returns a status.
        module.get_function(made.native_name).linkage = "internal"
        module.get_function(made.native_name.removeprefix("cfunc.")).name = "entry"
        passes = llvm.create_pass_builder(_machine(), llvm.create_pipeline_tuning_options(speed_level=3))
        passes.getModulePassManager().run(module, passes)
        needs = [one.name for one in module.functions if one.is_declaration and not one.name.startswith("llvm.")]
        if foreign := sorted(set(needs) - set(_LIBC)):
            raise RuntimeError(f"{self._functions[-1].__name__} needs {', '.join(foreign)}: a kernel may not")
        octets: bytes = _machine().emit_object(module)
        return octets

    def _call(self, octets: bytes) -> Callable[..., int]:
        import llvmlite.binding as llvm

        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
        engine.add_object_file(llvm.ObjectFileRef.from_data(octets))
        engine.finalize_object()
        _kept.append(engine)
        flat: list[Any] = [ctypes.c_void_p, ctypes.c_void_p]  # where the result goes, and an exception
        for dtype, ndim in self._leaves:
            flat += [ctypes.c_void_p, *[ctypes.c_int64] * ndim] if ndim else [np.ctypeslib.as_ctypes_type(dtype)]
        entry = ctypes.CFUNCTYPE(ctypes.c_int32, *flat)(engine.get_function_address("entry"))
        leaves = self._leaves

        def run(*arguments: Any) -> int:
            result, error = ctypes.c_int64(), ctypes.c_void_p()
            values: list[Any] = [ctypes.addressof(result), ctypes.addressof(error)]
            single = [x for one in arguments for x in (one if isinstance(one, tuple) else (one,))]
            for value, (dtype, ndim) in zip(single, leaves, strict=True):
                if not ndim:
                    values.append(value)
                    continue
                if value.dtype != dtype or value.ndim != ndim or not value.flags.c_contiguous:
                    raise TypeError(f"a {dtype} array of {ndim} dimensions is wanted, not {value.dtype} {value.shape}")
                values += [value.ctypes.data, *value.shape]
            if entry(*values):
                raise RuntimeError("a kernel failed")
            return result.value

        return run
