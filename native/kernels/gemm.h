// Register-tiled matrix product over a packed right operand.
#pragma once
#include "kernels.h"
#include "simd.h"

namespace nptorch::NPT_ISA {

constexpr double WORTH_THREADS = 250000;  // multiply-adds below which waking other threads costs more

// A tile is TILE_ROWS rows x TILE_VECTORS vectors of c: with 32 registers 8 x 3 = 24 sums, 3 vectors of b and a number
// of a; with 16 registers 4 x 3 or (SSE, whose multiply and add need a register more) 4 x 2.
constexpr int TILE_ROWS = REGISTERS == 32 ? 8 : 4;
constexpr int TILE_VECTORS = NPT_VECTOR_BYTES == 16 ? 2 : 3;

// The columns of b, cut into panels of at most TILE_VECTORS vectors, as many for each of the threads that share them. A
// packed panel holds its vectors row after row.
template <class T> struct Panels {
  long columns, vectors, count;
  NPT_INLINE explicit Panels(long columns_, long threads = 1)
      : columns(columns_),
        vectors(pieces(columns_, LANES<T>)),
        count(smaller(vectors, pieces(pieces(vectors, TILE_VECTORS), threads) * threads)) {}
  NPT_INLINE long first_vector(long p) const { return cut(vectors, count, p); }
  NPT_INLINE long width(long p) const { return first_vector(p + 1) - first_vector(p); }
  NPT_INLINE long column(long p) const { return first_vector(p) * LANES<T>; }
  NPT_INLINE long tail(long p) const {
    return smaller(LANES<T>, columns - (first_vector(p + 1) - 1) * LANES<T>);
  }  // lanes of its last vector
  NPT_INLINE long packed_size(long p, long depth) const { return width(p) * LANES<T> * depth; }
  NPT_INLINE long offset(long p, long depth) const {
    return first_vector(p) * LANES<T> * depth;
  }  // of panel p when all are packed
};

// What to do with a tile's sums.
template <class T> struct Epilogue {
  bool accumulate = false;  // add to c
  const T* bias = nullptr;  // one number per column
};

template <class T> void pack_panel(const Panels<T>& panels, long p, MatrixView<T> b, long depth, T* packed);

// Rows [row_begin, row_end) of c's panel p = a @ packed. `c` is where row 0 of the panel starts, `c_stride` between
// rows. `packed_stride` is the distance between rows of the packed panel (its own width, or b's row stride if read in
// place).
template <class T>
void multiply_panel(const Panels<T>& panels, long p, MatrixView<T> a, long row_begin, long row_end, const T* packed,
                    long packed_stride, long depth, T* c, long c_stride, const Epilogue<T>& epilogue);

}  // namespace nptorch::NPT_ISA
