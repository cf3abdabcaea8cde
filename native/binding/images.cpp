#include "../kernels/kernels.h"
#include "functions.h"

namespace nptorch {
namespace {

PyObject* image_batch(const Call& call) {
  Arguments in("image_batch", call, 3);
  Array images = in.bytes("images"), indices = in.int64s("indices", 1), table = in.floats("table", 2, NPY_FLOAT);
  in.expect(images.ndim() == 3 || images.ndim() == 4, "images", "must have 3 or 4 dimensions");
  const long channels = images.ndim() == 3 ? 1 : images.shape(3), h = images.shape(1), w = images.shape(2);
  in.expect_shape(table, "table", {channels, 256});
  const int64_t* at = indices.data<int64_t>();
  for (long i = 0; i < indices.size(); i++)
    if (at[i] < 0 || at[i] >= images.shape(0))
      fail(PyExc_IndexError, "image_batch(): index %ld is out of bounds for %ld images", long(at[i]), images.shape(0));
  Array out = Array::create({indices.size(), channels, h, w}, NPY_FLOAT);
  if (out.size() == 0) return out.give();
  {
    Unlocked unlocked(double(out.size()));
    kernels<float>().image_batch(
        {images.data<uint8_t>(), at, indices.size(), channels, h * w, table.data<float>(), out.data<float>()});
  }
  return out.give();
}

}  // namespace

PyMethodDef image_functions[] = {NPT_METHOD(image_batch,
                                            "image_batch(images, indices, table): table[c, byte] of the chosen "
                                            "uint8 images (h, w[, c]), as float32 (n, c, h, w)."),
                                 {}};

}  // namespace nptorch
