// Vectors of float or double on GCC/Clang vector extensions: as wide as the instruction set this file is compiled for.
//
// Everything lives in namespace nptorch::NPT_ISA (baseline, avx2 or avx512, given by the build), so that the three
// compilations of one source never share a symbol. For the same reason kernels use nothing of the standard library that
// the linker could merge across them.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>
#include <utility>

#if defined(__AVX512F__)
#define NPT_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define NPT_VECTOR_BYTES 32
#else
#define NPT_VECTOR_BYTES 16
#endif
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define NPT_INLINE inline __attribute__((always_inline))
#define NPT_LAMBDA __attribute__((always_inline))
#define NPT_UNROLL _Pragma("GCC unroll 16")

#if defined(__clang__)
#define NPT_SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define NPT_SHUFFLE(a, b, ...) __builtin_shuffle(a, b, Ints<Scalar<V>>{__VA_ARGS__})
#endif

namespace nptorch::NPT_ISA {

template <class T> struct Simd;
template <> struct Simd<float> {
  typedef float Vec __attribute__((vector_size(NPT_VECTOR_BYTES)));
  typedef float Unaligned __attribute__((vector_size(NPT_VECTOR_BYTES), aligned(4), may_alias));
  typedef int32_t Ints __attribute__((vector_size(NPT_VECTOR_BYTES)));
  typedef uint8_t Bytes __attribute__((vector_size(NPT_VECTOR_BYTES / 4)));
};
template <> struct Simd<double> {
  typedef double Vec __attribute__((vector_size(NPT_VECTOR_BYTES)));
  typedef double Unaligned __attribute__((vector_size(NPT_VECTOR_BYTES), aligned(8), may_alias));
  typedef int64_t Ints __attribute__((vector_size(NPT_VECTOR_BYTES)));
  typedef uint8_t Bytes __attribute__((vector_size(NPT_VECTOR_BYTES / 8)));
};
template <class T> using Vec = typename Simd<T>::Vec;
template <class T> using Ints = typename Simd<T>::Ints;
template <class T> using Bytes = typename Simd<T>::Bytes;
template <class V> using Scalar = std::remove_cv_t<std::remove_reference_t<decltype(std::declval<V&>()[0])>>;
template <class T> constexpr int LANES = NPT_VECTOR_BYTES / sizeof(T);
template <class V> using LaneIndices = std::make_integer_sequence<int, sizeof(V) / sizeof(Scalar<V>)>;
constexpr int REGISTERS = NPT_VECTOR_BYTES == 64 ? 32 : 16;

// ---------------------------------------------------------------- plain helpers
NPT_INLINE long smaller(long a, long b) { return a < b ? a : b; }
NPT_INLINE long larger(long a, long b) { return a > b ? a : b; }
NPT_INLINE long pieces(long total, long size) { return (total + size - 1) / size; }
// Where piece i of n even pieces of `total` begins: 10 in two is 5 + 5, never 8 + 2.
NPT_INLINE long cut(long total, long n, long i) { return total * i / n; }

// ---------------------------------------------------------------- load and store
template <class T> NPT_INLINE Vec<T> load(const T* p) {
  return *reinterpret_cast<const typename Simd<T>::Unaligned*>(p);
}
template <class T> NPT_INLINE void store(T* p, Vec<T> v) { *reinterpret_cast<typename Simd<T>::Unaligned*>(p) = v; }
template <class T> NPT_INLINE Vec<T> splat(T x) { return x - Vec<T>{}; }

#if NPT_VECTOR_BYTES == 32
// Row n of this window has its first n lanes set; one table serves 4- and 8-byte lanes.
alignas(32) constexpr int32_t LANE_MASKS[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
template <class T> NPT_INLINE __m256i first_lanes(long n) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(LANE_MASKS + (LANES<T> - n) * (sizeof(T) / 4)));
}
#endif

