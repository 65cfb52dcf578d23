//! Offers, audiences, campaigns, contacts, experiments: what to do now, and did it work.
