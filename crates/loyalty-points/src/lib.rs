//! Points: lots, holds, entries; spent exactly once.
