// Winograd's minimal filtering with tiles of 6 x 6: F(4 x 4, 3 x 3), 36 multiplications for 16 outputs instead of 144,
// and F(2 x 2, 5 x 5), 36 for 4 instead of 100. Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
//
// Y = A^T [(G g G^T) . (B^T d B)] A for tiles d (6 x 6, overlapping by the kernel's size less one), kernels g and
// outputs Y. The products over the channels are 36 matrix products, one for each place in the tile. The gradients are
// the transposes: of d, B [(G g G^T) . (A gY A^T)] B^T, and of g, G^T [(B^T d B) . (A gY A^T)] G. Both sizes
// interpolate at 0, 1, -1, 2, -2 and infinity, so that they share B.
#pragma once
#include "lanes.h"
#include "simd.h"

namespace nptorch::NPT_ISA {

constexpr int IN = 6, PLACES = IN * IN;
constexpr size_t KERNELS_IN_CACHE = 4 << 20;  // bytes of transformed kernels that are used again and again

// One-dimensional transforms; the numbers after the arrays are the distances between their elements.
template <class V> NPT_INLINE void input_transform(const V* d, int s, V* v, int t) {  // B^T, 6 -> 6
  typedef Scalar<V> T;
  const V a = d[4 * s] - T(4) * d[2 * s], b = d[3 * s] - T(4) * d[s], c = d[4 * s] - d[2 * s], e = d[3 * s] - d[s];
  v[0] = T(4) * (d[0] - d[2 * s]) + c;
  v[t] = a + b;
  v[2 * t] = a - b;
  v[3 * t] = c + (e + e);
  v[4 * t] = c - (e + e);
  v[5 * t] = d[5 * s] - d[3 * s] - T(4) * e;
}
template <class V> NPT_INLINE void input_gradient_transform(const V* v, int s, V* d, int t) {  // B, 6 -> 6
  typedef Scalar<V> T;
  const V a = v[s] + v[2 * s], b = v[s] - v[2 * s], c = v[3 * s] + v[4 * s], e = v[3 * s] - v[4 * s];
  d[0] = T(4) * v[0];
  d[t] = T(4) * (v[5 * s] - b) - T(2) * e;
  d[2 * t] = T(-5) * v[0] - T(4) * a - c;
  d[3 * t] = b + T(2) * e - T(5) * v[5 * s];
  d[4 * t] = v[0] + a + c;
  d[5 * t] = v[5 * s];
}
template <int TAP, class V> NPT_INLINE void kernel_transform(const V* g, int s, V* u, int t) {  // G, TAP -> 6
  typedef Scalar<V> T;
  V even = g[0] + g[2 * s], odd = g[s], far_even = g[0] + T(4) * g[2 * s], far_odd = T(2) * g[s];
  if constexpr (TAP == 5) {
    even += g[4 * s];
    odd += g[3 * s];
    far_even += T(16) * g[4 * s];
    far_odd += T(8) * g[3 * s];
  }
  u[0] = g[0] * T(0.25);
  u[t] = (even + odd) * T(-1.0 / 6);
  u[2 * t] = (even - odd) * T(-1.0 / 6);
  u[3 * t] = (far_even + far_odd) * T(1.0 / 24);
  u[4 * t] = (far_even - far_odd) * T(1.0 / 24);
  u[5 * t] = g[(TAP - 1) * s];
}
template <int TAP, class V> NPT_INLINE void weight_transform(const V* u, int s, V* g, int t) {  // G^T, 6 -> TAP
  typedef Scalar<V> T;
  const V even = (u[s] + u[2 * s]) * T(-1.0 / 6), odd = (u[s] - u[2 * s]) * T(-1.0 / 6);
  const V far_even = u[3 * s] + u[4 * s], far_odd = u[3 * s] - u[4 * s];
  g[0] = u[0] * T(0.25) + even + far_even * T(1.0 / 24);
  g[t] = odd + far_odd * T(1.0 / 12);
  g[2 * t] = even + far_even * T(1.0 / 6);
  if constexpr (TAP == 5) {
    g[3 * t] = odd + far_odd * T(1.0 / 3);
    g[4 * t] = even + far_even * T(2.0 / 3);
  }
  g[(TAP - 1) * t] += u[5 * s];
}
template <int OUT, class V> NPT_INLINE void output_transform(const V* m, int s, V* y, int t) {  // A^T, 6 -> OUT
  typedef Scalar<V> T;
  const V a = m[s] + m[2 * s], b = m[s] - m[2 * s], c = m[3 * s] + m[4 * s], d = m[3 * s] - m[4 * s];
  y[0] = m[0] + a + c;
  y[t] = b + T(2) * d;
  if constexpr (OUT == 4) {
    y[2 * t] = a + T(4) * c;
    y[3 * t] = b + T(8) * d;
  }
  y[(OUT - 1) * t] += m[5 * s];
}
template <int OUT, class V> NPT_INLINE void gradient_transform(const V* y, int s, V* m, int t) {  // A, OUT -> 6
  typedef Scalar<V> T;
  V even = y[0], odd = y[s], far_even = y[0], far_odd = T(2) * y[s];
  if constexpr (OUT == 4) {
    even += y[2 * s];
    odd += y[3 * s];
    far_even += T(4) * y[2 * s];
    far_odd += T(8) * y[3 * s];
  }
  m[0] = y[0];
  m[t] = even + odd;
  m[2 * t] = even - odd;
  m[3 * t] = far_even + far_odd;
  m[4 * t] = far_even - far_odd;
  m[5 * t] = y[(OUT - 1) * s];
}
// A two-dimensional transform FROM x FROM -> TO x TO: down the columns, then along the rows.
#define NPT_TRANSFORM_2D(one, FROM, TO, in, out)                                               \
  do {                                                                                         \
    Vec<T> half[TO * FROM];                                                                    \
    for (int column = 0; column < FROM; column++) one(in + column, FROM, half + column, FROM); \
    for (int row = 0; row < TO; row++) one(half + row * FROM, 1, out + row * TO, 1);           \
  } while (0)

// u[place] of `lanes` kernels side by side, which lie `stride` apart; flipped ones are read from the end.
template <class T, int TAP>
NPT_INLINE void transform_kernels(const T* w, long stride, long lanes, bool flipped, Vec<T>* u) {
  constexpr int TAPS = TAP * TAP;
  T side_by_side[TAPS * LANES<T>];
  interleave<T>(w, stride, lanes, TAPS, side_by_side, nullptr);
  Vec<T> taps[TAPS];
  for (int i = 0; i < TAPS; i++) taps[i] = load(side_by_side + (flipped ? TAPS - 1 - i : i) * LANES<T>);
  NPT_TRANSFORM_2D(kernel_transform<TAP>, TAP, IN, taps, u);
}

}  // namespace nptorch::NPT_ISA