// The first n lanes (n <= LANES) from memory, zeros in the others; touches no memory beyond them.
NPT_INLINE Vec<float> load_some(const float* p, long n) {
#if NPT_VECTOR_BYTES == 64
  return (Vec<float>)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#elif NPT_VECTOR_BYTES == 32
  return (Vec<float>)_mm256_maskload_ps(p, first_lanes<float>(n));
#else
  Vec<float> v = {};
  for (int i = 0; i < n; i++) v[i] = p[i];
  return v;
#endif
}
NPT_INLINE Vec<double> load_some(const double* p, long n) {
#if NPT_VECTOR_BYTES == 64
  return (Vec<double>)_mm512_maskz_loadu_pd((__mmask8)((1u << n) - 1), p);
#elif NPT_VECTOR_BYTES == 32
  return (Vec<double>)_mm256_maskload_pd(p, first_lanes<double>(n));
#else
  Vec<double> v = {};
  for (int i = 0; i < n; i++) v[i] = p[i];
  return v;
#endif
}
NPT_INLINE void store_some(float* p, long n, Vec<float> v) {
#if NPT_VECTOR_BYTES == 64
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#elif NPT_VECTOR_BYTES == 32
  _mm256_maskstore_ps(p, first_lanes<float>(n), (__m256)v);
#else
  for (int i = 0; i < n; i++) p[i] = v[i];
#endif
}
NPT_INLINE void store_some(double* p, long n, Vec<double> v) {
#if NPT_VECTOR_BYTES == 64
  _mm512_mask_storeu_pd(p, (__mmask8)((1u << n) - 1), (__m512d)v);
#elif NPT_VECTOR_BYTES == 32
  _mm256_maskstore_pd(p, first_lanes<double>(n), (__m256d)v);
#else
  for (int i = 0; i < n; i++) p[i] = v[i];
#endif
}
// As above for any n: a whole vector when n covers it, nothing when n <= 0.
template <class T> NPT_INLINE Vec<T> load_upto(const T* p, long n) {
  return n >= LANES<T> ? load(p) : n > 0 ? load_some(p, n) : Vec<T>{};
}
template <class T> NPT_INLINE void store_upto(T* p, long n, Vec<T> v) {
  if (n >= LANES<T>) store(p, v);
  else if (n > 0) store_some(p, n, v);
}

// Keeps a loaded vector in a register (GCC otherwise folds the load into every multiply-add that uses it), and keeps a
// product from being contracted into a fused multiply-add where the rounding of the product matters.
template <class V> NPT_INLINE void keep(V& v) {
#if NPT_VECTOR_BYTES == 64
  __asm__("" : "+v"(v));
#elif defined(__x86_64__)
  __asm__("" : "+x"(v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#else
  (void)v;
#endif
}

// ---------------------------------------------------------------- across lanes
template <class V> NPT_INLINE V vmax(V a, V b) { return a > b ? a : b; }

template <int S, class V, int... L> NPT_INLINE V rotate(V a, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, a, ((L + S) % int(sizeof...(L)))...);
}
template <int S, class V, class F> NPT_INLINE V fold(V v, F combine) {
  if constexpr (S > 0) return fold<S / 2>(combine(v, rotate<S>(v, LaneIndices<V>{})), combine);
  return v;
}
template <class V> NPT_INLINE Scalar<V> sum_lanes(V v) {
  return fold<LANES<Scalar<V>> / 2>(v, [](V a, V b) { return a + b; })[0];
}
template <class V> NPT_INLINE Scalar<V> max_lanes(V v) {
  return fold<LANES<Scalar<V>> / 2>(v, [](V a, V b) { return vmax(a, b); })[0];
}
template <class V, int... L> NPT_INLINE Ints<Scalar<V>> count_up(std::integer_sequence<int, L...>) {
  return Ints<Scalar<V>>{L...};
}
// v with `other` in the lanes from n on.
template <class V> NPT_INLINE V first(V v, long n, Scalar<V> other = 0) {
  if (n >= LANES<Scalar<V>>) return v;
  const Ints<Scalar<V>> limit = Ints<Scalar<V>>{} + Scalar<Ints<Scalar<V>>>(n);
  return count_up<V>(LaneIndices<V>{}) < limit ? v : other - V{};
}

template <class V, int... L> NPT_INLINE V evens(V a, V b, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, b, (2 * L)...);
}
template <class V, int... L> NPT_INLINE V odds(V a, V b, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, b, (2 * L + 1)...);
}
template <class V, int... L> NPT_INLINE V zip_low(V a, V b, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, b, (L / 2 + (L & 1) * int(sizeof...(L)))...);
}
template <class V, int... L> NPT_INLINE V zip_high(V a, V b, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, b, (int(sizeof...(L)) / 2 + L / 2 + (L & 1) * int(sizeof...(L)))...);
}

