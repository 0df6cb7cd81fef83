//// orders
typedef {unsigned} uvec __attribute__((vector_size(VECTOR_BYTES)));

// The order of an epoch for each network, from its own seed: `row_of` for a network in each lane. Only the lowest bits
// of a key matter, since each round keeps no more than those of the mask.
struct orders { uvec keys[8]; uint64_t mask, n; int shift; };

static void shuffle_lanes(struct orders *o, const uint64_t *seeds, int64_t nets, int64_t n, int64_t epoch) {
  for (int lane = 0; lane < LANES; lane++) {
    struct source source = {.n = n};
    shuffle(&source, seeds[lane < nets ? lane : 0], epoch);
    for (int k = 0; k < 8; k++) o->keys[k][lane] = ({unsigned})source.keys[k];
    o->mask = (uint64_t)source.mask;
    o->shift = source.shift;
  }
  o->n = (uint64_t)n;
}

static inline int any(ivec x) {
  uint64_t words[VECTOR_BYTES / 8], found = 0;
  memcpy(words, &x, sizeof x);
  for (int k = 0; k < VECTOR_BYTES / 8; k++) found |= words[k];
  return found != 0;
}

static inline uvec rows_at(const struct orders *o, int64_t place) {
  const uvec mask = (uvec){0} + ({unsigned})o->mask, one = (uvec){0} + 1, n = (uvec){0} + ({unsigned})o->n;
  uvec row = (uvec){0} + ({unsigned})place;
  ivec open = (ivec)(mask == mask);
  do {
    uvec k = row;
    for (int round = 0; round < 4; round++) {
      k = (k + o->keys[2 * round]) & mask;
      k = (k * (o->keys[2 * round + 1] | one)) & mask;
      k ^= k >> o->shift;
    }
    row = (uvec)(((ivec)k & open) | ((ivec)row & ~open));
    open = (ivec)(row >= n);
  } while (any(open));
  return row;
}
//// samples
// A sample that all networks see, or one for each of them.
static ALWAYS void fill(vec *data, const real *x, const real *targets, int64_t row) {
  for (int j = 0; j < INPUTS; j++) data[j] = splat(x[row * INPUTS + j]);
  if (targets) for (int j = 0; j < TARGETS; j++) data[INPUTS + j] = splat(targets[row * TARGETS + j]);
}
static ALWAYS void fill_rows(vec *data, const real *x, const real *targets, uvec rows) {
  for (int lane = 0; lane < LANES; lane++) {
    const int64_t row = (int64_t)rows[lane];
    for (int j = 0; j < INPUTS; j++) data[j][lane] = x[row * INPUTS + j];
    for (int j = 0; j < TARGETS; j++) data[INPUTS + j][lane] = targets[row * TARGETS + j];
  }
}

// Lanes without a network have the numbers of the first one.
static void load(vec *to, const real *from, int64_t count, int64_t stride, int64_t nets) {
  for (int lane = 0; lane < LANES; lane++)
    for (int64_t k = 0; k < count; k++) to[k][lane] = from[(lane < nets ? lane : 0) * stride + k];
}
static void store(const vec *from, real *to, int64_t count, int64_t stride, int64_t nets) {
  for (int lane = 0; lane < LANES && lane < nets; lane++)
    for (int64_t k = 0; k < count; k++) to[lane * stride + k] = from[k][lane];
}
//// sums
// Sums go by parts, so that the rounding of a long one stays small.
enum { PART = 256 };

// Adds the gradients of some samples, computed at the same time: the processor works on one while another waits.
static ALWAYS void add_samples(const vec *p, const real *x, const real *targets, const struct orders *o, int64_t first,
    const int many, const real count, vec *sums) {
  vec data[TOGETHER][WIDTH];
  for (int k = 0; k < many; k++) {
    if (o) fill_rows(data[k], x, targets, rows_at(o, first + k));
    else fill(data[k], x, targets, first + k);
  }
#pragma GCC unroll 4
  for (int k = 0; k < many; k++) tile_gradient(p, data[k], sums, count, LANES, 0, (ivec){0});
}

static void gradient_of(const vec *p, const real *x, const real *targets, const struct orders *o, int64_t first,
    int64_t rows, vec *totals) {
  const real count = (real)rows;
  for (int k = 0; k < SUMS; k++) totals[k] = (vec){0};
  for (int64_t start = 0; start < rows; start += PART) {
    const int64_t stop = start + PART < rows ? start + PART : rows;
    int64_t r = start;
    vec sums[SUMS];
    for (int k = 0; k < SUMS; k++) sums[k] = (vec){0};
    for (; r + TOGETHER <= stop; r += TOGETHER) add_samples(p, x, targets, o, first + r, TOGETHER, count, sums);
    for (; r < stop; r++) add_samples(p, x, targets, o, first + r, 1, count, sums);
    for (int k = 0; k < SUMS; k++) totals[k] += sums[k];
  }
}

static double loss_of(const vec *totals, int lane, int64_t rows) {
  return {coefficient} * (double)totals[LOSS][lane];
}
//// entry
// Each call takes some networks: p holds the parameters of one after another.
EXPORT int64_t chainrule_lanes(void) { return LANES; }

