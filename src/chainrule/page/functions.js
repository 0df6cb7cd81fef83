//// sigmoid
const sigmoid = (z) => 1 / (1 + Math.exp(-z));
//// softplus
const softplus = (z) => Math.max(z, 0) + Math.log1p(Math.exp(-Math.abs(z)));
//// logcosh
const logcosh = (x) => {
  const size = Math.abs(x);
  if (size >= 1) return size + Math.log1p(Math.exp(-2 * size)) - Math.LN2;
  const half = Math.sinh(x / 2);
  return Math.log1p(2 * half * half);
};
//// normal_pdf
const normal_pdf = (x) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
//// ratio
const ratio = (above, below, x) => {
  let a = above[0];
  let b = below[0];
  for (let k = 1; k < above.length; k++) a = a * x + above[k];
  for (let k = 1; k < below.length; k++) b = b * x + below[k];
  return a / b;
};
//// erfc: ratio
// W. J. Cody 1969, Rational Chebyshev approximations for the error function, Mathematics of Computation 23.
const erfc = (x) => {
  const size = Math.abs(x);
  if (size <= 0.46875) {
    return 1 - x * ratio(ERF_ABOVE, ERF_BELOW, size * size);
  }
  const bound = Math.min(size, 1e3);
  const coarse = Math.floor(bound * 16) / 16;
  const scale = Math.exp(-coarse * coarse) * Math.exp(-(bound - coarse) * (bound + coarse));
  let upper;
  if (size <= 4) {
    upper = scale * ratio(MIDDLE_ABOVE, MIDDLE_BELOW, size);
  } else {
    const over = 1 / (bound * bound);
    upper = scale * (1 / Math.sqrt(Math.PI) - over * ratio(FAR_ABOVE, FAR_BELOW, over)) / bound;
  }
  return Number.isNaN(x) ? NaN : x < 0 ? 2 - upper : upper;
};
//// normal_cdf: erfc
const normal_cdf = (x) => 0.5 * erfc(-x * Math.SQRT1_2);
//// weighted_log
// 0 log 0 is read as 0 in a cross-entropy.
const weighted_log = (weight, x) => (weight === 0 ? 0 : weight * Math.log(x));
//// softmax
const softmax = (out, at, size, entry) => {
  let top = -Infinity;
  for (let m = 0; m < size; m++) top = Math.max(top, (out[at + m] = entry(m)));
  let total = 0;
  for (let m = 0; m < size; m++) total += out[at + m] = Math.exp(out[at + m] - top);
  for (let m = 0; m < size; m++) out[at + m] /= total;
};
//// softmax_at: softmax
const softmax_at = (size, entry, place) => {
  const out = new Float64Array(size);
  softmax(out, 0, size, entry);
  return out[place];
};
//// logsumexp
const logsumexp = (size, entry) => {
  let top = -Infinity;
  for (let m = 0; m < size; m++) top = Math.max(top, entry(m));
  let total = 0;
  for (let m = 0; m < size; m++) total += Math.exp(entry(m) - top);
  return Math.log(total) + top;
};
//// sum
const sum = (values, term) => {
  let total = 0;
  for (const value of values) total += term(value);
  return total;
};
//// lookup
const lookup = (table, otherwise, axis, args) => {
  const found = table.get(args.join());
  return (found ?? otherwise ?? args)[axis];
};
//// product
// target[u] += Σ_j source[j] · p[first + j · step_j + u · step_u]
const product = (target, to, columns, source, from, rows, p, first, step_j, step_u) => {
  for (let j = 0; j < rows; j++) {
    const s = source[from + j];
    for (let u = 0, at = first + j * step_j; u < columns; u++, at += step_u) target[to + u] += s * p[at];
  }
};
//// product_at
// The same where the figure leaves out or ties weights: `places` says where each stands, −1 for nowhere.
const product_at = (target, to, columns, source, from, rows, p, places) => {
  for (let j = 0; j < rows; j++) {
    for (let u = 0; u < columns; u++) {
      const at = places[j * columns + u];
      if (at >= 0) target[to + u] += source[from + j] * p[at];
    }
  }
};
//// outer
// g[first + j · step_j + u · step_u] += left[u] · right[j]
const outer = (g, first, step_j, step_u, left, from, columns, right, other, rows) => {
  for (let j = 0; j < rows; j++) {
    const r = right[other + j];
    for (let u = 0, at = first + j * step_j; u < columns; u++, at += step_u) g[at] += left[from + u] * r;
  }
};
//// outer_at
const outer_at = (g, places, left, from, columns, right, other, rows) => {
  for (let j = 0; j < rows; j++) {
    for (let u = 0; u < columns; u++) {
      const at = places[j * columns + u];
      if (at >= 0) g[at] += left[from + u] * right[other + j];
    }
  }
};