// Lane l of the result is lane picks[l] of a, or of b from LANES on. With other instruction sets it would be a loop.
#if NPT_VECTOR_BYTES == 64
NPT_INLINE Vec<float> pick(Vec<float> a, Ints<float> picks, Vec<float> b) {
  return (Vec<float>)_mm512_permutex2var_ps((__m512)a, (__m512i)picks, (__m512)b);
}
NPT_INLINE Vec<double> pick(Vec<double> a, Ints<double> picks, Vec<double> b) {
  return (Vec<double>)_mm512_permutex2var_pd((__m512d)a, (__m512i)picks, (__m512d)b);
}
#endif

// A square transpose in log2(lanes) butterfly stages, each exchanging blocks of S x S.
template <int S, class V, int... L> NPT_INLINE V butterfly_low(V a, V b, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, b, ((L & S) == 0 ? L : int(sizeof...(L)) + L - S)...);
}
template <int S, class V, int... L> NPT_INLINE V butterfly_high(V a, V b, std::integer_sequence<int, L...>) {
  return NPT_SHUFFLE(a, b, ((L & S) == 0 ? L + S : int(sizeof...(L)) + L)...);
}
template <int S, class V> NPT_INLINE void transpose_stage(V* r) {
  if constexpr (S > 0) {
    NPT_UNROLL for (int i = 0; i < LANES<Scalar<V>>; i++) {
      if (i & S) continue;
      V a = r[i], b = r[i + S];
      r[i] = butterfly_low<S>(a, b, LaneIndices<V>{});
      r[i + S] = butterfly_high<S>(a, b, LaneIndices<V>{});
    }
    transpose_stage<S / 2>(r);
  }
}
template <class V> NPT_INLINE void transpose(V* rows) { transpose_stage<LANES<Scalar<V>> / 2>(rows); }

// ---------------------------------------------------------------- functions
NPT_INLINE Vec<float> vsqrt(Vec<float> v) {
#if NPT_VECTOR_BYTES == 64
  return (Vec<float>)_mm512_sqrt_ps((__m512)v);
#elif NPT_VECTOR_BYTES == 32
  return (Vec<float>)_mm256_sqrt_ps((__m256)v);
#else
  NPT_UNROLL for (int i = 0; i < LANES<float>; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}
NPT_INLINE Vec<double> vsqrt(Vec<double> v) {
  NPT_UNROLL for (int i = 0; i < LANES<double>; i++) v[i] = __builtin_sqrt(v[i]);
  return v;
}

// e^r - 1 for |r| <= ln2/2, a polynomial (Cephes expf).
NPT_INLINE Vec<float> expm1_near_zero(Vec<float> r) {
  typedef Vec<float> V;
  V p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return p * (r * r) + r;
}

// e^x by 2^n e^r with |r| <= ln2/2 and a degree-6 polynomial (Cephes expf), within 2 ulp; results down to the smallest
// denormal and up to the largest number come out.
NPT_INLINE Vec<float> vexp(Vec<float> x) {
  typedef Vec<float> V;
  constexpr float low = -104.0f, high = 89.0f, log2_e = 1.44269504088896341f;  // 0 and infinity from there on
#if NPT_VECTOR_BYTES == 64
  // In this order NaN passes.
  const V t = (V)_mm512_min_ps(_mm512_set1_ps(high), _mm512_max_ps(_mm512_set1_ps(low), (__m512)x));
  const V whole = (V)_mm512_roundscale_ps((__m512)(t * log2_e), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
#else
  const V t = x < low ? splat(low) : x > high ? splat(high) : x;
  const V magic = splat(12582912.0f), shifted = t * log2_e + magic;  // from 2^23 on there are no fractions
  const V whole = shifted - magic;
#endif
  const V r = (t - whole * 0.693359375f) + whole * 2.12194440e-4f, p = expm1_near_zero(r) + 1.0f;
#if NPT_VECTOR_BYTES == 64
  return (V)_mm512_scalef_ps((__m512)p, (__m512)whole);
#else
  // The scale in two halves: 2^n itself may be no number.
  const Ints<float> n = (Ints<float>)shifted - (Ints<float>)magic, half = n >> 1;
  return p * (V)((half + 127) << 23) * (V)((n - half + 127) << 23);
#endif
}
NPT_INLINE Vec<double> vexp(Vec<double> x) {
  for (int i = 0; i < LANES<double>; i++) x[i] = ::exp(x[i]);
  return x;
}
NPT_INLINE float log_of(float x) { return ::logf(x); }
NPT_INLINE double log_of(double x) { return ::log(x); }

}  // namespace nptorch::NPT_ISA
