//// pack
// Samples row after row, as vectors: data[feature][vector], a tile after another. Rows beyond the last one are 0.
static void pack(vec *data, const struct source *s, int64_t first, int64_t rows, int with_targets) {
  for (int64_t start = 0; start < rows; start += TILE, data += WIDTH * VECTORS) {
    real *to = (real *)data;
    const int64_t here = rows - start < TILE ? rows - start : TILE;
    if (here < TILE) memset(to, 0, sizeof(vec) * WIDTH * VECTORS);
    for (int64_t k = 0; k < here; k++) {
      const int64_t row = row_of(s, first + start + k);
      const real *x = s->x + row * INPUTS;
      for (int j = 0; j < INPUTS; j++) to[j * TILE + k] = x[j];
      if (!with_targets) continue;
      const real *t = s->targets + row * TARGETS;
      for (int j = 0; j < TARGETS; j++) to[(INPUTS + j) * TILE + k] = t[j];
    }
  }
}
//// shuffle
struct source { const real *x, *targets; int64_t n; int shuffled; int64_t mask; int shift; int64_t keys[8]; };

// SplitMix64 (Steele, Lea, Flood 2014, OOPSLA): the number at any place of a stream, without those before it.
static uint64_t random_bits(uint64_t seed, uint64_t at) {
  uint64_t z = seed + (at + 1) * UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return z ^ (z >> 31);
}

// The order of an epoch needs no memory: each round is a bijection of the numbers of so many bits, and what falls
// outside 0 .. n-1 is sent through again until it falls inside.
static void shuffle(struct source *s, uint64_t seed, int64_t epoch) {
  int bits = 1;
  while (((int64_t)1 << bits) < s->n) bits++;
  s->shuffled = 1;
  s->mask = ((int64_t)1 << bits) - 1;
  s->shift = (bits + 1) / 2;
  for (int k = 0; k < 8; k++) s->keys[k] = (int64_t)(random_bits(seed, (uint64_t)(epoch * 8 + k)) >> 2);
}

static int64_t row_of(const struct source *s, int64_t k) {
  if (!s->shuffled) return k;
  do {
    for (int round = 0; round < 4; round++) {
      k = (k + s->keys[2 * round]) & s->mask;
      k = (int64_t)((uint64_t)k * (uint64_t)(s->keys[2 * round + 1] | 1)) & s->mask;
      k ^= k >> s->shift;
    }
  } while (k >= s->n);
  return k;
}
//// threads
// A pool of threads that wait for a part each; the caller takes the first part. Parts depend on the number of rows only,
// and their sums are added in order, so that the same number of threads gives the same bits.
static struct {
  pthread_mutex_t lock;
  pthread_cond_t begin, end;
  const struct job *job;
  int64_t turn;
  int left;
  pid_t owner;
} pool = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0, 0};
static int64_t pool_turn;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

static void *worker(void *which) {
  const int part = (int)(intptr_t)which;
  int64_t seen = 0;
  for (;;) {
    for (int spins = 0; spins < 20000 && __atomic_load_n(&pool_turn, __ATOMIC_ACQUIRE) == seen; spins++) relax();
    pthread_mutex_lock(&pool.lock);
    while (pool.turn == seen) pthread_cond_wait(&pool.begin, &pool.lock);
    seen = pool.turn;
    const struct job *job = pool.job;
    pthread_mutex_unlock(&pool.lock);
    run_part(job, part);
    if (__atomic_sub_fetch(&pool.left, 1, __ATOMIC_ACQ_REL) == 0) {
      pthread_mutex_lock(&pool.lock);
      pthread_cond_signal(&pool.end);
      pthread_mutex_unlock(&pool.lock);
    }
  }
  return 0;
}

