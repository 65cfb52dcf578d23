//! The normal distribution: its quantile and its tail.

/// Algorithm AS 241, routine PPND16 (Wichura, Applied Statistics 37, 1988): relative accuracy of
/// about 1e-16. Numerator and denominator of three rational functions, highest power first.
const CENTRE: [[f64; 8]; 2] = [
    [
        2.509_080_928_730_122_7e3,
        3.343_057_558_358_813e4,
        6.726_577_092_700_87e4,
        4.592_195_393_154_987e4,
        1.373_169_376_550_946e4,
        1.971_590_950_306_551_3e3,
        1.331_416_678_917_843_8e2,
        3.387_132_872_796_366_5,
    ],
    [
        5.226_495_278_852_855e3,
        2.872_908_573_572_194_3e4,
        3.930_789_580_009_271e4,
        2.121_379_430_158_659_7e4,
        5.394_196_021_424_751e3,
        6.871_870_074_920_579e2,
        4.231_333_070_160_091e1,
        1.0,
    ],
];
const TAIL: [[f64; 8]; 2] = [
    [
        7.745_450_142_783_414e-4,
        2.272_384_498_926_918_4e-2,
        2.417_807_251_774_506e-1,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        1.519_866_656_361_645_7e-2,
        1.481_039_764_274_800_8e-1,
        6.897_673_349_851e-1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
];
const FAR_TAIL: [[f64; 8]; 2] = [
    [
        2.010_334_399_292_288_1e-7,
        2.711_555_568_743_487_6e-5,
        1.242_660_947_388_078_4e-3,
        2.653_218_952_657_612_4e-2,
        2.965_605_718_285_049e-1,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_104,
    ],
    [
        2.044_263_103_389_939_8e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_054_8e-5,
        7.868_691_311_456_133e-4,
        1.487_536_129_085_061_5e-2,
        1.369_298_809_227_358e-1,
        5.998_322_065_558_88e-1,
        1.0,
    ],
];

/// Returns the value below which a standard normal variable lies with probability `p`.
///
/// # Panics
/// When `p` is not between 0 and 1; the ends have no finite quantile.
pub(super) fn quantile(p: f64) -> f64 {
    assert!(
        p > 0.0 && p < 1.0,
        "a quantile needs a probability between 0 and 1"
    );
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        return q * ratio(&CENTRE, 0.180_625 - q * q);
    }
    let r = (-p.min(1.0 - p).ln()).sqrt();
    let tail = if r <= 5.0 {
        ratio(&TAIL, r - 1.6)
    } else {
        ratio(&FAR_TAIL, r - 5.0)
    };
    tail.copysign(q)
}

fn ratio([numerator, denominator]: &[[f64; 8]; 2], x: f64) -> f64 {
    let value = |powers: &[f64; 8]| powers.iter().fold(0.0, |sum, c| sum * x + c);
    value(numerator) / value(denominator)
}

/// Below this the series for erf converges fast and 1 - erf still has 12 digits.
const SERIES_MAX: f64 = 2.5;
/// More terms than either expansion ever needs.
const TERMS_MAX: u32 = 200;

/// Returns the complementary error function of `x >= 0`: by the series 7.1.6 of Abramowitz and
/// Stegun near zero, by the continued fraction 7.1.14 beyond.
pub(super) fn erfc(x: f64) -> f64 {
    debug_assert!(x >= 0.0, "only the upper tail is needed");
    let scale = (-x * x).exp() / std::f64::consts::PI.sqrt();
    if x < SERIES_MAX {
        1.0 - 2.0 * scale * series(x)
    } else {
        scale / fraction(x)
    }
}

/// Returns `x + 2 x^3 / 3 + 4 x^5 / 15 + ...`, whose terms are all positive.
fn series(x: f64) -> f64 {
    let (mut sum, mut term) = (x, x);
    for n in 1..TERMS_MAX {
        term *= 2.0 * x * x / f64::from(2 * n + 1);
        sum += term;
        if term < sum * f64::EPSILON {
            break;
        }
    }
    sum
}

/// Returns `x + (1/2) / (x + (2/2) / (x + (3/2) / (x + ...)))`, from the inside out.
fn fraction(x: f64) -> f64 {
    (1..TERMS_MAX)
        .rev()
        .fold(x, |inner, n| x + f64::from(n) / 2.0 / inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wichura's own test values, and the percentiles in every table of the normal distribution.
    #[test]
    fn quantiles_are_those_of_the_tables() {
        let table = [
            (0.25, -0.674_489_750_196_081_7),
            (0.001, -3.090_232_306_167_813_5),
            (1e-20, -9.262_340_089_798_408),
            (0.95, 1.644_853_626_951_472_7),
            (0.975, 1.959_963_984_540_054),
            (0.995, 2.575_829_303_548_901),
            (0.5, 0.0),
        ];
        for (p, expected) in table {
            assert!(
                (quantile(p) - expected).abs() < 1e-13,
                "{p}: {}",
                quantile(p)
            );
        }
    }

    /// Abramowitz and Stegun, table 7.1 and 7.3, with more digits from Wolfram Alpha.
    #[test]
    fn tails_are_those_of_the_tables() {
        let table = [
            (0.0, 1.0),
            (0.5, 0.479_500_122_186_953_5),
            (1.0, 0.157_299_207_050_285_13),
            (2.0, 4.677_734_981_047_266e-3),
            (3.0, 2.209_049_699_858_544e-5),
            (5.0, 1.537_459_794_428_035e-12),
        ];
        for (x, expected) in table {
            assert!((erfc(x) / expected - 1.0).abs() < 1e-12, "{x}: {}", erfc(x));
        }
    }

    #[test]
    fn the_two_expansions_of_the_tail_meet() {
        let below = erfc(SERIES_MAX - 1e-12);
        let above = erfc(SERIES_MAX);

        assert!((below / above - 1.0).abs() < 1e-10, "{below} {above}");
    }
}
