// Random numbers: the words of a Mersenne Twister, and PyTorch's uniform and normal numbers made of them, bit for bit.
//
// A product and a sum are rounded once where PyTorch's kernels fuse them, and only there: every such place is a call of
// fused(), and nowhere else does a product meet a sum that the compiler could fuse it with.
#include "kernels.h"
#include "scratch.h"

namespace nptorch::NPT_ISA {
namespace {

// ---------------------------------------------------------------- words (Matsumoto, Nishimura, ACM TOMACS 8(1), 1998)
constexpr long WORDS = Twister::WORDS, MIDDLE = 397;

NPT_INLINE uint32_t twisted(uint32_t word, uint32_t next, uint32_t middle) {
  const uint32_t joined = (word & 0x80000000u) | (next & 0x7fffffffu);
  return middle ^ joined >> 1 ^ (joined & 1 ? 0x9908b0dfu : 0);
}

void next_state(uint32_t* words) {
  for (long i = 0; i < WORDS - MIDDLE; i++) words[i] = twisted(words[i], words[i + 1], words[i + MIDDLE]);
  for (long i = WORDS - MIDDLE; i < WORDS - 1; i++)
    words[i] = twisted(words[i], words[i + 1], words[i + MIDDLE - WORDS]);
  words[WORDS - 1] = twisted(words[WORDS - 1], words[0], words[MIDDLE - 1]);
}

NPT_INLINE uint32_t tempered(uint32_t y) {
  y ^= y >> 11;
  y ^= y << 7 & 0x9d2c5680u;
  y ^= y << 15 & 0xefc60000u;
  return y ^ y >> 18;
}

// ---------------------------------------------------------------- uniform numbers
// 24 bits of one word, or 53 of two, the first one high; in [0, 1).
NPT_INLINE float fraction(const uint32_t* word, float) { return float(int32_t(*word & 0xffffff)) * 0x1p-24f; }
NPT_INLINE double fraction(const uint32_t* words, double) {
  return double(int64_t((uint64_t(words[0]) << 32 | words[1]) & 0x1fffffffffffff)) * 0x1p-53;
}

// a * b + c, rounded once.
NPT_INLINE double fused(double a, double b, double c) { return __builtin_fma(a, b, c); }
NPT_INLINE float fused(float a, float b, float c) {
#if defined(__FP_FAST_FMAF)
  return __builtin_fmaf(a, b, c);
#else
  // The C library's is slow without an instruction for it. In double the product is exact, and the sum's two roundings
  // are as good as one unless the first went to the middle between two floats, or the result is subnormal.
  const double sum = double(a) * double(b) + double(c);
  int64_t bits;
  memcpy(&bits, &sum, sizeof bits);
  const bool once = (bits & 0x1fffffff) != 0x10000000 && __builtin_fabs(sum) >= 0x1p-126;
  return once ? float(sum) : __builtin_fmaf(a, b, c);
#endif
}

// ---------------------------------------------------------------- normal numbers
constexpr long HALF = NORMAL_BLOCK / 2;  // so many are made at a time, whatever the width of the vectors
typedef float Floats __attribute__((vector_size(HALF * sizeof(float))));
typedef int32_t Integers __attribute__((vector_size(HALF * sizeof(int32_t))));

NPT_INLINE Floats load_half(const float* p) {
  Floats v;
  memcpy(&v, p, sizeof v);
  return v;
}
NPT_INLINE void store_half(float* p, Floats v) { memcpy(p, &v, sizeof v); }
NPT_INLINE Floats all(float x) { return x - Floats{}; }

NPT_INLINE Floats fused(Floats a, Floats b, Floats c) {
#if defined(__AVX2__)
  return (Floats)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
  NPT_UNROLL for (int i = 0; i < HALF; i++) a[i] = fused(a[i], b[i], c[i]);
  return a;
#endif
}
NPT_INLINE Floats square_root(Floats v) {
#if defined(__AVX2__)
  return (Floats)_mm256_sqrt_ps((__m256)v);
#else
  NPT_UNROLL for (int i = 0; i < HALF; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

// The value at x of the polynomial with these coefficients, the highest power's first.
template <int N> NPT_INLINE Floats polynomial(const float (&coefficients)[N], Floats x) {
  Floats value = all(coefficients[0]);
  NPT_UNROLL for (int i = 1; i < N; i++) value = fused(value, x, all(coefficients[i]));
  return value;
}

// Cephes' logf and sinf/cosf (S. L. Moshier, https://netlib.org/cephes), which PyTorch evaluates.
constexpr float LOG[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,  -1.2420140846e-1f, 1.4249322787e-1f,
                         -1.6668057665e-1f, 2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
constexpr float LN2[] = {0.693359375f, -2.12194440e-4f};  // in two parts, the first exact
constexpr float SIN[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
constexpr float COS[] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
constexpr float MINUS_QUARTER_PI[] = {-0.78515625f, -2.4187564849853515625e-4f, -3.77489497744594108e-8f};

// log x of normal x.
NPT_INLINE Floats logarithm(Floats x) {
  const Integers bits = (Integers)x, exponent = (bits >> 23) - 126;
  const Floats mantissa = (Floats)((bits & 0x007fffff) | 0x3f000000);  // of [1/2, 1)
  const Integers small = mantissa < 0.707106781186547524f;             // -1 where it holds
  const Floats e = __builtin_convertvector(exponent + small, Floats);
  const Floats m = mantissa - 1.0f + (small ? mantissa : Floats{}), square = m * m;
  Floats y = fused(polynomial(LOG, m) * m, square, e * LN2[1]);
  y = fused(square, all(-0.5f), y);
  return fused(e, all(LN2[0]), m + y);
}

// radius * cos x and radius * sin x of x >= 0.
NPT_INLINE void polar(Floats radius, Floats x, Floats& first, Floats& second) {
  const Integers octant = (__builtin_convertvector(x * 1.27323954473516268f, Integers) + 1) & ~1;
  const Floats eighths = __builtin_convertvector(octant, Floats);
  NPT_UNROLL for (int i = 0; i < 3; i++) x = fused(eighths, all(MINUS_QUARTER_PI[i]), x);
  const Floats square = x * x;
  const Floats cos = fused(polynomial(COS, square) * square, square, square * -0.5f) + 1.0f;
  const Floats sin = fused(polynomial(SIN, square) * square, x, x);
  const Integers swapped = (octant & 2) != 0;
  const Integers sin_sign = (octant & 4) << 29, cos_sign = ((octant + 2) & 4) << 29;
  first = radius * (Floats)((Integers)(swapped ? sin : cos) ^ cos_sign);
  second = radius * (Floats)((Integers)(swapped ? cos : sin) ^ sin_sign);
}

// Box-Muller on a block: 8 radii, then 8 angles, become 8 cosines, then 8 sines.
NPT_INLINE void normal_block(float* block, float mean, float std) {
  const Floats radius = square_root(-2.0f * logarithm(1.0f - load_half(block)));
  Floats cosines, sines;
  polar(radius, load_half(block + HALF) * 6.28318530717958648f, cosines, sines);
  store_half(block, fused(cosines, all(std), all(mean)));
  store_half(block + HALF, fused(sines, all(std), all(mean)));
}
NPT_INLINE void normal_block(double* block, double mean, double std) {
  for (long i = 0; i < HALF; i++) {
    const double radius = __builtin_sqrt(-2.0 * ::log(1.0 - block[i]));
    const double angle = 6.28318530717958648 * block[i + HALF];
    block[i] = fused(radius * ::cos(angle), std, mean);
    block[i + HALF] = fused(radius * ::sin(angle), std, mean);
  }
}

}  // namespace

void random_words(Twister& twister, long n, uint32_t* words) {
  while (n > 0) {
    if (twister.drawn == WORDS) {
      next_state(twister.words);
      twister.drawn = 0;
    }
    const long count = smaller(n, WORDS - twister.drawn);
    const uint32_t* untempered = twister.words + twister.drawn;
    for (long i = 0; i < count; i++) words[i] = tempered(untempered[i]);
    twister.drawn += uint32_t(count);
    words += count;
    n -= count;
  }
}

template <class T> void uniform(Twister& twister, long n, T low, T high, T* out) {
  constexpr long AT_ONCE = 1024, WORDS_OF_ONE = sizeof(T) / sizeof(uint32_t);
  const T span = high - low;
  const bool is_unit = low == 0 && high == 1;
  uint32_t words[AT_ONCE * WORDS_OF_ONE];
  for (; n > 0; n -= AT_ONCE, out += AT_ONCE) {
    const long count = smaller(n, AT_ONCE);
    random_words(twister, count * WORDS_OF_ONE, words);
    for (long i = 0; i < count; i++) out[i] = fraction(words + i * WORDS_OF_ONE, T());
    if (is_unit) continue;
    for (long i = 0; i < count; i++) {
      const T x = fused(out[i], span, low);
      out[i] = x == high ? low : x;  // where rounding reached the end that is excluded
    }
  }
}

template <class T> void box_muller(long n, T mean, T std, T* numbers) {
  const long blocks = n / NORMAL_BLOCK, tasks = smaller(blocks, tasks_for(n));
  parallel_for(tasks, [&](long t) {
    for (long i = cut(blocks, tasks, t); i < cut(blocks, tasks, t + 1); i++)
      normal_block(numbers + i * NORMAL_BLOCK, mean, std);
  });
}

void shuffle(long n, const uint32_t* words, int64_t* order) {
  for (long i = 0; i + 1 < n; i++) {
    const long j = i + words[i] % uint32_t(n - i);
    const int64_t swapped = order[i];
    order[i] = order[j];
    order[j] = swapped;
  }
}

NPT_BOTH_TYPES(uniform)
NPT_BOTH_TYPES(box_muller)

}  // namespace nptorch::NPT_ISA