static void run(const struct job *job) {
  if (job->parts == 1) { run_part(job, 0); return; }
  if (pool.owner != getpid()) {  // the first time, or in a child, which has none of its parent's threads
    pthread_mutex_init(&pool.lock, 0);
    pthread_cond_init(&pool.begin, 0);
    pthread_cond_init(&pool.end, 0);
    pool.owner = getpid();
    pool.turn = 0;
    __atomic_store_n(&pool_turn, 0, __ATOMIC_RELEASE);
    for (int part = 1; part < THREADS; part++) {
      pthread_t thread;
      if (pthread_create(&thread, 0, worker, (void *)(intptr_t)part)) abort();
      pthread_detach(thread);
    }
  }
  pthread_mutex_lock(&pool.lock);
  pool.job = job;
  __atomic_store_n(&pool.left, THREADS - 1, __ATOMIC_RELEASE);
  pool.turn++;
  __atomic_store_n(&pool_turn, pool.turn, __ATOMIC_RELEASE);
  pthread_cond_broadcast(&pool.begin);
  pthread_mutex_unlock(&pool.lock);
  run_part(job, 0);
  for (int spins = 0; spins < 20000 && __atomic_load_n(&pool.left, __ATOMIC_ACQUIRE); spins++) relax();
  pthread_mutex_lock(&pool.lock);
  while (__atomic_load_n(&pool.left, __ATOMIC_ACQUIRE)) pthread_cond_wait(&pool.end, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
}
//// jobs
enum { PREDICT, VALUE, GRADIENT };

// Rows first .. first + rows - 1 of a source; or, where `packed` is given, of what was packed before.
struct job {
  int want, parts;
  const real *p;
  const struct source *source;
  const vec *packed;
  int64_t first, rows;
  struct work *works;
  real *out, *g;
};

// Each part is a run of whole tiles.
static int64_t part_start(const struct job *job, int part) {
  const int64_t tiles = (job->rows + TILE - 1) / TILE, start = tiles * part / job->parts * TILE;
  return start < job->rows ? start : job->rows;
}

static void run_part(const struct job *job, int part) {
  const int64_t begin = part_start(job, part), end = part_start(job, part + 1);
  struct work *w = job->works + part;
  const real count = (real)job->rows;
#ifdef ROW_BY_ROW
  if (job->rows == 1) {
    const int64_t row = row_of(job->source, job->first);
    const real *x = job->source->x + row * INPUTS, *t = job->want == PREDICT ? 0 : job->source->targets + row * TARGETS;
    if (job->want == PREDICT) one_predict(job->p, w, x, job->out);
    else if (job->want == VALUE) one_value(job->p, w, x, t);
    else one_gradient(job->p, w, x, t, job->g);
    return;
  }
#endif
  prepare(w, job->p);
  if (job->want != PREDICT) clear(w, part ? 0 : job->g);
  if (job->packed) {
    rows_gradient(job->p, w, job->packed + begin / TILE * WIDTH * VECTORS, end - begin, count);
    return;
  }
  for (int64_t at = begin; at < end; at += BLOCK) {
    const int64_t rows = end - at < BLOCK ? end - at : BLOCK;
    pack(w->data, job->source, job->first + at, rows, job->want != PREDICT);
    if (job->want == PREDICT) rows_predict(job->p, w, w->data, rows, count, job->out + at * OUTPUTS);
    else if (job->want == VALUE) rows_value(job->p, w, w->data, rows, count);
    else rows_gradient(job->p, w, w->data, rows, count);
  }
}
//// run_alone
static void run(const struct job *job) { run_part(job, 0); }
//// entry
// A part for each thread, where there is enough to do for all of them.
static int parts_for(int64_t rows) { return THREADS > 1 && rows >= PARALLEL_ROWS ? THREADS : 1; }

EXPORT int64_t chainrule_work_bytes(void) { return (int64_t)sizeof(struct work) * THREADS; }
EXPORT int64_t chainrule_packed_bytes(int64_t n) { return (n + TILE - 1) / TILE * (int64_t)sizeof(vec) * WIDTH * VECTORS; }

EXPORT void chainrule_predict(const real *p, const real *x, int64_t n, struct work *works, real *out) {
  const struct source source = {.x = x, .n = n};
  const struct job job = {PREDICT, parts_for(n), p, &source, 0, 0, n, works, out, 0};
  run(&job);
}

EXPORT double chainrule_value(const real *p, const real *x, const real *targets, int64_t n, struct work *works) {
  const struct source source = {.x = x, .targets = targets, .n = n};
  const struct job job = {VALUE, parts_for(n), p, &source, 0, 0, n, works, 0, 0};
  run(&job);
  return finish(&job, 0);
}

EXPORT double chainrule_gradient(const real *p, const real *x, const real *targets, int64_t n, struct work *works, real *g) {
  const struct source source = {.x = x, .targets = targets, .n = n};
  const struct job job = {GRADIENT, parts_for(n), p, &source, 0, 0, n, works, 0, g};
  run(&job);
  return finish(&job, g);
}

// Steps of training, from where `clock` says: {steps done, epoch, next row of the epoch}. Each step takes the next
// `batch` rows of the epoch's order (fewer at its end); an epoch that is one batch needs no order. Rates stand
// `rate_step` apart; 0 for one that stays. Stops after a step
// whose loss is not finite, where `guard` says so. Returns the number of steps done.
EXPORT int64_t chainrule_train(real *p, real *m, real *v, int64_t *clock, const real *x, const real *targets, int64_t n,
    int64_t batch, int64_t steps, const double *rates, int64_t rate_step, const double *settings, uint64_t seed,
    int shuffled, int guard, struct work *works, vec *packed, real *g, double *losses) {
  struct source source = {.x = x, .targets = targets, .n = n};
  const int whole = batch >= n;
  if (whole && packed) pack(packed, &source, 0, n, 1);
  if (shuffled && !whole) shuffle(&source, seed, clock[1]);
  for (int64_t k = 0; k < steps; k++) {
    if (clock[2] >= n) {
      clock[1]++;
      clock[2] = 0;
      if (shuffled && !whole) shuffle(&source, seed, clock[1]);
    }
    const int64_t rows = n - clock[2] < batch ? n - clock[2] : batch;
#ifdef FUSED_STEP
    if (rows == 1) {
      const int64_t row = row_of(&source, clock[2]);
      one_step(p, works, x + row * INPUTS, targets + row * TARGETS);
      losses[k] = LOSS_OF_ONE * (double)works->row_loss;
      if (guard && !(losses[k] - losses[k] == 0)) return k;
      one_update(p, m, v, works, rates_of(rates[k * rate_step], settings, ++clock[0]));
      clock[2] += rows;
      continue;
    }
#endif
    const struct job job = {GRADIENT, parts_for(rows), p, &source, whole && clock[2] == 0 ? packed : 0, clock[2], rows, works, 0, g};
    run(&job);
    losses[k] = finish(&job, g);
    if (guard && !(losses[k] - losses[k] == 0)) return k;
    update(p, m, v, g, rates_of(rates[k * rate_step], settings, ++clock[0]));
    clock[2] += rows;
  }
  return steps;
}
