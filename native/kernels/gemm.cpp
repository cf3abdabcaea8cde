#include "gemm.h"

#include "scratch.h"

namespace nptorch::NPT_ISA {
namespace {

constexpr long DEPTH_BLOCK = 1024;  // rows of b in one packed panel, which then stays in the second-level cache
constexpr long OUTGROWN = 1 << 20;  // numbers of a matrix that is larger than a core's cache
constexpr long SKINNY_ROWS = 24;

// ---------------------------------------------------------------- the tile
template <class T> struct TileJob {
  MatrixView<T> a;
  const T* b;
  long b_stride, depth;
  T* c;
  long c_stride, tail;
  const T* bias;
  bool accumulate;
};

template <class T, int R, int J> void tile(const TileJob<T>& job) {
  Vec<T> sum[R][J];
  NPT_UNROLL for (int i = 0; i < R; i++) for (int j = 0; j < J; j++) sum[i][j] = Vec<T>{};
  const long row_stride = job.a.row_stride, step = job.a.column_stride, b_stride = job.b_stride;
  const T *a = job.a.data, *b = job.b;
  // A large c is not in the cache: it comes while the sums are made.
  NPT_UNROLL for (int i = 0; i < R; i++) for (int j = 0; j < J; j++) {
    __builtin_prefetch(job.c + i * job.c_stride + j * LANES<T>, 1);
  }
  for (long k = 0; k < job.depth; k++, a += step, b += b_stride) {
    Vec<T> bk[J];
    NPT_UNROLL for (int j = 0; j < J; j++) {
      bk[j] = load(b + j * LANES<T>);
      if (R > 1) keep(bk[j]);
    }
    NPT_UNROLL for (int i = 0; i < R; i++) {
      Vec<T> ak = splat(a[i * row_stride]);
      NPT_UNROLL for (int j = 0; j < J; j++) sum[i][j] += ak * bk[j];
    }
  }
  NPT_UNROLL for (int j = 0; j < J; j++) {
    const long lanes = j + 1 < J ? LANES<T> : job.tail;
    const Vec<T> bias = job.bias ? load_upto(job.bias + j * LANES<T>, lanes) : Vec<T>{};
    NPT_UNROLL for (int i = 0; i < R; i++) {
      T* c = job.c + i * job.c_stride + j * LANES<T>;
      Vec<T> v = sum[i][j] + bias;
      if (job.accumulate) v += load_upto(c, lanes);
      store_upto(c, lanes, v);
    }
  }
}

template <class T> using TileFunction = void (*)(const TileJob<T>&);
template <class T, int... I> constexpr TileFunction<T> tile_at(int index, std::integer_sequence<int, I...>) {
  constexpr TileFunction<T> all[] = {tile<T, I / TILE_VECTORS + 1, I % TILE_VECTORS + 1>...};
  return all[index];
}
template <class T> NPT_INLINE TileFunction<T> tile_for(long rows, long vectors) {
  return tile_at<T>(int((rows - 1) * TILE_VECTORS + vectors - 1),
                    std::make_integer_sequence<int, TILE_ROWS * TILE_VECTORS>{});
}

// ---------------------------------------------------------------- packing
// One vector of columns, `lanes` of them valid, of a b whose rows are contiguous.
template <class T>
NPT_INLINE void pack_rows(const T* b, long row_stride, long depth, long lanes, T* out, long out_stride) {
  if (lanes == LANES<T>)
    for (long k = 0; k < depth; k++) store(out + k * out_stride, load(b + k * row_stride));
  else
    for (long k = 0; k < depth; k++) store(out + k * out_stride, load_some(b + k * row_stride, lanes));
}

// The same of a b whose columns are contiguous, by square transposes.
template <class T>
NPT_INLINE void pack_columns(const T* b, long column_stride, long depth, long lanes, T* out, long out_stride) {
  for (long k = 0; k < depth; k += LANES<T>) {
    Vec<T> r[LANES<T>];
    const long n = smaller(LANES<T>, depth - k);
    if (lanes == LANES<T> && n == LANES<T>) {
      NPT_UNROLL for (int l = 0; l < LANES<T>; l++) r[l] = load(b + l * column_stride + k);
    } else {
      for (long l = 0; l < LANES<T>; l++) r[l] = l < lanes ? load_some(b + l * column_stride + k, n) : Vec<T>{};
    }
    transpose(r);
    for (long l = 0; l < n; l++) store(out + (k + l) * out_stride, r[l]);
  }
}

template <class T> void pack_anything(MatrixView<T> b, long depth, long lanes, T* out, long out_stride) {
  for (long k = 0; k < depth; k++)
    for (long l = 0; l < LANES<T>; l++) out[k * out_stride + l] = l < lanes ? *b.at(k, l).data : T(0);
}

// ---------------------------------------------------------------- few rows: dot products
// c[i][j] = row i of a . column j of b, both contiguous along the depth: b is read once and never packed. The columns
// that will be wanted next come nearer meanwhile.
constexpr int DOT_ROWS = 4, DOT_COLUMNS = REGISTERS == 32 ? 6 : 2, NEXT_COLUMNS = 2;

template <class T, int R, int J>
NPT_INLINE void dots(const T* a, long a_stride, const T* b, long b_stride, long depth, const T* const* next,
                     T (*out)[J]) {
  Vec<T> sum[R][J];
  NPT_UNROLL for (int i = 0; i < R; i++) for (int j = 0; j < J; j++) sum[i][j] = Vec<T>{};
  each_vector<T>(0, depth, [&](long k, auto lanes) NPT_LAMBDA {
    NPT_UNROLL for (int i = 0; i < NEXT_COLUMNS; i++) __builtin_prefetch(next[i] + k, 0, 2);
    Vec<T> ak[R];
    NPT_UNROLL for (int i = 0; i < R; i++) {
      ak[i] = load_upto(a + i * a_stride + k, lanes);
      keep(ak[i]);
    }
    NPT_UNROLL for (int j = 0; j < J; j++) {
      Vec<T> bk = load_upto(b + j * b_stride + k, lanes);
      keep(bk);
      NPT_UNROLL for (int i = 0; i < R; i++) sum[i][j] += ak[i] * bk;
    }
  });
  NPT_UNROLL for (int i = 0; i < R; i++) for (int j = 0; j < J; j++) out[i][j] = sum_lanes(sum[i][j]);
}

template <class T, int R, int J> void dot_block(const Gemm<T>& g, long row, long column) {
  T out[R][J];
  const T* next[NEXT_COLUMNS];  // each block of rows brings some of the next block of columns
  for (long i = 0, first = column + DOT_COLUMNS + row / DOT_ROWS * NEXT_COLUMNS % DOT_COLUMNS; i < NEXT_COLUMNS; i++)
    next[i] = g.b.at(0, smaller(g.columns - 1, first + i)).data;
  dots<T, R, J>(g.a.at(row, 0).data, g.a.row_stride, g.b.at(0, column).data, g.b.column_stride, g.depth, next, out);
  for (int i = 0; i < R; i++)
    for (int j = 0; j < J; j++)
      g.c[(row + i) * g.columns + column + j] = out[i][j] + (g.bias ? g.bias[column + j] : T(0));
}

template <class T> void gemm_by_dots(const Gemm<T>& g) {
  const long blocks = pieces(g.columns, DOT_COLUMNS);
  const bool worth = double(g.rows) * g.columns * g.depth >= WORTH_THREADS && available_threads() > 1;
  const long tasks = worth ? smaller(blocks, 4 * available_threads()) : 1;
  parallel_for(tasks, [&](long t) {
    for (long block = cut(blocks, tasks, t); block < cut(blocks, tasks, t + 1); block++) {
      const long begin = block * DOT_COLUMNS, end = smaller(g.columns, begin + DOT_COLUMNS);
      long row = 0;
      if (end - begin == DOT_COLUMNS)
        for (; row + DOT_ROWS <= g.rows; row += DOT_ROWS) dot_block<T, DOT_ROWS, DOT_COLUMNS>(g, row, begin);
      for (; row < g.rows; row++) {
        if (end - begin == DOT_COLUMNS) dot_block<T, 1, DOT_COLUMNS>(g, row, begin);
        else
          for (long column = begin; column < end; column++) dot_block<T, 1, 1>(g, row, column);
      }
    }
  });
}

// ---------------------------------------------------------------- the general product, one block of the depth
template <class T> void multiply_block(const Gemm<T>& g, const Epilogue<T>& epilogue) {
  const int threads = double(g.rows) * g.columns * g.depth < WORTH_THREADS ? 1 : available_threads();
  const Panels<T> panels(g.columns, threads);
  // Few rows read b where it lies; only a last panel that ends inside a vector must be packed.
  const bool in_place = g.b.column_stride == 1 && g.rows <= 2 * TILE_ROWS;
  auto packed_here = [&](long p) { return !in_place || panels.tail(p) < LANES<T>; };
  auto multiply = [&](long p, const T* packed, long begin, long end) {
    Epilogue<T> own = epilogue;
    if (own.bias) own.bias += panels.column(p);
    const bool use_packed = packed_here(p);
    multiply_panel(panels, p, g.a, begin, end, use_packed ? packed : g.b.at(0, panels.column(p)).data,
                   use_packed ? panels.width(p) * LANES<T> : g.b.row_stride, g.depth, g.c + panels.column(p), g.columns,
                   own);
  };
  const long row_tiles = pieces(g.rows, TILE_ROWS);
  // Threads share the columns, where each packs panels of its own. Many rows they share where that is more even, or
  // where the result outgrows a core's cache, since everything else that reads or writes it is cut by rows.
  const long columns_share = pieces(panels.vectors, threads) * g.rows;
  const long rows_share = pieces(row_tiles, threads) * TILE_ROWS * panels.vectors;
  const bool outgrown = g.rows * g.columns >= OUTGROWN, uneven = 10 * rows_share < 9 * columns_share;
  if (threads == 1 || row_tiles < 4 * threads || !(outgrown || uneven)) {
    const long tasks = threads == 1 ? 1 : smaller(panels.count, 4 * threads);
    parallel_for(tasks, [&](long t) {
      Scratch<T> packed(TILE_VECTORS * LANES<T> * g.depth);
      for (long p = cut(panels.count, tasks, t); p < cut(panels.count, tasks, t + 1); p++) {
        if (packed_here(p)) pack_panel(panels, p, g.b, g.depth, +packed);
        multiply(p, packed, 0, g.rows);
      }
    });
    return;
  }
  Scratch<T> packed(panels.vectors * LANES<T> * g.depth);
  parallel_for(panels.count, [&](long p) {
    if (packed_here(p)) pack_panel(panels, p, g.b, g.depth, packed + panels.offset(p, g.depth));
  });
  parallel_for(panels.count * threads, [&](long t) {
    const long p = t % panels.count, share = t / panels.count;
    multiply(p, packed + panels.offset(p, g.depth), cut(row_tiles, threads, share) * TILE_ROWS,
             smaller(g.rows, cut(row_tiles, threads, share + 1) * TILE_ROWS));
  });
}

}  // namespace

template <class T> void pack_panel(const Panels<T>& panels, long p, MatrixView<T> b, long depth, T* packed) {
  const long width = panels.width(p), stride = width * LANES<T>;
  for (long j = 0; j < width; j++) {
    const MatrixView<T> from = b.at(0, panels.column(p) + j * LANES<T>);
    const long lanes = j + 1 < width ? LANES<T> : panels.tail(p);
    if (b.column_stride == 1) pack_rows(from.data, from.row_stride, depth, lanes, packed + j * LANES<T>, stride);
    else if (b.row_stride == 1)
      pack_columns(from.data, from.column_stride, depth, lanes, packed + j * LANES<T>, stride);
    else pack_anything(from, depth, lanes, packed + j * LANES<T>, stride);
  }
}

template <class T>
void multiply_panel(const Panels<T>& panels, long p, MatrixView<T> a, long row_begin, long row_end, const T* packed,
                    long packed_stride, long depth, T* c, long c_stride, const Epilogue<T>& epilogue) {
  const long rows = row_end - row_begin, tiles = pieces(rows, TILE_ROWS);
  for (long i = 0; i < tiles; i++) {
    const long row = row_begin + cut(rows, tiles, i), count = row_begin + cut(rows, tiles, i + 1) - row;
    tile_for<T>(count, panels.width(p))({a.at(row, 0), packed, packed_stride, depth, c + row * c_stride, c_stride,
                                         panels.tail(p), epilogue.bias, epilogue.accumulate});
  }
}

template <class T> void gemm(const Gemm<T>& g) {
  const bool along_depth = g.a.column_stride == 1 && g.b.row_stride == 1;
  if (along_depth && !g.accumulate && g.rows < SKINNY_ROWS && g.depth >= 8 * LANES<T>) return gemm_by_dots(g);
  const long blocks = larger(1, pieces(g.depth, DEPTH_BLOCK + DEPTH_BLOCK / 2));
  for (long i = 0; i < blocks; i++) {
    const long begin = cut(g.depth, blocks, i), end = cut(g.depth, blocks, i + 1);
    multiply_block<T>({g.rows, g.columns, end - begin, g.a.at(0, begin), g.b.at(begin, 0), g.c},
                      {i > 0 || g.accumulate, i == 0 ? g.bias : nullptr});
  }
}

template <class T> void batched_gemm(const Gemm<T>* problems, long count) {
  if (count < available_threads()) {  // few large products: threads share each one
    for (long i = 0; i < count; i++) gemm(problems[i]);
    return;
  }
  const double work = double(problems[0].rows) * problems[0].columns * problems[0].depth * count;
  const long tasks = work < WORTH_THREADS ? 1 : smaller(count, 4 * available_threads());
  parallel_for(tasks, [&](long t) {
    for (long i = cut(count, tasks, t); i < cut(count, tasks, t + 1); i++) gemm(problems[i]);
  });
}

NPT_BOTH_TYPES(gemm)
NPT_BOTH_TYPES(batched_gemm)
NPT_BOTH_TYPES(pack_panel)
NPT_BOTH_TYPES(multiply_panel)

}  // namespace nptorch::NPT_ISA
