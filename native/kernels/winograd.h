// Winograd's minimal filtering with tiles of 6 x 6: F(4 x 4, 3 x 3), 36 multiplications for 16 outputs instead of 144,
// and F(2 x 2, 5 x 5), 36 for 4 instead of 100. Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
//
// Y = A^T [(G g G^T) . (B^T d B)] A for tiles d (6 x 6, overlapping by the kernel's size less one), kernels g and
// outputs Y. The products over the channels are 36 matrix products, one for each place in the tile. The gradients are
// the transposes: of d, B [(G g G^T) . (A gY A^T)] B^T, and of g, G^T [(B^T d B) . (A gY A^T)] G. Both sizes
// interpolate at 0, +-3/4, +-3/2 and infinity, so that they share B. Among points that are exact in binary and come in
// pairs, which halves the arithmetic, these round half as much as the customary 0, +-1 and +-2.
#pragma once
#include "lanes.h"
#include "simd.h"

namespace nptorch::NPT_ISA {

constexpr int IN = 6, PLACES = IN * IN;
constexpr size_t KERNELS_IN_CACHE = 4 << 20;  // bytes of transformed kernels that are used again and again

template <class T> struct Points {
  static constexpr T A = 0.75, B = 1.5, A2 = A * A, B2 = B * B, SUM = A2 + B2, PRODUCT = A2 * B2;
  static constexpr T SCALE_A = T(1 / (2 * 0.5625 * (0.5625 - 2.25))), SCALE_B = T(1 / (2 * 2.25 * (2.25 - 0.5625)));
};

// One-dimensional transforms; the numbers after the arrays are the distances between their elements.
template <class V> NPT_INLINE void input_transform(const V* d, int s, V* v, int t) {  // B^T, 6 -> 6
  typedef Points<Scalar<V>> P;
  const V even_a = d[4 * s] - P::B2 * d[2 * s], odd_a = P::A * (d[3 * s] - P::B2 * d[s]);
  const V even_b = d[4 * s] - P::A2 * d[2 * s], odd_b = P::B * (d[3 * s] - P::A2 * d[s]);
  v[0] = P::PRODUCT * d[0] - P::SUM * d[2 * s] + d[4 * s];
  v[t] = even_a + odd_a;
  v[2 * t] = even_a - odd_a;
  v[3 * t] = even_b + odd_b;
  v[4 * t] = even_b - odd_b;
  v[5 * t] = P::PRODUCT * d[s] - P::SUM * d[3 * s] + d[5 * s];
}
template <class V> NPT_INLINE void input_gradient_transform(const V* v, int s, V* d, int t) {  // B, 6 -> 6
  typedef Points<Scalar<V>> P;
  const V even_a = v[s] + v[2 * s], odd_a = P::A * (v[s] - v[2 * s]);
  const V even_b = v[3 * s] + v[4 * s], odd_b = P::B * (v[3 * s] - v[4 * s]);
  d[0] = P::PRODUCT * v[0];
  d[t] = P::PRODUCT * v[5 * s] - P::B2 * odd_a - P::A2 * odd_b;
  d[2 * t] = -P::SUM * v[0] - P::B2 * even_a - P::A2 * even_b;
  d[3 * t] = odd_a + odd_b - P::SUM * v[5 * s];
  d[4 * t] = v[0] + even_a + even_b;
  d[5 * t] = v[5 * s];
}
template <int TAP, class V> NPT_INLINE void kernel_transform(const V* g, int s, V* u, int t) {  // G, TAP -> 6
  typedef Points<Scalar<V>> P;
  V even_a = g[0] + P::A2 * g[2 * s], odd_a = g[s], even_b = g[0] + P::B2 * g[2 * s], odd_b = g[s];
  if constexpr (TAP == 5) {
    even_a += P::A2 * P::A2 * g[4 * s];
    odd_a += P::A2 * g[3 * s];
    even_b += P::B2 * P::B2 * g[4 * s];
    odd_b += P::B2 * g[3 * s];
  }
  u[0] = g[0] * (1 / P::PRODUCT);
  u[t] = (even_a + P::A * odd_a) * P::SCALE_A;
  u[2 * t] = (even_a - P::A * odd_a) * P::SCALE_A;
  u[3 * t] = (even_b + P::B * odd_b) * P::SCALE_B;
  u[4 * t] = (even_b - P::B * odd_b) * P::SCALE_B;
  u[5 * t] = g[(TAP - 1) * s];
}
template <int TAP, class V> NPT_INLINE void weight_transform(const V* u, int s, V* g, int t) {  // G^T, 6 -> TAP
  typedef Points<Scalar<V>> P;
  const V even_a = (u[s] + u[2 * s]) * P::SCALE_A, odd_a = (u[s] - u[2 * s]) * (P::A * P::SCALE_A);
  const V even_b = (u[3 * s] + u[4 * s]) * P::SCALE_B, odd_b = (u[3 * s] - u[4 * s]) * (P::B * P::SCALE_B);
  g[0] = u[0] * (1 / P::PRODUCT) + even_a + even_b;
  g[t] = odd_a + odd_b;
  g[2 * t] = P::A2 * even_a + P::B2 * even_b;
  if constexpr (TAP == 5) {
    g[3 * t] = P::A2 * odd_a + P::B2 * odd_b;
    g[4 * t] = P::A2 * P::A2 * even_a + P::B2 * P::B2 * even_b;
  }
  g[(TAP - 1) * t] += u[5 * s];
}
template <int OUT, class V> NPT_INLINE void output_transform(const V* m, int s, V* y, int t) {  // A^T, 6 -> OUT
  typedef Points<Scalar<V>> P;
  const V even_a = m[s] + m[2 * s], odd_a = P::A * (m[s] - m[2 * s]);
  const V even_b = m[3 * s] + m[4 * s], odd_b = P::B * (m[3 * s] - m[4 * s]);
  y[0] = m[0] + even_a + even_b;
  y[t] = odd_a + odd_b;
  if constexpr (OUT == 4) {
    y[2 * t] = P::A2 * even_a + P::B2 * even_b;
    y[3 * t] = P::A2 * odd_a + P::B2 * odd_b;
  }
  y[(OUT - 1) * t] += m[5 * s];
}
template <int OUT, class V> NPT_INLINE void gradient_transform(const V* y, int s, V* m, int t) {  // A, OUT -> 6
  typedef Points<Scalar<V>> P;
  V even_a = y[0], odd_a = y[s], even_b = y[0], odd_b = y[s];
  if constexpr (OUT == 4) {
    even_a += P::A2 * y[2 * s];
    odd_a += P::A2 * y[3 * s];
    even_b += P::B2 * y[2 * s];
    odd_b += P::B2 * y[3 * s];
  }
  m[0] = y[0];
  m[t] = even_a + P::A * odd_a;
  m[2 * t] = even_a - P::A * odd_a;
  m[3 * t] = even_b + P::B * odd_b;
  m[4 * t] = even_b - P::B * odd_b;
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
