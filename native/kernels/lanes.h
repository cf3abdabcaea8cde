// Images as lanes: from image after image to position after position with all images of a block side by side, and back.
#pragma once
#include "simd.h"

namespace nptorch::NPT_ISA {

// out[map[i]][lane] = in[lane * stride + i] for i < size; lanes without an image are zeros. Without a map, map[i] = i.
template <class T> void interleave(const T* in, long stride, long images, long size, T* out, const long* map) {
  for (long i = 0; i < size; i += LANES<T>) {
    Vec<T> r[LANES<T>];
    const long n = smaller(LANES<T>, size - i);
    if (images == LANES<T> && n == LANES<T>) {
      NPT_UNROLL for (int l = 0; l < LANES<T>; l++)
        r[l] = load(in + l * stride + i);
    } else {
      for (long l = 0; l < LANES<T>; l++) r[l] = l < images ? load_some(in + l * stride + i, n) : Vec<T>{};
    }
    transpose(r);
    if (n == LANES<T> && !map) {
      NPT_UNROLL for (int l = 0; l < LANES<T>; l++)
        store(out + (i + l) * LANES<T>, r[l]);
    } else {
      for (long l = 0; l < n; l++) store(out + (map ? map[i + l] : i + l) * LANES<T>, r[l]);
    }
  }
}

// The way back: out[lane * stride + i] = in[map[i]][lane].
template <class T> void separate(const T* in, const long* map, T* out, long stride, long images, long size) {
  for (long i = 0; i < size; i += LANES<T>) {
    Vec<T> r[LANES<T>];
    const long n = smaller(LANES<T>, size - i);
    if (n == LANES<T> && !map) {
      NPT_UNROLL for (int l = 0; l < LANES<T>; l++)
        r[l] = load(in + (i + l) * LANES<T>);
    } else {
      for (long l = 0; l < LANES<T>; l++) r[l] = l < n ? load(in + (map ? map[i + l] : i + l) * LANES<T>) : Vec<T>{};
    }
    transpose(r);
    if (images == LANES<T> && n == LANES<T>) {
      NPT_UNROLL for (int l = 0; l < LANES<T>; l++)
        store(out + l * stride + i, r[l]);
    } else {
      for (long l = 0; l < images; l++) store_some(out + l * stride + i, n, r[l]);
    }
  }
}

}  // namespace nptorch::NPT_ISA
