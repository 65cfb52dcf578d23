//! Fresh databases of both kinds, a manual clock, builders and assertions for tests.
