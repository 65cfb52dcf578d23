//! The stocks of a lane by id, each replayed along its chain and compared with its row.

use tenure_sql::{SqlError, Tx};

use super::accounts::{PIECE, PIECES_MAX};
use super::{Run, breach};
use crate::domain::{Finding, Invariant, Phase, Stock, StockReplay};
use crate::store;

/// How many stocks are read at once.
const STOCKS: i64 = 50;

impl Run<'_> {
    /// Looks at the next stocks of the lane.
    pub(super) async fn stocks(&mut self) -> Result<(), SqlError> {
        let mut tx = self.db.begin_snapshot().await?;
        let (lane, after) = (self.position.lane, self.position.account.clone());
        let page = store::stocks_after(&mut tx, lane, &after, STOCKS).await?;
        if page.is_empty() {
            self.position.account.clear();
            self.position.phase = Phase::Accounts;
            return Ok(());
        }
        for stock in page {
            self.position.account = stock.place.stock.to_string();
            self.left -= stock.records.max(1);
            let found = self.stock(&mut tx, &stock).await?;
            self.report_all(found);
            if self.left <= 0 {
                break;
            }
        }
        Ok(())
    }

    async fn stock(
        &mut self,
        tx: &mut Tx,
        stored: &Stock,
    ) -> Result<Result<(), Finding>, SqlError> {
        let lane = self.position.lane;
        let most = (stored.records / PIECE + 2).clamp(1, PIECES_MAX);
        let marks = store::marks(tx, lane, stored.last_seq, (PIECE, most)).await?;
        let mut replay = StockReplay::new(stored.place.stock.clone());
        let mut found = Ok(());
        for (number, mark) in marks.iter().enumerate() {
            let chains = store::chains(tx, lane, &[(*mark, PIECE)]).await?;
            let piece = chains.get(mark).map(Vec::as_slice).unwrap_or_default();
            self.count(piece, number == 0);
            for (seq, _, record) in piece {
                if found.is_err() {
                    break;
                }
                found = match record {
                    Some(record) => replay.feed(record, lane, *seq),
                    None => {
                        let (wanted, found) = ("one that can be read", "one that cannot");
                        let what = "a record of the stock's chain";
                        let found = breach(Invariant::Stored, what, wanted.into(), found.into());
                        Err(found.at(lane, *seq, None, stored.place.stock.as_str()))
                    }
                };
            }
        }
        let reservations = store::reservations(tx, &stored.place).await?;
        Ok(found.and_then(|()| {
            let compared = replay.compare(stored, &reservations);
            let name = stored.place.stock.as_str();
            compared.map_err(|breach| breach.at(lane, stored.last_seq, None, name))
        }))
    }
}
