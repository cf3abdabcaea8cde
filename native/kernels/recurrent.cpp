// One direction of a recurrent layer over all its steps. Its sequences are independent, so each thread takes some of
// them through all steps; the weights are packed once.
#include "gemm.h"
#include "scratch.h"
#include "vector_math.h"

namespace nptorch::NPT_ISA {
namespace {

// x (rows, depth) @ b (depth, columns), which is packed where it is used for more than one product.
template <class T> class RightFactor {
 public:
  NPT_INLINE RightFactor(MatrixView<T> b, long depth, long columns, bool often)
      : b_(b), depth_(depth), often_(often), panels_(columns), packed_(often ? panels_.vectors * LANES<T> * depth : 0) {
    if (often)
      for (long p = 0; p < panels_.count; p++) pack_panel(panels_, p, b, depth, packed_ + panels_.offset(p, depth));
  }
  NPT_INLINE void multiply(const T* x, long rows, T* out, const Epilogue<T>& epilogue) const {
    const MatrixView<T> a{x, depth_, 1};
    if (!often_) return gemm<T>({rows, panels_.columns, depth_, a, b_, out, epilogue.bias, epilogue.accumulate});
    for (long p = 0; p < panels_.count; p++) {
      const long column = panels_.column(p);
      multiply_panel(panels_, p, a, 0, rows, packed_ + panels_.offset(p, depth_), panels_.width(p) * LANES<T>, depth_,
                     out + column, panels_.columns,
                     {epilogue.accumulate, epilogue.bias ? epilogue.bias + column : nullptr});
    }
  }

 private:
  MatrixView<T> b_;
  long depth_;
  bool often_;
  Panels<T> panels_;
  Scratch<T> packed_;
};

// ---------------------------------------------------------------- one row of a step
// `input` and `hidden` are what x and the state before contribute to its gates; `layer` lies between kept numbers.
template <class T> struct Row {
  const T *input, *hidden;
  T *h, *c, *kept;
  long size, layer;
  template <class L> NPT_INLINE Vec<T> from_input(long k, long i, L lanes) const {
    return load_upto(input + k * size + i, lanes);
  }
  template <class L> NPT_INLINE Vec<T> from_hidden(long k, long i, L lanes) const {
    return load_upto(hidden + k * size + i, lanes);
  }
  template <class L> NPT_INLINE Vec<T> gate(long k, long i, L lanes) const {
    return from_input(k, i, lanes) + from_hidden(k, i, lanes);
  }
  template <class L> NPT_INLINE void keep(long k, long i, L lanes, Vec<T> v) const {
    store_upto(kept + k * layer + i, lanes, v);
  }
};
// From g, the gradient of the new state, and gc, that of the new cell: those of both parts of the gates; gh and gc
// become what reaches the states before without the gates.
template <class T> struct RowGradient {
  const T *before, *kept;
  T *gh, *gc, *input, *hidden;
  long size, layer;
  template <class L> NPT_INLINE Vec<T> was(long k, long i, L lanes) const {
    return load_upto(kept + k * layer + i, lanes);
  }
  template <class L> NPT_INLINE void put(T* gates, long k, long i, L lanes, Vec<T> v) const {
    store_upto(gates + k * size + i, lanes, v);
  }
};

struct Lstm {
  static constexpr bool DIRECT = false;
  template <class T, class L> static NPT_INLINE Vec<T> forward(const Row<T>& r, Vec<T>, long i, L lanes) {
    const Vec<T> input = vsigmoid(r.gate(0, i, lanes)), forget = vsigmoid(r.gate(1, i, lanes)),
                 offered = vtanh(r.gate(2, i, lanes)), output = vsigmoid(r.gate(3, i, lanes)),
                 cell = load_upto(r.c + i, lanes), now = forget * cell + input * offered;
    r.keep(0, i, lanes, input);
    r.keep(1, i, lanes, forget);
    r.keep(2, i, lanes, offered);
    r.keep(3, i, lanes, output);
    r.keep(4, i, lanes, cell);
    store_upto(r.c + i, lanes, now);
    return output * vtanh(now);
  }
  template <class T, class L> static NPT_INLINE void backward(const RowGradient<T>& r, Vec<T> g, long i, L lanes) {
    const Vec<T> input = r.was(0, i, lanes), forget = r.was(1, i, lanes), offered = r.was(2, i, lanes),
                 output = r.was(3, i, lanes), cell = r.was(4, i, lanes),
                 squashed = vtanh(forget * cell + input * offered),
                 gc = load_upto(r.gc + i, lanes) + g * output * (1 - squashed * squashed);
    r.put(r.input, 0, i, lanes, gc * offered * (input * (1 - input)));
    r.put(r.input, 1, i, lanes, gc * cell * (forget * (1 - forget)));
    r.put(r.input, 2, i, lanes, gc * input * (1 - offered * offered));
    r.put(r.input, 3, i, lanes, g * squashed * (output * (1 - output)));
    store_upto(r.gc + i, lanes, gc * forget);
  }
};

struct Gru {
  static constexpr bool DIRECT = true;  // the state before reaches the new one without the gates, too
  template <class T, class L> static NPT_INLINE Vec<T> forward(const Row<T>& r, Vec<T> h, long i, L lanes) {
    const Vec<T> reset = vsigmoid(r.gate(0, i, lanes)), update = vsigmoid(r.gate(1, i, lanes)),
                 part = r.from_hidden(2, i, lanes), offered = vtanh(r.from_input(2, i, lanes) + reset * part);
    r.keep(0, i, lanes, reset);
    r.keep(1, i, lanes, update);
    r.keep(2, i, lanes, offered);
    r.keep(3, i, lanes, part);
    return offered + update * (h - offered);
  }
  template <class T, class L> static NPT_INLINE void backward(const RowGradient<T>& r, Vec<T> g, long i, L lanes) {
    const Vec<T> reset = r.was(0, i, lanes), update = r.was(1, i, lanes), offered = r.was(2, i, lanes),
                 part = r.was(3, i, lanes), h = load_upto(r.before + i, lanes);
    const Vec<T> go = g * (1 - update) * (1 - offered * offered), gr = go * part * (reset * (1 - reset)),
                 gu = g * (h - offered) * (update * (1 - update));
    for (T* gates : {r.input, r.hidden}) {
      r.put(gates, 0, i, lanes, gr);
      r.put(gates, 1, i, lanes, gu);
    }
    r.put(r.input, 2, i, lanes, go);
    r.put(r.hidden, 2, i, lanes, go * reset);
    store_upto(r.gh + i, lanes, g * update);
  }
};

template <bool TANH> struct Elman {
  static constexpr bool DIRECT = false;
  template <class T, class L> static NPT_INLINE Vec<T> forward(const Row<T>& r, Vec<T>, long i, L lanes) {
    const Vec<T> sum = r.gate(0, i, lanes), now = TANH ? vtanh(sum) : sum < 0 ? Vec<T>{} : sum;
    r.keep(0, i, lanes, now);
    return now;
  }
  template <class T, class L> static NPT_INLINE void backward(const RowGradient<T>& r, Vec<T> g, long i, L lanes) {
    const Vec<T> now = r.was(0, i, lanes);
    r.put(r.input, 0, i, lanes, TANH ? g * (1 - now * now) : now > 0 ? g : Vec<T>{});
  }
};

template <class F> NPT_INLINE void with_cell(Cell cell, F body) {
  if (cell == Cell::lstm) body(Lstm());
  else if (cell == Cell::gru) body(Gru());
  else if (cell == Cell::rnn_tanh) body(Elman<true>());
  else body(Elman<false>());
}

// ---------------------------------------------------------------- all steps
// body(row, n) for the steps of the sequences [begin, end): the first of their rows, and how many of them are left.
template <class F> NPT_INLINE void each_step(const Recurrence& s, bool backwards, long begin, long end, F body) {
  long row = backwards ? s.rows : 0;
  for (long i = 0; i < s.steps; i++) {
    const long size = s.sizes[backwards ? s.steps - 1 - i : i];
    if (backwards) row -= size;
    if (size > begin) body(row + begin, smaller(size, end) - begin);
    if (!backwards) row += size;
  }
}

// body(begin, end) for the sequences of each thread.
template <class F> NPT_INLINE void each_share(const Recurrence& s, F body) {
  const double work = double(s.rows) * s.gates * s.hidden * (s.hidden + s.input);
  const long batch = s.sizes[0], shares = work < WORTH_THREADS ? 1 : smaller(batch, available_threads());
  parallel_for(shares, [&](long t) { body(cut(batch, shares, t), cut(batch, shares, t + 1)); });
}

}  // namespace

template <class T>
void recurrent(const Recurrence& s, const T* x, const RecurrentWeights<T>& w, T* h, T* c, T* out, T* before, T* kept) {
  const long size = s.hidden, width = s.gates * size;
  const MatrixView<T> input_weights{w.w_ih, 1, s.input};
  // The input's part of a few sequences for all steps at once, since one product reads the weights only once.
  const bool at_once = s.steps == 1 || s.sizes[0] < TILE_ROWS;
  Scratch<T> parts(at_once ? s.rows * width : 0);
  if (at_once) gemm<T>({s.rows, width, s.input, {x, s.input, 1}, input_weights, parts, w.b_ih});
  const RightFactor<T> w_ih(input_weights, s.input, width, !at_once), w_hh({w.w_hh, 1, size}, size, width, s.steps > 1);
  each_share(s, [&](long begin, long end) {
    Scratch<T> part(at_once ? 0 : (end - begin) * width), hidden((end - begin) * width);
    each_step(s, s.reverse, begin, end, [&](long first, long n) {
      const T* input = at_once ? parts + first * width : part;
      if (!at_once) w_ih.multiply(x + first * s.input, n, part, {false, w.b_ih});
      w_hh.multiply(h + begin * size, n, hidden, {false, w.b_hh});
      with_cell(s.cell, [&](auto cell) {
        for (long r = 0; r < n; r++) {
          const long state = (begin + r) * size, at = (first + r) * size;
          const Row<T> row{input + r * width, hidden + r * width, h + state, c ? c + state : nullptr, kept + at, size,
                           s.rows * size};
          each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
            const Vec<T> old = load_upto(row.h + i, lanes), now = cell.forward(row, old, i, lanes);
            store_upto(before + at + i, lanes, old);
            store_upto(row.h + i, lanes, now);
            store_upto(out + at + i, lanes, now);
          });
        }
      });
    });
  });
}

