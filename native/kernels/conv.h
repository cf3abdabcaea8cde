// What the ways to compute a convolution share: their register tiles, and when each of them is the one to take.
//
//   as a product   the kernel covers the whole image, or is 1 x 1: a matrix product           (conv.cpp)
//   Winograd       3 x 3, stride 1, many channels: fewer multiplications                      (conv_winograd.cpp)
//   columns        many channels otherwise: patches unrolled in cache-sized scratch + product (conv_columns.cpp)
//   Winograd lanes the same with images side by side, also gradients of 5 x 5 kernels       (conv_winograd_lanes.cpp)
//   lanes          16 (8, 4) images side by side in one vector: fills it whatever the sizes   (conv_lanes.cpp)
//   rows           lanes are neighbours in an output row: wide images, or too few of them     (conv_rows.cpp)
#pragma once
#include "kernels.h"
#include "scratch.h"
#include "simd.h"

namespace nptorch::NPT_ISA {

// A tile holds CONV_ROWS output channels x CONV_VECTORS vectors of positions; a weight-gradient tile CONV_ROWS output
// channels x CONV_TAPS (input channel, kernel position) pairs. 24 sums where there are 32 registers.
constexpr int CONV_ROWS = 4;
constexpr int CONV_VECTORS = REGISTERS == 32 ? 6 : NPT_VECTOR_BYTES == 32 ? 3 : 2;
constexpr int CONV_TAPS = REGISTERS == 32 ? 6 : 2;

// out[j][out_offsets[i]] (+)= bias[i] + sum over k of weights[k * rows + i] * in[j][offsets[k]], for vectors j and rows
// i.
template <class T> struct ConvTile {
  const T* const* in;
  const long* offsets;
  long depth;
  const T* weights;
  const T* bias;
  T* const* out;
  const long* out_offsets;
};

template <class T, int R, int J, bool ADD> void conv_tile(const ConvTile<T>& t) {
  Vec<T> sum[R][J];
  const T* in[J];
  NPT_UNROLL for (int j = 0; j < J; j++) in[j] = t.in[j];
  NPT_UNROLL for (int i = 0; i < R; i++) {
    const Vec<T> bias = t.bias ? splat(t.bias[i]) : Vec<T>{};
    NPT_UNROLL for (int j = 0; j < J; j++) sum[i][j] = bias;
  }
  const T* w = t.weights;
  for (long k = 0; k < t.depth; k++, w += R) {
    const long offset = t.offsets[k];
    Vec<T> v[J];
    NPT_UNROLL for (int j = 0; j < J; j++) {
      v[j] = load(in[j] + offset);
      if (R > 1) keep(v[j]);
    }
    NPT_UNROLL for (int i = 0; i < R; i++) {
      const Vec<T> wi = splat(w[i]);
      NPT_UNROLL for (int j = 0; j < J; j++) sum[i][j] += wi * v[j];
    }
  }
  NPT_UNROLL for (int j = 0; j < J; j++) for (int i = 0; i < R; i++) {
    T* out = t.out[j] + t.out_offsets[i];
    store(out, ADD ? load(out) + sum[i][j] : sum[i][j]);
  }
}

// sums[i][k] (+)= over images m and vectors p: gradient[m][i][p] * x[m][positions[p] + offsets[k]]; one vector of sums
// for each weight, added up over its lanes only when all images are done.
template <class T> struct WeightTile {
  const T *x, *gradient;
  const long *positions, *offsets;
  long vectors, images;
  long x_stride, gradient_stride, channel_stride;  // between images, images, output channels
  T* sums;
  long sums_stride;  // between output channels
  bool add;
};

template <class T, int R, int J> void weight_tile(const WeightTile<T>& t) {
  Vec<T> sum[R][J];
  NPT_UNROLL for (int i = 0; i < R; i++) for (int j = 0; j < J; j++) {
    sum[i][j] = t.add ? load(t.sums + i * t.sums_stride + j * LANES<T>) : Vec<T>{};
  }
  for (long m = 0; m < t.images; m++) {
    const T* x[J];
    const T* g = t.gradient + m * t.gradient_stride;
    NPT_UNROLL for (int j = 0; j < J; j++) x[j] = t.x + m * t.x_stride + t.offsets[j];
    for (long p = 0; p < t.vectors; p++, g += LANES<T>) {
      const long position = t.positions[p];
      Vec<T> gi[R];
      NPT_UNROLL for (int i = 0; i < R; i++) gi[i] = load(g + i * t.channel_stride);
      NPT_UNROLL for (int j = 0; j < J; j++) {
        Vec<T> v = load(x[j] + position);
        if (R > 1) keep(v);
        NPT_UNROLL for (int i = 0; i < R; i++) sum[i][j] += gi[i] * v;
      }
    }
  }
  NPT_UNROLL for (int i = 0; i < R; i++) for (int j = 0; j < J; j++) {
    store(t.sums + i * t.sums_stride + j * LANES<T>, sum[i][j]);
  }
}

// The instance for a number of rows and of vectors or taps.
template <class T> using ConvTileFunction = void (*)(const ConvTile<T>&);
template <class T, bool ADD, int... I>
constexpr ConvTileFunction<T> conv_tile_at(long index, std::integer_sequence<int, I...>) {
  constexpr ConvTileFunction<T> all[] = {conv_tile<T, I / CONV_VECTORS + 1, I % CONV_VECTORS + 1, ADD>...};
  return all[index];
}
template <class T, bool ADD> NPT_INLINE ConvTileFunction<T> conv_tile_for(long rows, long vectors) {
  return conv_tile_at<T, ADD>((rows - 1) * CONV_VECTORS + vectors - 1,
                              std::make_integer_sequence<int, CONV_ROWS * CONV_VECTORS>{});
}
template <class T> using WeightTileFunction = void (*)(const WeightTile<T>&);
template <class T, int... I>
constexpr WeightTileFunction<T> weight_tile_at(long index, std::integer_sequence<int, I...>) {
  constexpr WeightTileFunction<T> all[] = {weight_tile<T, I / CONV_TAPS + 1, I % CONV_TAPS + 1>...};
  return all[index];
}
template <class T> NPT_INLINE WeightTileFunction<T> weight_tile_for(long rows, long taps) {
  return weight_tile_at<T>((rows - 1) * CONV_TAPS + taps - 1, std::make_integer_sequence<int, CONV_ROWS * CONV_TAPS>{});
}

// Weights regrouped for conv_tile: out[group][k][row of the group] = weight(row, k), groups of at most CONV_ROWS even
// rows.
template <class T, class F> NPT_INLINE void pack_weights(T* out, long rows, long depth, F weight) {
  const long groups = pieces(rows, CONV_ROWS);
  for (long i = 0; i < groups; i++) {
    const long begin = cut(rows, groups, i), end = cut(rows, groups, i + 1);
    for (long k = 0; k < depth; k++)
      for (long row = begin; row < end; row++) *out++ = weight(row, k);
  }
}

// gw[i] = the sum of vector i over its lanes and over all parts.
template <class T> NPT_INLINE void sum_parts(T* gw, long count, const T* parts, long number) {
  const long tasks = tasks_for(count * number * LANES<T>);
  parallel_for(tasks, [&](long t) {
    for (long i = cut(count, tasks, t); i < cut(count, tasks, t + 1); i++) {
      Vec<T> sum = load(parts + i * LANES<T>);
      for (long p = 1; p < number; p++) sum += load(parts + (p * count + i) * LANES<T>);
      gw[i] = sum_lanes(sum);
    }
  });
}

// The sum of parts (number, count).
template <class T> NPT_INLINE void add_parts(T* total, long count, const T* parts, long number) {
  parallel_vectors<T>(count, [&](long i, auto lanes) NPT_LAMBDA {
    Vec<T> sum = load_upto(parts + i, lanes);
    for (long p = 1; p < number; p++) sum += load_upto(parts + p * count + i, lanes);
    store_upto(total + i, lanes, sum);
  });
}

NPT_INLINE double conv_work(const ConvShape& s) {
  return double(s.n) * s.o * s.oh * s.ow * (s.c / s.groups) * s.kh * s.kw;
}
constexpr double CONV_WORTH_THREADS = 100000;
NPT_INLINE int conv_threads(const ConvShape& s) { return conv_work(s) < CONV_WORTH_THREADS ? 1 : available_threads(); }

template <class T> void rows_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y);
template <class T> void rows_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx);  // stride 1 only
template <class T> void rows_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw);
template <class T> void lanes_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y);
template <class T> void lanes_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx);
template <class T> void lanes_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw);
template <class T> void columns_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y);
template <class T> void columns_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx);
template <class T> void columns_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw);
// One thread computes these, block after block of LANES images.
template <class T> void winograd_lanes_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y);
template <class T> void winograd_lanes_gradients(const ConvShape& s, const T* x, const T* w, const T* gy, T* gx, T* gw);
template <class T> void winograd_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y);
template <class T> void winograd_input_gradient(const ConvShape& s, const T* gy, const T* w, T* gx);
template <class T> void winograd_weight_gradient(const ConvShape& s, const T* x, const T* gy, T* gw);

}  // namespace nptorch::NPT_ISA
