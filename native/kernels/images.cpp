// A batch of uint8 images as float32 (batch, channels, pixels): gathered, converted and put channels first in one pass.
// There are only 256 values a channel, so the conversion is a table, exact by construction.
#include "kernels.h"
#include "scratch.h"

namespace nptorch::NPT_ISA {

void image_batch(const ImageBatch& b) {
  const long size = b.channels * b.pixels, tasks = smaller(b.batch, tasks_for(b.batch * size));
  parallel_for(tasks, [&](long t) {
    for (long i = cut(b.batch, tasks, t); i < cut(b.batch, tasks, t + 1); i++) {
      const uint8_t* image = b.images + b.indices[i] * size;
      for (long c = 0; c < b.channels; c++) {
        const float* table = b.table + c * 256;
        float* out = b.out + i * size + c * b.pixels;
        for (long p = 0; p < b.pixels; p++) out[p] = table[image[p * b.channels + c]];
      }
    }
  });
}

}  // namespace nptorch::NPT_ISA
