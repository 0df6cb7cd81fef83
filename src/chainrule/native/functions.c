//// splat:
static inline vec splat(real x) { return (vec){0} + x; }
//// blend:
// mask ? a : b, lane by lane; a comparison of lanes gives all ones or all zeros.
static inline vec blend(ivec mask, vec a, vec b) { return (vec)((mask & (ivec)a) | (~mask & (ivec)b)); }
//// truth: splat
static inline vec truth(ivec mask) { return (vec)(mask & (ivec)splat(1)); }
//// v_max: blend
// The larger one; NaN where either is NaN.
static inline vec v_max(vec a, vec b) { return blend((a >= b) | (a != a), a, b); }
//// v_min: blend
static inline vec v_min(vec a, vec b) { return blend((a < b) | (a != a), a, b); }
//// v_abs:
static inline vec v_abs(vec x) { return (vec)((ivec)x & ~SIGN_BIT); }
//// v_sign: blend splat
static inline vec v_sign(vec x) {
  return blend(x > (real)0, splat(1), blend(x < (real)0, splat(-1), blend(x == (real)0, splat(0), x)));
}
//// lesser float: blend splat
// The lesser of each lane of x and a number; NaN stays NaN.
static inline vec lesser(vec x, real most) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && !defined(__clang__)
  return __builtin_ia32_minps512_mask(splat(most), x, x, -1, 4);
#elif defined(__AVX2__) && VECTOR_BYTES == 32 && !defined(__clang__)
  return __builtin_ia32_minps256(splat(most), x);
#else
  return blend(x > most, splat(most), x);
#endif
}
//// lesser double: blend splat
static inline vec lesser(vec x, real most) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && !defined(__clang__)
  return __builtin_ia32_minpd512_mask(splat(most), x, x, -1, 4);
#elif defined(__AVX2__) && VECTOR_BYTES == 32 && !defined(__clang__)
  return __builtin_ia32_minpd256(splat(most), x);
#else
  return blend(x > most, splat(most), x);
#endif
}
//// greater float: blend splat
static inline vec greater(vec x, real least) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && !defined(__clang__)
  return __builtin_ia32_maxps512_mask(splat(least), x, x, -1, 4);
#elif defined(__AVX2__) && VECTOR_BYTES == 32 && !defined(__clang__)
  return __builtin_ia32_maxps256(splat(least), x);
#else
  return blend(x < least, splat(least), x);
#endif
}
//// greater double: blend splat
static inline vec greater(vec x, real least) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64 && !defined(__clang__)
  return __builtin_ia32_maxpd512_mask(splat(least), x, x, -1, 4);
#elif defined(__AVX2__) && VECTOR_BYTES == 32 && !defined(__clang__)
  return __builtin_ia32_maxpd256(splat(least), x);
#else
  return blend(x < least, splat(least), x);
#endif
}
//// clamp: lesser greater
// x kept between two numbers; NaN stays NaN.
static inline vec clamp(vec x, real low, real high) { return greater(lesser(x, high), low); }
//// scale float:
// x 2^k for a whole k given as a float, also where 2^k itself is no normal number.
static inline vec scale(vec x, vec k) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  return __builtin_ia32_scalefps512_mask(x, k, x, -1, 4);
#else
  const ivec n = __builtin_convertvector(k, ivec), half = n >> 1;
  return x * (vec)((half + 127) << 23) * (vec)((n - half + 127) << 23);
#endif
}
//// scale double:
static inline vec scale(vec x, vec k) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  return __builtin_ia32_scalefpd512_mask(x, k, x, -1, 4);
#else
  const ivec n = (ivec)(k + 6755399441055744.0) - (ivec)splat(6755399441055744.0), half = n >> 1;
  return x * (vec)((half + 1023) << 52) * (vec)((n - half + 1023) << 52);
