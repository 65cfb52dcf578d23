//! Settlements, one after the other, compared with the entries that are marked for them.

use tenure_sql::SqlError;

use super::Run;
use crate::domain::{Invariant, Phase};
use crate::{store, verify::breach};

impl Run<'_> {
    /// Goes on with the settlements, which are about all lanes.
    pub(super) fn begin_settlements(&mut self) {
        self.position.phase = Phase::Settlements;
        self.position.account.clear();
        self.position.ending = (0, 0);
    }

    /// Looks at the next settlement; behind the last one the verification is over.
    pub(super) async fn settlements(&mut self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_snapshot().await?;
        let after = (self.position.account.as_str(), self.position.ending.0);
        let Some(seen) = store::settlement_after(&mut tx, after).await? else {
            self.position.next_lane();
            return Ok(());
        };
        let lane = self.position.lane;
        self.report_all(seen.check().map_err(|breach| breach.at(lane, 0, None, "")));
        self.left -= seen.totals[0].max(1);
        self.position.account = seen.partner;
        self.position.ending = (seen.number, 0);
        Ok(())
    }

    /// No row of a partner stands behind the last record of the lane.
    pub(super) fn no_partner_row_beyond(&mut self, head: i64, beyond: Option<i64>) {
        if let Some(seq) = beyond {
            let what = "the last row of a partner in the lane";
            let (wanted, found) = (format!("at most {head}"), seq.to_string());
            let found = breach(Invariant::Stored, what, wanted, found);
            self.report(found.at(self.position.lane, seq, None, ""));
        }
    }
}
