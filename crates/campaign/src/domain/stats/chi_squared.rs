//! Whether two groups have the sizes that were asked for.

use super::normal::erfc;

/// A deviation less likely than this is not chance: the assignment is broken (Fabijan et al., KDD
/// 2019, use the same for sample ratio mismatch).
const P_VALUE_MIN: f64 = 0.001;

/// What a comparison of group sizes found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SampleRatio {
    /// The share of the second group that was found; nothing of nobody.
    pub(crate) observed_share: Option<f64>,
    /// Pearson's statistic with one degree of freedom.
    pub(crate) chi_squared: f64,
    /// The probability of a deviation at least this large by chance.
    pub(crate) p_value: f64,
}

impl SampleRatio {
    /// Returns true when chance may explain the sizes.
    pub(crate) fn passed(self) -> bool {
        self.p_value >= P_VALUE_MIN
    }
}

/// Compares `treated` and `control` with a plan that gave `control_share`, between 0 and 1, to the
/// latter.
#[expect(clippy::cast_precision_loss, reason = "customers are fewer than 2^53")]
pub(crate) fn sample_ratio(treated: u64, control: u64, control_share: f64) -> SampleRatio {
    let total = (treated + control) as f64;
    if total == 0.0 {
        return SampleRatio {
            observed_share: None,
            chi_squared: 0.0,
            p_value: 1.0,
        };
    }
    let wanted = total * control_share;
    let off = control as f64 - wanted;
    let chi_squared = off * off / wanted + off * off / (total - wanted);
    let observed_share = Some(control as f64 / total);
    SampleRatio {
        observed_share,
        chi_squared,
        p_value: erfc((chi_squared / 2.0).sqrt()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The critical values of the chi-squared distribution with one degree of freedom.
    #[test]
    fn p_values_are_those_of_the_tables() {
        let table: [(f64, f64); 4] = [
            (3.841_458_820_694_124, 0.05),
            (6.634_896_601_021_214, 0.01),
            (10.827_566_170_662_733, 0.001),
            (0.454_936_423_119_572_7, 0.5),
        ];
        for (statistic, p) in table {
            assert!(
                (erfc((statistic / 2.0).sqrt()) / p - 1.0).abs() < 1e-10,
                "{statistic}"
            );
        }
    }

    /// 821,588 and 815,482 of an even split: the example of Kohavi, Tang and Xu, Trustworthy Online
    /// Controlled Experiments (2020), chapter 3, with p = 1.8e-6.
    #[test]
    fn a_broken_split_is_found() {
        let ratio = sample_ratio(821_588, 815_482, 0.5);

        assert!((ratio.p_value / 1.8e-6 - 1.0).abs() < 0.03, "{ratio:?}");
        assert!(!ratio.passed());
    }

    #[test]
    fn a_split_as_planned_passes() {
        let ratio = sample_ratio(80, 20, 0.2);

        assert_eq!(ratio.chi_squared, 0.0);
        assert_eq!(ratio.p_value, 1.0);
        assert!(ratio.passed());
        assert!(sample_ratio(0, 0, 0.2).passed());
    }
}