#endif
}
//// reduced float: clamp
// x = k log 2 + r with a whole k and |r| <= log(2)/2: adding 1.5 2^23 rounds to a whole number; log 2 in two parts.
static inline vec reduced(vec x, vec *k) {
  const real magic = 12582912.0f;
  *k = (x * 1.44269504088896341f + magic) - magic;
  return (x - *k * 0.693359375f) - *k * -2.12194440e-4f;
}
//// reduced double: clamp
static inline vec reduced(vec x, vec *k) {
  const real magic = 6755399441055744.0;
  *k = (x * 1.4426950408889634 + magic) - magic;
  return (x - *k * 6.93147180369123816490e-01) - *k * 1.90821492927058770002e-10;
}
//// expm1_reduced float:
// e^r - 1 for |r| <= log(2)/2.
static inline vec expm1_reduced(vec r) {
  vec y = r * EXP_6 + EXP_5;
  y = y * r + EXP_4;
  y = y * r + EXP_3;
  y = y * r + EXP_2;
  return y * (r * r) + r;
}
//// expm1_reduced double:
static inline vec expm1_reduced(vec r) {
  vec y = r * EXP_12 + EXP_11;
  y = y * r + EXP_10;
  y = y * r + EXP_9;
  y = y * r + EXP_8;
  y = y * r + EXP_7;
  y = y * r + EXP_6;
  y = y * r + EXP_5;
  y = y * r + EXP_4;
  y = y * r + EXP_3;
  y = y * r + EXP_2;
  return y * (r * r) + r;
}
//// exp_within float: reduced expm1_reduced scale splat
// e^x for EXP_LOW <= x <= EXP_HIGH; `small` says that x is so far below EXP_HIGH that 2^k cannot overflow, and may be
// multiplied early. With vectors of 16 lanes, x = k log 2 + r with k a whole number of 16ths, |r| <= log(2)/32, and the
// 16 powers of 2 are looked up: a shorter polynomial is enough.
static ALWAYS vec exp_within(vec x, const int small) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  static const vec powers = {1.0f, 1.0442737824274138f, 1.0905077326652577f, 1.1387886347566916f, 1.189207115002721f,
    1.241857812073484f, 1.2968395546510096f, 1.3542555469368927f, 1.4142135623730951f, 1.4768261459394993f,
    1.5422108254079407f, 1.6104903319492543f, 1.681792830507429f, 1.7562521603732995f, 1.8340080864093424f,
    1.9152065613971474f};
  const real magic = 786432.0f;
  const vec shifted = x * 1.44269504088896341f + magic, k = shifted - magic;
  const vec r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
#if defined(__clang__)
  const vec power = __builtin_ia32_permvarsf512(powers, (ivec)shifted);
#else
  const vec power = __builtin_ia32_permvarsf512_mask(powers, (ivec)shifted, powers, -1);
#endif
  const vec rest = (r * 0.16666667f + 0.5f) * (r * r) + r;
  if (small) {
    const vec early = scale(power, k);
    return early + early * rest;
  }
  return scale(power + power * rest, k);
#else
  (void)small;
  vec k;
  const vec r = reduced(x, &k);
  return scale(expm1_reduced(r) + (real)1, k);
#endif
}
//// exp_within double: reduced expm1_reduced scale
// e^x for EXP_LOW <= x <= EXP_HIGH.
static ALWAYS vec exp_within(vec x, const int small) {
  (void)small;
  vec k;
  const vec r = reduced(x, &k);
  return scale(expm1_reduced(r) + (real)1, k);
}
//// quotient float:
// a/b for 1 <= b < 2^126. Where there is an estimate of 1/b to 2^-14, a step of Newton's method on the quotient makes its
// error 2^-28, in a fraction of the time of a division.
static inline vec quotient(vec a, vec b) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  const vec inverse = __builtin_ia32_rcp14ps512_mask(b, b, -1), q = a * inverse;
  return q + (a - b * q) * inverse;
#else
  return a / b;