EXPORT void chainrule_predict(const real *p, int64_t nets, const real *x, int64_t n, real *out) {
  for (int64_t at = 0; at < nets; at += LANES) {
    vec params[PARAMETERS] ALIGNED, data[WIDTH], pred[OUTPUTS];
    load(params, p + at * PARAMETERS, PARAMETERS, PARAMETERS, nets - at);
    for (int64_t row = 0; row < n; row++) {
      fill(data, x, 0, row);
      tile_predict(params, data, 0, (real)n, LANES, 0, (ivec){0}, pred);
      store(pred, out + (at * n + row) * OUTPUTS, OUTPUTS, n * OUTPUTS, nets - at);
    }
  }
}

EXPORT void chainrule_value(const real *p, int64_t nets, const real *x, const real *targets, int64_t n, double *out) {
  for (int64_t at = 0; at < nets; at += LANES) {
    vec params[PARAMETERS] ALIGNED, data[WIDTH], totals[SUMS] = {{0}};
    load(params, p + at * PARAMETERS, PARAMETERS, PARAMETERS, nets - at);
    for (int64_t start = 0; start < n; start += PART) {
      vec sums[SUMS];
      sums[LOSS] = (vec){0};
      for (int64_t row = start; row < n && row < start + PART; row++) {
        fill(data, x, targets, row);
        tile_value(params, data, sums, (real)n, LANES, 0, (ivec){0});
      }
      totals[LOSS] += sums[LOSS];
    }
    for (int lane = 0; lane < LANES && at + lane < nets; lane++) out[at + lane] = loss_of(totals, lane, n);
  }
}

EXPORT void chainrule_gradient(const real *p, int64_t nets, const real *x, const real *targets, int64_t n, double *out,
    real *g) {
  for (int64_t at = 0; at < nets; at += LANES) {
    vec params[PARAMETERS] ALIGNED, totals[SUMS] ALIGNED;
    load(params, p + at * PARAMETERS, PARAMETERS, PARAMETERS, nets - at);
    gradient_of(params, x, targets, 0, 0, n, totals);
    store(totals, g + at * PARAMETERS, PARAMETERS, PARAMETERS, nets - at);
    for (int lane = 0; lane < LANES && at + lane < nets; lane++) out[at + lane] = loss_of(totals, lane, n);
  }
}

// Steps of training, all networks at the same place: clock is {steps done, epoch, next row}. A network whose loss is not
// finite stays as it was before that step, where `guard` says so, and is not alive any more. Returns nothing: the losses
// of each network stand one after another, NaN after its last.
EXPORT void chainrule_train(real *p, real *moments, int64_t *clock, uint8_t *alive, int64_t nets, const real *x,
    const real *targets, int64_t n, int64_t batch, int64_t steps, const double *rates, const double *settings,
    const uint64_t *seeds, int shuffled, int guard, double *losses) {
  const int64_t before[3] = {clock[0], clock[1], clock[2]};
  const int whole = batch >= n;
  for (int64_t at = 0; at < nets; at += LANES) {
    const int64_t here = nets - at < LANES ? nets - at : LANES;
    vec params[PARAMETERS] ALIGNED, state[(MOMENTS ? MOMENTS : 1) * PARAMETERS] ALIGNED, totals[SUMS] ALIGNED;
    vec kept_params[PARAMETERS], kept_state[(MOMENTS ? MOMENTS : 1) * PARAMETERS];
    struct orders orders;
    load(params, p + at * PARAMETERS, PARAMETERS, PARAMETERS, here);
    load(state, moments + at * MOMENTS * PARAMETERS, MOMENTS * PARAMETERS, MOMENTS * PARAMETERS, here);
    memcpy(clock, before, sizeof before);
    ivec living = (ivec){0} - 1;
    for (int lane = 0; lane < here; lane++) if (!alive[at + lane]) living[lane] = 0;
    if (shuffled && !whole) shuffle_lanes(&orders, seeds + at, here, n, clock[1]);
    for (int64_t k = 0; k < steps; k++) {
      if (clock[2] >= n) {
        clock[1]++;
        clock[2] = 0;
        if (shuffled && !whole) shuffle_lanes(&orders, seeds + at, here, n, clock[1]);
      }
      const int64_t rows = n - clock[2] < batch ? n - clock[2] : batch;
      gradient_of(params, x, targets, shuffled && !whole ? &orders : 0, clock[2], rows, totals);
      for (int lane = 0; lane < here; lane++) {
        const double loss = loss_of(totals, lane, rows);
        losses[(at + lane) * steps + k] = living[lane] ? loss : NAN;
        if (guard && !(loss - loss == 0)) living[lane] = 0;
      }
      clock[0]++;
      const int all = !any(~living);
      if (!all) {
        memcpy(kept_params, params, sizeof params);
        memcpy(kept_state, state, sizeof state);
      }
      update(params, state, state + PARAMETERS, totals, rates + at * steps + k, steps, settings + at * SETTINGS,
          clock[0], here);
      if (!all) {
        for (int j = 0; j < PARAMETERS; j++) params[j] = blend(living, params[j], kept_params[j]);
        for (int j = 0; j < MOMENTS * PARAMETERS; j++) state[j] = blend(living, state[j], kept_state[j]);
      }
      clock[2] += rows;
    }
    for (int lane = 0; lane < here; lane++) alive[at + lane] = living[lane] != 0;
    store(params, p + at * PARAMETERS, PARAMETERS, PARAMETERS, here);
    store(state, moments + at * MOMENTS * PARAMETERS, MOMENTS * PARAMETERS, MOMENTS * PARAMETERS, here);
  }
}
