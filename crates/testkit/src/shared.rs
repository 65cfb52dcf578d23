//! Data sets that are too large for the repository.

use std::path::{Path, PathBuf};

/// Returns a file of the folder with shared data, or nothing (and says so) where it is absent. The
/// folder is `TENURE_SHARED`, or `shared` beside the repository.
///
/// A test that gets nothing has nothing to test: it returns, and the line on stderr tells.
#[must_use]
pub fn shared_data(name: &str) -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "an input of the tests themselves"
    )]
    let folder = std::env::var("TENURE_SHARED");
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = folder.map_or_else(|_| beside(), PathBuf::from).join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "skipped: {} is absent; TENURE_SHARED names the folder with it",
        path.display()
    );
    None
}