template <class T>
void recurrent_gradient(const Recurrence& s, const T* w_hh, const T* g_out, const T* before, const T* kept, T* gh,
                        T* gc, T* g_input, T* g_hidden) {
  const long size = s.hidden, width = s.gates * size;
  const RightFactor<T> w({w_hh, size, 1}, width, size, s.steps > 1);
  each_share(s, [&](long begin, long end) {
    each_step(s, !s.reverse, begin, end, [&](long first, long n) {
      with_cell(s.cell, [&](auto cell) {
        for (long r = 0; r < n; r++) {
          const long state = (begin + r) * size, at = (first + r) * size, gates = (first + r) * width;
          const RowGradient<T> row{before + at,     kept + at,        gh + state, gc ? gc + state : nullptr,
                                   g_input + gates, g_hidden + gates, size,       s.rows * size};
          each_vector<T>(0, size, [&](long i, auto lanes) NPT_LAMBDA {
            Vec<T> g = load_upto(row.gh + i, lanes);
            if (g_out) g += load_upto(g_out + at + i, lanes);
            cell.backward(row, g, i, lanes);
          });
        }
        w.multiply(g_hidden + first * width, n, gh + begin * size, {cell.DIRECT, nullptr});
      });
    });
  });
}

NPT_BOTH_TYPES(recurrent)
NPT_BOTH_TYPES(recurrent_gradient)

}  // namespace nptorch::NPT_ISA
