// Which of the ways to compute a convolution serves which shape (see conv.h).
#include "conv.h"

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

bool suits_winograd(const ConvShape& s) {
  const bool fits = s.kh == 3 && s.kw == 3 && s.sh == 1 && s.sw == 1 && s.dh == 1 && s.dw == 1 && s.groups == 1;
  const double used = double(s.oh * s.ow) / (pieces(s.oh, 4) * pieces(s.ow, 4) * 16);  // outputs that tiles compute in vain
  return fits && s.c >= 32 && s.o >= 32 && used > 0.5;
}

// Share of the lanes that are filled when a vector runs along a row, and when it runs across images.
template <class T> double rows_fill(long width) { return double(width) / (pieces(width, LANES<T>) * LANES<T>); }
template <class T> double images_fill(long n) { return double(n) / (pieces(n, LANES<T>) * LANES<T>); }
template <class T> bool suits_rows(const ConvShape& s, long width) {
  // Runs of every s-th column are copied number by number, so with a stride interleaving has to be much worse.
  return rows_fill<T>(width) >= (s.sw == 1 ? 0.7 : 1.5) * images_fill<T>(s.n);
}

template <class T> bool suits_columns(const ConvShape& s) {
  return s.o / s.groups >= 2 * LANES<T> && s.c / s.groups * s.kh * s.kw >= 256 && s.n * s.oh * s.ow >= 64;
}

}  // namespace

template <class T> void conv_forward(const ConvShape& shape, const T* x, const T* w, const T* bias, T* y) {
  const long size = shape.c * shape.h * shape.w;
  if (covers_image(shape)) return gemm<T>({shape.n, shape.o, size, {x, size, 1}, {w, 1, size}, y, bias});
  const ConvShape s = flattened(shape);
  if (suits_winograd(s)) winograd_forward(s, x, w, bias, y);
  else if (suits_rows<T>(s, s.ow)) rows_forward(s, x, w, bias, y);
  else if (suits_columns<T>(s)) columns_forward(s, x, w, bias, y);
  else lanes_forward(s, x, w, bias, y);
}

template <class T> void conv_input_gradient(const ConvShape& shape, const T* gy, const T* w, T* gx) {
  const long size = shape.c * shape.h * shape.w;
  if (covers_image(shape)) return gemm<T>({shape.n, size, shape.o, {gy, shape.o, 1}, {w, size, 1}, gx});
  const ConvShape s = flattened(shape);
  if (suits_winograd(s)) winograd_input_gradient(s, gy, w, gx);
  else if (s.sh == 1 && s.sw == 1 && suits_rows<T>(s, s.w)) rows_input_gradient(s, gy, w, gx);
  else if (suits_columns<T>(s)) columns_input_gradient(s, gy, w, gx);
  else lanes_input_gradient(s, gy, w, gx);
}

template <class T> void conv_weight_gradient(const ConvShape& shape, const T* x, const T* gy, T* gw) {
  const long size = shape.c * shape.h * shape.w;
  if (covers_image(shape)) return gemm<T>({shape.o, size, shape.n, {gy, 1, shape.o}, {x, size, 1}, gw});
  const ConvShape s = flattened(shape);
  if (suits_winograd(s)) winograd_weight_gradient(s, x, gy, gw);
  else if (suits_columns<T>(s)) columns_weight_gradient(s, x, gy, gw);
  else if (suits_rows<T>(s, s.ow)) rows_weight_gradient(s, x, gy, gw);
  else lanes_weight_gradient(s, x, gy, gw);
}

NPT_BOTH_TYPES(conv_forward)
NPT_BOTH_TYPES(conv_input_gradient)
NPT_BOTH_TYPES(conv_weight_gradient)

}  // namespace nptorch::NPT_ISA
