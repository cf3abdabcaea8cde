// Lines of an array along one axis, as the kernels that follow them see it.
#pragma once
#include "../kernels/kernels.h"
#include "arguments.h"

namespace nptorch {

// The lines of x along the axis that is read next.
inline LineShape read_lines(Arguments& in, const Array& x) {
  const long ndim = x.ndim(), given = in.integer("axis", -64, 63), axis = given < 0 ? given + ndim : given;
  in.expect(0 <= axis && axis < ndim, "axis", "must be a dimension of x");
  LineShape s{1, x.shape(int(axis)), 1, false};
  for (int i = 0; i < ndim; i++)
    if (i != axis) (i < axis ? s.outer : s.inner) *= x.shape(i);
  return s;
}

}  // namespace nptorch
