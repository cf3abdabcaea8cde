// Which of the ways to compute a convolution serves which shape (see conv.h).
#include "conv.h"
#include "winograd.h"

namespace nptorch::NPT_ISA {
namespace {

bool covers_image(const ConvShape& s) {
  return s.groups == 1 && s.kh == s.h && s.kw == s.w && s.ph == 0 && s.pw == 0 && s.dh == 1 && s.dw == 1;
}

// A 1 x 1 kernel does not see rows: the image may as well be one long row.
ConvShape flattened(const ConvShape& s) {
  ConvShape flat = s;
  if (s.kh == 1 && s.kw == 1 && s.sh == 1 && s.sw == 1 && s.ph == 0 && s.pw == 0) {
    flat.h = flat.oh = 1;
    flat.w = flat.ow = s.h * s.w;
  }
  return flat;
}

enum class Pass { forward, input_gradient, weight_gradient };
enum class Way { rows, lanes, columns, winograd, winograd_lanes };

// Lanes on several threads: each takes whole blocks of images, which stay in its own cache, where they can be dealt out
// about evenly: body(part, first image, shape of the part). Otherwise (0 parts) the threads share blocks.
template <class T> long parts_of_blocks(const ConvShape& s) {
  const long threads = conv_threads(s), blocks = pieces(s.n, LANES<T>), rounds = pieces(blocks, threads);
  return threads > 1 && 5 * blocks >= 4 * rounds * threads ? smaller(blocks, threads) : 0;
}

// The cheapest way where several serve, by an estimate in multiply-adds of one lane for each image. Empty lanes cost as
// much as full ones. Moving a number into place costs about one where whole vectors are copied, more where they are
// transposed or picked one by one; sums that have outgrown the cache are read and written once for each block of
// images; Winograd transforms whole tiles.
template <class T> struct Costs {
  static constexpr double TRANSPOSED = 6, STORED = 6, PICKED = 24, UNROLLED = 32, SUMMED = 8;
  static constexpr double TRANSFORMED = 580, TRANSFORMED_LANES = 14, TILE = 40, PRODUCT = REGISTERS == 32 ? 1.1 : 2;
  static constexpr double SHARED_CACHE = 16 << 20;  // bytes of a usual third-level cache
  const ConvShape& s;
  double products = double(s.c / s.groups) * s.kh * s.kw * s.o;  // of one position

  double rows(long height, long width) const {
    const double positions = double(height * pieces(width, LANES<T>) * LANES<T>);
    return positions * (products + STORED * s.o) + (s.sw == 1 ? 1 : PICKED) * s.c * s.h * s.w;
  }
  double lanes(bool sums) const {
    const double empty = double(pieces(s.n, LANES<T>) * LANES<T>) / s.n, moved = s.c * s.h * s.w + s.o * s.oh * s.ow;
    const bool outgrown = products * LANES<T> * sizeof(T) > (1 << 20);
    return empty * (s.oh * s.ow * products + TRANSPOSED * moved + (sums && outgrown ? SUMMED * products : 0));
  }
  double columns() const { return s.oh * s.ow * (1.1 * products + UNROLLED * s.c * s.kh * s.kw); }

  double winograd(long height, long width) const {
    if (!is_winograd(3) || s.c < 16 || s.o < 16) return INFINITY;
    const long c = pieces(s.c, LANES<T>) * LANES<T>, o = pieces(s.o, LANES<T>) * LANES<T>;
    return double(pieces(height, 4) * pieces(width, 4)) * (1.1 * PLACES * c * o + TRANSFORMED * (c + o));
  }
  // Sums of the weight gradient are transformed in one direction only.
  double winograd_lanes(Pass pass) const {
    // F(2 x 2, 5 x 5) rounds twice as much as the plain sum: gradients bear that, outputs stay as near to PyTorch's as
    // they can.
    if (!(is_winograd(3) || (is_winograd(5) && pass != Pass::forward))) return INFINITY;
    if (conv_threads(s) > 1 && !parts_of_blocks<T>(s)) return INFINITY;
    const long out = IN + 1 - s.kh, rows = pieces(s.oh, out), columns = pieces(s.ow, out);
    const double x_rows = rows * out + s.kh - 1, y_rows = rows * out;
    const double scratch = double(IN) * (s.c * x_rows + s.o * y_rows) * columns * LANES<T> * sizeof(T);
    if (scratch * conv_threads(s) > SHARED_CACHE || PLACES * s.c * s.o * sizeof(T) > KERNELS_IN_CACHE) return INFINITY;
    const double empty = double(pieces(s.n, LANES<T>) * LANES<T>) / s.n;
    const double moved = s.c * x_rows * (columns * out + s.kw - 1) + s.o * y_rows * columns * out;
    const double multiplied = pass == Pass::weight_gradient
                                  ? double(columns) * s.oh * IN * s.kh * s.c * s.o
                                  : rows * columns * (PRODUCT * PLACES * s.c * s.o + TILE * (s.c + s.o));
    return empty * (multiplied + TRANSFORMED_LANES * moved);
  }

 private:
  bool is_winograd(long size) const {
    return s.kh == size && s.kw == size && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && s.groups == 1;
  }
};

struct Choice {
  Way way;
  double cost;  // of an image
};
template <class T> Choice choose(const ConvShape& s, Pass pass) {
  const Costs<T> costs{s};
  const bool back = pass == Pass::input_gradient;
  const long height = back ? s.h : s.oh, width = back ? s.w : s.ow;
  const Choice all[] = {
      {Way::rows, back && (s.sh != 1 || s.sw != 1) ? INFINITY : costs.rows(height, width)},
      {Way::lanes, costs.lanes(pass == Pass::weight_gradient)},
      {Way::columns, costs.columns()},
      {Way::winograd, costs.winograd(height, width)},
      {Way::winograd_lanes, costs.winograd_lanes(pass)},
  };
  Choice best = all[0];
  for (const Choice& one : all)
    if (one.cost < best.cost) best = one;
  return best;
}

ConvShape of_images(ConvShape s, long n) {
  s.n = n;
  return s;
}

// How many images to begin with: all, or those that fill blocks of lanes where the rest is cheaper another way, unless
// the threads could not share these blocks evenly.
template <class T> long first_images(const ConvShape& s, Pass pass) {
  const long rest = s.n % LANES<T>, whole = s.n - rest;
  if (!rest || !whole || (conv_threads(s) > 1 && !parts_of_blocks<T>(of_images(s, whole)))) return s.n;
  const double one = choose<T>(s, pass).cost, two = whole * choose<T>(of_images(s, whole), pass).cost +
                                                    rest * choose<T>(of_images(s, rest), pass).cost;
  return two < s.n * one ? whole : s.n;
}

template <class T, class F> void each_part(const ConvShape& s, long parts, F body) {
  const long blocks = pieces(s.n, LANES<T>);
  parallel_for(parts, [&](long part) {
    const long begin = cut(blocks, parts, part) * LANES<T>, end = smaller(s.n, cut(blocks, parts, part + 1) * LANES<T>);
    body(part, begin, of_images(s, end - begin));
  });
}

template <class T, class F>
void forward_in_parts(F forward, const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  const long parts = parts_of_blocks<T>(s);
  if (!parts) return forward(s, x, w, bias, y);
  each_part<T>(s, parts, [&](long, long n, const ConvShape& own) {
    forward(own, x + n * s.c * s.h * s.w, w, bias, y + n * s.o * s.oh * s.ow);
  });
}
template <class T, class F>
void gradients_in_parts(F gradients, const ConvShape& s, const T* x, const T* w, const T* gy, T* gx, T* gw) {
  const long parts = parts_of_blocks<T>(s), size = s.o * (s.c / s.groups) * s.kh * s.kw;
  if (!parts) return gradients(s, x, w, gy, gx, gw);
  const Scratch<T> sums(gw ? parts * size : 0);
  each_part<T>(s, parts, [&](long part, long n, const ConvShape& own) {
    const long from = n * s.c * s.h * s.w;
    gradients(own, x + from, w, gy + n * s.o * s.oh * s.ow, gx ? gx + from : nullptr,
              gw ? sums + part * size : nullptr);
  });
  if (gw) add_parts<T>(gw, size, sums, parts);
}
template <class T> void lanes_gradients(const ConvShape& s, const T* x, const T* w, const T* gy, T* gx, T* gw) {
  if (gx) lanes_input_gradient(s, gy, w, gx);
  if (gw) lanes_weight_gradient(s, x, gy, gw);
}

// Whether both gradients are best computed in one go.
template <class T> bool is_joint(const ConvShape& s) {
  const long first = first_images<T>(s, Pass::input_gradient);
  auto is_joint_way = [&](Pass pass) { return choose<T>(of_images(s, first), pass).way == Way::winograd_lanes; };
  return first == first_images<T>(s, Pass::weight_gradient) && is_joint_way(Pass::input_gradient) &&
         is_joint_way(Pass::weight_gradient);
}

}  // namespace

template <class T> void conv_forward(const ConvShape& shape, const T* x, const T* w, const T* bias, T* y) {
  const long size = shape.c * shape.h * shape.w;
  if (covers_image(shape)) return gemm<T>({shape.n, shape.o, size, {x, size, 1}, {w, 1, size}, y, bias});
  const ConvShape s = flattened(shape);
  const long first = first_images<T>(s, Pass::forward);
  if (first < s.n) {
    conv_forward(of_images(s, first), x, w, bias, y);
    return conv_forward(of_images(s, s.n - first), x + first * size, w, bias, y + first * s.o * s.oh * s.ow);
  }
  switch (choose<T>(s, Pass::forward).way) {
    case Way::rows: return rows_forward(s, x, w, bias, y);
    case Way::columns: return columns_forward(s, x, w, bias, y);
    case Way::lanes: return forward_in_parts(lanes_forward<T>, s, x, w, bias, y);
    case Way::winograd_lanes: return forward_in_parts(winograd_lanes_forward<T>, s, x, w, bias, y);
    case Way::winograd: return winograd_forward(s, x, w, bias, y);
  }
}

template <class T> void conv_gradients(const ConvShape& shape, const T* x, const T* w, const T* gy, T* gx, T* gw) {
  const long size = shape.c * shape.h * shape.w;
  if (covers_image(shape)) {
    if (gx) gemm<T>({shape.n, size, shape.o, {gy, shape.o, 1}, {w, size, 1}, gx});
    if (gw) gemm<T>({shape.o, size, shape.n, {gy, 1, shape.o}, {x, size, 1}, gw});
    return;
  }
  const ConvShape s = flattened(shape);
  if (gx && gw && !is_joint<T>(s)) {
    conv_gradients<T>(s, x, w, gy, gx, nullptr);
    return conv_gradients<T>(s, x, w, gy, nullptr, gw);
  }
  const Pass pass = gx ? Pass::input_gradient : Pass::weight_gradient;
  const long first = first_images<T>(s, pass);
  if (first < s.n) {
    const long weights = gw ? s.o * (s.c / s.groups) * s.kh * s.kw : 0;
    const Scratch<T> rest(weights);
    conv_gradients(of_images(s, first), x, w, gy, gx, gw);
    conv_gradients(of_images(s, s.n - first), x + first * size, w, gy + first * s.o * s.oh * s.ow,
                   gx ? gx + first * size : nullptr, gw ? +rest : nullptr);
    if (gw) binary<T>(Binary::add, weights, gw, rest, gw);
    return;
  }
  switch (choose<T>(s, pass).way) {
    case Way::rows: return gx ? rows_input_gradient(s, gy, w, gx) : rows_weight_gradient(s, x, gy, gw);
    case Way::columns: return gx ? columns_input_gradient(s, gy, w, gx) : columns_weight_gradient(s, x, gy, gw);
    case Way::lanes: return gradients_in_parts(lanes_gradients<T>, s, x, w, gy, gx, gw);
    case Way::winograd_lanes: return gradients_in_parts(winograd_lanes_gradients<T>, s, x, w, gy, gx, gw);
    case Way::winograd: return gx ? winograd_input_gradient(s, gy, w, gx) : winograd_weight_gradient(s, x, gy, gw);
  }
}

NPT_BOTH_TYPES(conv_forward)
NPT_BOTH_TYPES(conv_gradients)

}  // namespace nptorch::NPT_ISA
