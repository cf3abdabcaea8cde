// The module's functions, one table a family.
#pragma once
#include "arguments.h"

namespace nptorch {

extern PyMethodDef linear_algebra_functions[];
extern PyMethodDef convolution_functions[];
extern PyMethodDef pooling_functions[];
extern PyMethodDef normalization_functions[];
extern PyMethodDef loss_functions[];
extern PyMethodDef elementwise_functions[];
extern PyMethodDef running_functions[];
extern PyMethodDef topk_functions[];
extern PyMethodDef activation_functions[];
extern PyMethodDef pair_loss_functions[];
extern PyMethodDef recurrent_functions[];
extern PyMethodDef optimizer_functions[];
extern PyMethodDef image_functions[];
extern PyMethodDef random_functions[];
extern PyMethodDef runtime_functions[];

}  // namespace nptorch
