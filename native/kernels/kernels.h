// The kernels that the binding calls: their arguments, and one table of them per instruction set and scalar type.
//
// Arrays are contiguous in C order unless strides are given. Shapes and ranges were checked by the binding. A null
// pointer stands for an optional array that is absent, or for an output that is not wanted.
#pragma once
#include <stdint.h>

namespace nptorch {

// A matrix anywhere in memory; strides count elements.
template <class T> struct MatrixView {
  const T* data;
  long row_stride, column_stride;
  MatrixView at(long row, long column) const {
    return {data + row * row_stride + column * column_stride, row_stride, column_stride};
  }
};

// c (rows, columns), contiguous = a (rows, depth) @ b (depth, columns) [+ bias (columns)] [+ c].
template <class T> struct Gemm {
  long rows, columns, depth;
  MatrixView<T> a, b;
  T* c;
  const T* bias = nullptr;
  bool accumulate = false;
};

// x (n, c, h, w), weight (o, c / groups, kh, kw) -> y (n, o, oh, ow).
struct ConvShape {
  long n, c, h, w;
  long o, kh, kw;
  long sh, sw;  // stride
  long ph, pw;  // padding
  long dh, dw;  // dilation
  long groups;
  long oh, ow;
};

// Planes of (h, w) pooled to (oh, ow).
struct PoolShape {
  long planes, h, w, oh, ow;
  long kh, kw, sh, sw, ph, pw, dh, dw;
  bool count_padding;  // average pooling: whether padding counts in the mean
  double divisor;      // average pooling: what to divide by instead, or 0
};

// Where in its window each maximum was: 2 * (row * kw + column), and 1 more if the maximum is not positive. One of the
// two arrays: bytes where the window has at most MOST_BYTE_PLACES numbers.
constexpr long MOST_BYTE_PLACES = 128;
struct MaxPlaces {
  uint8_t* bytes;
  int32_t* wide;
};

// x (n, c, pixels), whose channels are normalised in so many groups.
struct GroupShape {
  long n, c, pixels, groups;
};

// A tensor seen as (outer, rows, kept, inner): sums run over rows and inner.
struct SumShape {
  long outer, rows, kept, inner;
};

// Lines of n numbers in a tensor seen as (outer, n, inner), followed from their ends in reverse.
struct LineShape {
  long outer, n, inner;
  bool reverse;
};

enum class Binary : int { add, subtract, multiply, divide };
// Parameters in the order of the binding: leaky_relu (slope), elu (alpha, scale, input_scale), hardtanh (low, high),
// softplus (beta, threshold).
enum class Unary : int {
  relu, leaky_relu, elu, hardtanh, hardsigmoid, hardswish, softplus, log_sigmoid, mish, sigmoid, tanh, exp, silu, gelu,
  gelu_tanh
};
// Of what their derivatives are written in: the result (threshold, which is relu's, sigmoid, tanh) or the input.
enum class Gradient : int {
  threshold, leaky_relu, elu, hardtanh, hardsigmoid, hardswish, softplus, log_sigmoid, mish, sigmoid, tanh, silu, gelu,
  gelu_tanh
};
enum class PairLoss : int { mse_loss, smooth_l1_loss, binary_cross_entropy, binary_cross_entropy_with_logits };
struct Parameters {
  double a = 0, b = 0, c = 0;
};
// The gradient that arrives: a number for each element, or one for all, as a sum or a mean leaves it.
template <class T> struct Incoming {
  const T* data;
  bool is_one;
};
enum class Reduction : int { none, mean, sum };

struct SgdRule {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, first;
};
struct AdamRule {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled, maximize;
  long step;
};
// One parameter of an optimizer step; states are absent where the rule has none.
template <class T> struct OptimizerItem {
  T* parameter;
  const T* gradient;
  T *state1, *state2, *state3;
  long size;
};

enum class Cell : int { lstm, gru, rnn_tanh, rnn_relu };
// One direction of a recurrent layer. The rows of all steps lie one below the other: step t has sizes[t] of them, never
// more than the step before. The gates of a row lie one after the other, in PyTorch's order. What is kept of a step is
// (keeps, rows, hidden): an LSTM's four gates and the cell before; a GRU's gates and its hidden part of the last one; an
// Elman network's new state.
struct Recurrence {
  Cell cell;
  bool reverse;
  long steps, rows;
  const long* sizes;
  long gates, keeps, input, hidden;
};
template <class T> struct RecurrentWeights {
  const T *w_ih, *w_hh, *b_ih, *b_hh;
};

// uint8 images (count, h, w, c) in a store; table (c, 256) maps each byte to its number.
struct ImageBatch {
  const uint8_t* images;
  const int64_t* indices;
  long batch, channels, pixels;
  const float* table;
  float* out;
};

// A Mersenne Twister: a state's words, before they are tempered, and how many of them were drawn.
struct Twister {
  static constexpr long WORDS = 624;
  uint32_t words[WORDS];
  uint32_t drawn;
};
constexpr long NORMAL_BLOCK = 16;  // normal numbers are made of so many uniform ones at a time

// name, parameters
#define NPT_KERNELS(X)                                                                                                 \
  X(gemm, (const Gemm<T>& g))                                                                                          \
  X(batched_gemm, (const Gemm<T>* problems, long count))                                                               \
  X(conv_forward, (const ConvShape& s, const T* x, const T* w, const T* bias, T* y))                                   \
  /* of x and w, or of one of them: the other one's gradient is null */                                                \
  X(conv_gradients, (const ConvShape& s, const T* x, const T* w, const T* gy, T* gx, T* gw))                           \
  X(max_pool, (const PoolShape& s, const T* x, T* y, MaxPlaces places))                                                \
  X(max_pool_gradient,                                                                                                 \
    (const PoolShape& s, const T* gy, MaxPlaces places, bool rectified, T* gx, T* plane_sums, bool* valid))            \
  X(avg_pool, (const PoolShape& s, const T* x, T* y))                                                                  \
  X(avg_pool_gradient, (const PoolShape& s, const T* gy, T* gx))                                                       \
  X(batch_norm, (long n, long c, long pixels, const T* x, const T* w, const T* b, double eps, T* y, T* mean, T* rstd)) \
  X(batch_norm_gradient, (long n, long c, long pixels, const T* gy, const T* x, const T* w, const T* mean,             \
                          const T* rstd, const T* rectified, T* gx, T* gw, T* gb))                                     \
  X(channel_scale, (long n, long c, long pixels, const T* x, const T* scale, const T* shift, T* y))                    \
  X(layer_norm, (long rows, long size, const T* x, const T* w, const T* b, double eps, T* y, T* mean, T* rstd))        \
  X(layer_norm_gradient,                                                                                               \
    (long rows, long size, const T* gy, const T* x, const T* w, const T* mean, const T* rstd, T* gx, T* gw, T* gb))    \
  X(group_norm,                                                                                                        \
    (const GroupShape& s, const T* x, const T* w, const T* b, double eps, T* y, T* mean, T* rstd))                     \
  X(group_norm_gradient, (const GroupShape& s, const T* gy, const T* x, const T* w, const T* mean, const T* rstd,      \
                          T* gx, T* gw, T* gb))                                                                        \
  X(softmax, (const LineShape& s, const T* x, T* y))                                                                   \
  X(log_softmax, (const LineShape& s, const T* x, T* y))                                                               \
  X(softmax_gradient, (const LineShape& s, const T* gy, const T* y, T* gx))                                            \
  X(log_softmax_gradient, (const LineShape& s, const T* gy, const T* y, T* gx))                                        \
  X(nll, (long rows, long classes, const T* log_probs, const int64_t* target, int64_t ignored, Reduction r, T* loss))   \
  X(nll_gradient,                                                                                                      \
    (long rows, long classes, const T* g, const int64_t* target, int64_t ignored, Reduction r, T* gx))                 \
  X(cross_entropy,                                                                                                     \
    (long rows, long classes, const T* x, const int64_t* target, int64_t ignored, Reduction r, T* loss, T* log_probs)) \
  X(cross_entropy_gradient, (long rows, long classes, const T* g, const T* log_probs, const int64_t* target,           \
                             int64_t ignored, Reduction r, T* gx))                                                     \
  X(unary, (Unary f, long n, const T* x, const Parameters& p, T* y))                                                   \
  X(gradient, (Gradient f, long n, Incoming<T> g, const T* of, const Parameters& p, T* gx))                            \
  X(pair_loss, (PairLoss f, long n, const T* x, const T* target, double parameter, T* y))                              \
  X(pair_gradient, (PairLoss f, long n, Incoming<T> g, const T* x, const T* target, double parameter, T* gx))          \
  X(binary, (Binary f, long n, const T* x, const T* y, T* out))                                                        \
  X(binary_scalar, (Binary f, long n, const T* x, T y, bool y_first, T* out))                                          \
  X(binary_row, (Binary f, long rows, long size, const T* x, const T* y, T* out))                                      \
  /* out (ahead, among, size) [:, numbers] += rows (ahead, count, size), one after the other where a number repeats */   \
  X(add_rows, (long ahead, long among, long count, long size, const int64_t* numbers, const T* rows, T* out))          \
  /* h and c (batch, hidden) go from the first states to the last ones */                                              \
  X(recurrent, (const Recurrence& s, const T* x, const RecurrentWeights<T>& w, T* h, T* c, T* out, T* before,          \
                T* kept))                                                                                              \
  /* gh and gc go from the last states' gradients to the first ones'; those of the two parts of the gates */           \
  X(recurrent_gradient, (const Recurrence& s, const T* w_hh, const T* g_out, const T* before, const T* kept, T* gh,    \
                         T* gc, T* g_input, T* g_hidden))                                                              \
  X(sum, (const SumShape& s, const T* x, T* y))                                                                        \
  X(cumsum, (const LineShape& s, const T* x, T* y))                                                                    \
  X(cumprod, (const LineShape& s, const T* x, T* y))                                                                   \
  X(recurrence, (const LineShape& s, const T* x, const T* a, T* y))                                                    \
  X(topk, (long rows, long size, long k, bool largest, const T* x, int64_t* places))                                   \
  X(sgd_step, (const SgdRule& rule, const OptimizerItem<T>* items, long count))                                        \
  X(adam_step, (const AdamRule& rule, const OptimizerItem<T>* items, long count))                                      \
  X(uniform, (Twister& twister, long n, T low, T high, T* out))                                                        \
  X(box_muller, (long n, T mean, T std, T* numbers))

template <class T> struct Kernels {
#define NPT_MEMBER(name, parameters) void(*name) parameters;
  NPT_KERNELS(NPT_MEMBER)
#undef NPT_MEMBER
  void (*image_batch)(const ImageBatch&);
  void (*random_words)(Twister&, long n, uint32_t* words);
  void (*shuffle)(long n, const uint32_t* words, int64_t* order);
};

// The tables of the instruction set chosen at import.
template <class T> const Kernels<T>& kernels();

#if defined(NPT_ISA)
// Compiles a kernel template for both scalar types, at the end of the file that defines it.
#define NPT_BOTH_TYPES(name)                  \
  template decltype(name<float>) name<float>; \
  template decltype(name<double>) name<double>;

namespace NPT_ISA {
#define NPT_DECLARE(name, parameters) template <class T> void name parameters;
NPT_KERNELS(NPT_DECLARE)
#undef NPT_DECLARE
void image_batch(const ImageBatch& b);
void random_words(Twister& twister, long n, uint32_t* words);
void shuffle(long n, const uint32_t* words, int64_t* order);
}  // namespace NPT_ISA
#endif

}  // namespace nptorch
