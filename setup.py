"""Builds the optional native kernels: each source of native/kernels once per instruction set, in parallel."""

from __future__ import annotations

import os
import platform
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

NATIVE = Path("native")
X86 = platform.machine().lower() in ("x86_64", "amd64", "i686")
# -fno-finite-math-only is the default and stays so: NaN and infinity follow the reference.
FLAGS = [
    *("-std=c++17", "-O3", "-fPIC", "-fvisibility=hidden", "-g0"),
    *("-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast"),
    *("-Wall", "-Wno-psabi", "-Wno-maybe-uninitialized"),
]
AVX512 = ["-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma", "-mprefer-vector-width=512"]
INSTRUCTION_SETS = {"baseline": []} | ({"avx2": ["-mavx2", "-mfma"], "avx512": AVX512} if X86 else {})


class BuildNative(build_ext):
    """Compiles and links nptorch._native; without a working compiler the package installs all the same."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:
            self.extensions = []
            reason = str(error).splitlines()[0][:100]
            print(
                f"nptorch: the native kernels were not built ({reason} ...); NumPy serves instead, several times "
                "slower. Install a C++17 compiler (g++ or clang++) and install nptorch again to get them.",
                flush=True,
            )

    def build_extension(self, ext: Extension) -> None:
        import numpy

        flags = [*FLAGS, *os.environ.get("NPTORCH_CXXFLAGS", "").split()]
        self.compiler.include_dirs += [numpy.get_include(), sysconfig.get_paths()["include"]]
        if X86:
            self.compiler.define_macro("NPT_X86", "1")
        rest = [*sorted(NATIVE.glob("runtime/*.cpp")), *sorted(NATIVE.glob("binding/*.cpp"))]
        units: list[tuple[str, Path, list[str]]] = [("all", path, []) for path in rest]
        for name, options in INSTRUCTION_SETS.items():
            units += [(name, path, [f"-DNPT_ISA={name}", *options]) for path in sorted(NATIVE.glob("kernels/*.cpp"))]

        def compile_unit(unit: tuple[str, Path, list[str]]) -> list[str]:
            name, path, options = unit
            return self.compiler.compile(
                [str(path)], str(Path(self.build_temp) / name), extra_postargs=[*flags, *options]
            )

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            objects = [path for paths in pool.map(compile_unit, units) for path in paths]
        target = self.get_ext_fullpath(ext.name)
        Path(target).parent.mkdir(parents=True, exist_ok=True)
        link = os.environ.get("NPTORCH_LDFLAGS", "").split()
        self.compiler.link_shared_object(objects, target, target_lang="c++", extra_postargs=["-pthread", *link])


# The sources are found by BuildNative; the list here only makes them part of a source distribution.
setup(
    ext_modules=[Extension("nptorch._native", [], depends=[str(p) for p in sorted(NATIVE.glob("*/*.[ch]*"))])],
    cmdclass={"build_ext": BuildNative},
)
