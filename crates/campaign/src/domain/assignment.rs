//! Who is treated and who is left alone: decided by a hash, for ever.

use tenure_core::hash::bucket;
use tenure_core::{CampaignId, CustomerId};

use super::words::words;

words! {
    /// What is done with an enrolled customer.
    Arm {
        /// Contacted with the offer.
        Treated = 1,
        /// Left alone, for comparison.
        Control = 2,
    }
}

/// A control share is honoured to a millionth.
const BUCKETS: u32 = 1_000_000;

/// Returns the arm of a customer. Anybody can check it from the two ids and the share; no state is
/// involved, so that no repeat, crash or second replica can assign otherwise.
pub(crate) fn assign(campaign: &CampaignId, customer: &CustomerId, control_share: f64) -> Arm {
    let place = f64::from(bucket(campaign.as_str(), customer.as_str(), BUCKETS));
    if place < control_share * f64::from(BUCKETS) {
        Arm::Control
    } else {
        Arm::Treated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::stats::sample_ratio;

    fn campaign(id: &str) -> CampaignId {
        CampaignId::parse(id).unwrap()
    }

    fn customers() -> impl Iterator<Item = CustomerId> {
        (0..20_000).map(|n| CustomerId::parse(&format!("C{n:05}")).unwrap())
    }

    #[test]
    fn an_assignment_is_stable() {
        let spring = campaign("spring");
        for customer in customers() {
            assert_eq!(
                assign(&spring, &customer, 0.2),
                assign(&spring, &customer, 0.2)
            );
        }
    }

    #[test]
    fn the_control_share_is_honoured() {
        for (id, share) in [
            ("spring", 0.1),
            ("summer", 0.5),
            ("autumn", 0.9),
            ("winter", 0.01),
        ] {
            let campaign = campaign(id);
            let arms = customers().map(|customer| assign(&campaign, &customer, share));
            let control = arms.filter(|arm| *arm == Arm::Control).count() as u64;

            let ratio = sample_ratio(20_000 - control, control, share);
            assert!(ratio.passed(), "{id}: {ratio:?}");
        }
    }

    /// Of two campaigns with an even split, a quarter is treated by both.
    #[test]
    fn campaigns_are_assigned_independently() {
        let (spring, summer) = (campaign("spring"), campaign("summer"));
        let both = customers().filter(|customer| {
            assign(&spring, customer, 0.5) == Arm::Treated
                && assign(&summer, customer, 0.5) == Arm::Treated
        });

        let both = both.count() as u64;
        assert!(sample_ratio(20_000 - both, both, 0.25).passed(), "{both}");
    }

    #[test]
    fn who_was_left_alone_stays_so_when_the_share_grows() {
        let spring = campaign("spring");
        for customer in customers() {
            if assign(&spring, &customer, 0.1) == Arm::Control {
                assert_eq!(assign(&spring, &customer, 0.2), Arm::Control);
            }
        }
    }
}
