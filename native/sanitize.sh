#!/bin/sh
# Runs the tests of the kernels under the address and undefined-behaviour sanitizers, on every instruction set that this
# machine has: native/sanitize.sh [python]. Needs GCC; builds into a temporary folder.
set -eu
cd "$(dirname "$0")/.."
python=${1:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
NPTORCH_CXXFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover" \
NPTORCH_LDFLAGS="-fsanitize=address,undefined" \
    "$python" setup.py -q build_ext --build-lib "$folder/lib" --build-temp "$folder/objects"
mkdir -p "$folder/lib/nptorch/kernels"
cp src/nptorch/kernels/native.py src/nptorch/kernels/images.py "$folder/lib/nptorch/kernels/"  # the kernels alone, without the rest of the library
cp src/nptorch/mt19937.py src/nptorch/box_muller.py "$folder/lib/nptorch/"
touch "$folder/lib/nptorch/__init__.py" "$folder/lib/nptorch/kernels/__init__.py"
for isa in baseline avx2 avx512; do
    echo "== $isa"
    # Python itself leaks on purpose. No memory is kept for reuse, so that a use after free is seen.
    env LD_PRELOAD="$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
        NPTORCH_MEMORY_LIMIT=0 NPTORCH_ISA=$isa PYTHONPATH="$folder/lib" NPTORCH_TEST_EXAMPLES=25 \
        "$python" -m pytest -q -s -p no:cacheprovider tests/kernels/test_native_windows.py \
        tests/kernels/test_native_numbers.py tests/kernels/test_native_recurrent.py tests/kernels/test_native_running.py \
        tests/kernels/test_native_steps.py tests/kernels/test_native_random.py
done