#endif
}
//// quotient double:
// a/b for 1 <= b < 2^1022. Where there is an estimate of 1/b to 2^-14, two steps of Newton's method, the second one on
// the quotient, make its error 2^-56, in a fraction of the time of a division.
static inline vec quotient(vec a, vec b) {
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  const vec estimate = __builtin_ia32_rcp14pd512_mask(b, b, -1);
  const vec inverse = estimate + estimate * ((real)1 - b * estimate), q = a * inverse;
  return q + (a - b * q) * inverse;
#else
  return a / b;
#endif
}
//// v_exp: clamp exp_within
static inline vec v_exp(vec x) { return exp_within(clamp(x, EXP_LOW, EXP_HIGH), 0); }
//// v_expm1: clamp reduced expm1_reduced scale splat
// 2^k (q + 1 - 2^-k) with q = e^r - 1: nothing cancels for small x.
static inline vec v_expm1(vec x) {
  vec k;
  const vec r = reduced(clamp(x, EXPM1_LOW, EXP_HIGH), &k);
  return scale(expm1_reduced(r) + ((real)1 - scale(splat(1), -k)), k);
}
//// v_sigmoid float: clamp exp_within quotient scale
// e^x/(1 + e^x), which is 1 to the last bit from SIGMOID_ONE on. With vectors of 16 lanes, x = k log 2 + r with k a whole
// number of 32nds, |r| <= log(2)/64: the 32 powers of 2 are looked up in two vectors, and three terms of e^r are enough.
static inline vec v_sigmoid(vec x) {
  const vec within = clamp(x, EXP_LOW, SIGMOID_ONE);
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  static const vec powers[2] = {
    {1.0f, 1.0218972f, 1.0442737f, 1.0671405f, 1.0905077f, 1.1143868f, 1.1387886f, 1.1637249f,
      1.1892071f, 1.2152474f, 1.2418578f, 1.269051f, 1.2968396f, 1.3252367f, 1.3542556f, 1.38391f},
    {1.4142135f, 1.4451808f, 1.4768262f, 1.5091645f, 1.5422108f, 1.5759809f, 1.6104903f, 1.6457555f,
      1.6817929f, 1.7186193f, 1.7562522f, 1.7947091f, 1.8340081f, 1.8741677f, 1.9152066f, 1.9571441f}};
  const real magic = 393216.0f;
  const vec shifted = within * 1.44269504088896341f + magic, k = shifted - magic;
  const vec r = (within - k * 0.693359375f) - k * -2.12194440e-4f;
#if defined(__clang__)
  const vec power = __builtin_ia32_vpermi2varps512(powers[0], (ivec)shifted, powers[1]);
#else
  const vec power = __builtin_shuffle(powers[0], powers[1], (ivec)shifted);
#endif
  const vec scaled = scale(power, k), e = scaled + scaled * ((r * 0.50000367f + 1.0000147f) * r);
#else
  const vec e = exp_within(within, 1);
#endif
  return quotient(e, (real)1 + e);
}
//// v_sigmoid double: clamp exp_within quotient scale
// e^x/(1 + e^x), which is 1 to the last bit from SIGMOID_ONE on. With vectors of 8 lanes, x = k log 2 + r with k a whole
// number of 16ths, |r| <= log(2)/32: the 16 powers of 2 are looked up in two vectors, and eight terms of e^r are enough.
static inline vec v_sigmoid(vec x) {
  const vec within = clamp(x, EXP_LOW, SIGMOID_ONE);
#if defined(__AVX512F__) && VECTOR_BYTES == 64
  static const vec powers[2] = {
    {1.0, 1.0442737824274138, 1.0905077326652577, 1.1387886347566916,
      1.189207115002721, 1.241857812073484, 1.2968395546510096, 1.3542555469368927},
    {1.4142135623730951, 1.4768261459394993, 1.5422108254079407, 1.6104903319492543,
      1.681792830507429, 1.7562521603732995, 1.8340080864093424, 1.9152065613971474}};
  const real magic = 422212465065984.0;
  const vec shifted = within * 1.4426950408889634 + magic, k = shifted - magic;
  const vec r = (within - k * 6.93147180369123816490e-01) - k * 1.90821492927058770002e-10;
#if defined(__clang__)
  const vec power = __builtin_ia32_vpermi2varpd512(powers[0], (ivec)shifted, powers[1]);
#else
  const vec power = __builtin_shuffle(powers[0], powers[1], (ivec)shifted);
#endif
  vec rest = r * (1.0 / 5040) + 1.0 / 720;
  rest = rest * r + 1.0 / 120;
  rest = rest * r + 1.0 / 24;
  rest = rest * r + 1.0 / 6;
  rest = rest * r + 0.5;
  rest = rest * r + 1.0;
  const vec scaled = scale(power, k), e = scaled + scaled * (rest * r);
#else
  const vec e = exp_within(within, 1);
#endif
  return quotient(e, (real)1 + e);
}
//// v_tanh: v_expm1 v_abs quotient
static inline vec v_tanh(vec x) {
  const vec t = v_expm1((real)-2 * v_abs(x));
  return (vec)((ivec)quotient(-t, t + (real)2) | ((ivec)x & SIGN_BIT));
}
//// v_log float: blend splat
// x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), then by s = f/(2 + f) (fdlibm, Sun Microsystems 1993, e_log.c).
static inline vec v_log(vec x) {
  const ivec tiny = x < 1.17549435e-38f;
  const vec y = blend(tiny, x * 33554432.0f, x);
  const ivec bits = (ivec)y - 0x3f3504f3;
  const ivec e = bits >> 23;
  const vec k = __builtin_convertvector(e - (tiny & 25), vec);
  const vec f = (vec)((ivec)y - (e << 23)) - 1.0f;
  const vec s = f / (f + 2.0f), z = s * s, w = z * z, h = 0.5f * f * f;
  const vec R = w * (0.40000972152f + w * 0.24279078841f) + z * (0.66666662693f + w * 0.28498786688f);
  const vec value = k * 0.693359375f - ((h - (s * (h + R) + k * -2.12194440e-4f)) - f);
  const vec special = blend(x == 0.0f, splat(-__builtin_inff()), blend(x < 0.0f, splat(__builtin_nanf("")), x));
  return blend((x > 0.0f) & (x < __builtin_inff()), value, special);
}
//// v_log double: blend splat
static inline vec v_log(vec x) {
  const ivec tiny = x < 2.2250738585072014e-308;
  const vec y = blend(tiny, x * 18014398509481984.0, x);
  const ivec bits = (ivec)y - 0x3fe6a09e667f3bcd;
  const ivec e = bits >> 52;
  const ivec n = e - (tiny & 54);
  const vec k = (vec)(n + (ivec)splat(6755399441055744.0)) - 6755399441055744.0;
  const vec f = (vec)((ivec)y - (e << 52)) - 1.0;
  const vec s = f / (f + 2.0), z = s * s, w = z * z, h = 0.5 * f * f;
  const vec even = w * (3.999999999940941908e-01 + w * (2.222219843214978396e-01 + w * 1.531383769920937332e-01));
  const vec odd = z * (6.666666666666735130e-01 + w * (2.857142874366239149e-01
    + w * (1.818357216161805012e-01 + w * 1.479819860511658591e-01)));
  const vec R = even + odd;
  const vec value = k * 6.93147180369123816490e-01 - ((h - (s * (h + R) + k * 1.90821492927058770002e-10)) - f);
  const vec special = blend(x == 0.0, splat(-__builtin_inf()), blend(x < 0.0, splat(__builtin_nan("")), x));
  return blend((x > 0.0) & (x < __builtin_inf()), value, special);
}
//// v_weighted_log: v_log blend splat
// w log x, and 0 where w is 0 whatever x is, as 0 log 0 is read in a cross-entropy.
static inline vec v_weighted_log(vec w, vec x) { return blend(w == (real)0, splat(0), w * v_log(x)); }
//// v_log1p: v_log
// log(1 + u) for 0 <= u <= 1: the rounding of 1 + u is put back.
static inline vec v_log1p(vec u) {
  const vec w = u + (real)1;
  return v_log(w) + (u - (w - (real)1)) / w;
}
//// v_softplus: v_log1p v_exp v_abs v_max splat
static inline vec v_softplus(vec x) { return v_log1p(v_exp(-v_abs(x))) + v_max(x, splat(0)); }
//// v_logcosh: v_log1p v_exp v_expm1 v_abs blend
// |x| + log(1 + e^(-2|x|)) - log 2; near 0, where that cancels, log(1 + 2 sinh(x/2)^2).
static inline vec v_logcosh(vec x) {
  const vec size = v_abs(x), near = blend(size < (real)1, size, splat(0));
  const vec grown = v_expm1((real)0.5 * near), sinh = (real)0.5 * (grown + grown / (grown + (real)1));
  const vec far = size + v_log1p(v_exp((real)-2 * size)) - (real)0.6931471805599453;
  return blend(size < (real)1, v_log1p((real)2 * sinh * sinh), far);
}
//// v_gauss: v_exp v_abs clamp expm1_reduced
// e^(-x^2/2): x is split, its upper half squared exactly, so that no rounding of x^2 reaches the exponent.
static inline vec v_gauss(vec x) {
  const vec size = clamp(v_abs(x), 0, 50), upper = (vec)((ivec)size & SPLIT);
  const vec rest = (real)-0.5 * (size - upper) * (size + upper);
  return v_exp((real)-0.5 * upper * upper) * ((real)1 + expm1_reduced(rest));
}
//// v_normal_pdf: v_gauss
static inline vec v_normal_pdf(vec x) { return v_gauss(x) * (real)0.3989422804014327; }
//// polynomial:
static inline vec polynomial(vec x, const real *c, int count) {
  vec y = (vec){0} + c[0];
  for (int k = 1; k < count; k++) y = y * x + c[k];
  return y;
}
//// v_normal_cdf: v_gauss v_abs blend clamp polynomial
// erfc(-z/sqrt(2))/2, by rational approximations of erf to 0.46875, of erfc to 4 and beyond:
// W. J. Cody 1969, Mathematics of Computation 23.
static inline vec v_normal_cdf(vec z) {
  static const real A[] = {1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2,
    3.77485237685302021e2, 3.20937758913846947e3};
  static const real B[] = {1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3,
    2.84423683343917062e3};
  static const real C[] = {2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0,
    6.61191906371416295e1, 2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3,
    2.05107837782607147e3, 1.23033935479799725e3};
  static const real D[] = {1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2,
    1.62138957456669019e3, 3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3,
    1.23033935480374942e3};
  static const real P[] = {1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
    1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4};
  static const real Q[] = {1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1,
    6.05183413124413191e-2, 2.33520497626869185e-3};
  const vec x = z * (real)-0.7071067811865476, size = v_abs(x);
  const vec near = clamp(x, (real)-0.46875, (real)0.46875), square = near * near;
  const vec erf = near * polynomial(square, A, 5) / polynomial(square, B, 5);
  const vec middle = clamp(size, (real)0.46875, (real)4), far = clamp(size, (real)4, (real)1e3);
  const vec over = (real)1 / (far * far);
  const vec tail = ((real)0.5641895835477563 - over * polynomial(over, P, 6) / polynomial(over, Q, 6)) / far;
  const vec upper = v_gauss(z) * blend(size <= (real)4, polynomial(middle, C, 9) / polynomial(middle, D, 9), tail);
  const vec erfc = blend(size <= (real)0.46875, (real)1 - erf, blend(x < (real)0, (real)2 - upper, upper));
  return (real)0.5 * erfc;
}
