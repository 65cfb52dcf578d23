//! Fields that are wrong: which, what was wanted, what was found.

use std::fmt;

/// One field of a request (or column of a file) that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field as the caller knows it, for example `customers[3].external_ids[0].system`.
    pub field: String,
    /// What is allowed, for example `1 to 64 printable ASCII characters`.
    pub wanted: String,
    /// What was there, shortened, and never personal data: a length, a kind or a harmless value.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: wanted {}, found {}",
            self.field, self.wanted, self.found
        )
    }
}

/// Collects every violation of a request, so that the caller learns all of them at once.
///
/// ```
/// use tenure_core::{CustomerId, Violations};
/// let mut violations = Violations::new();
/// let id = violations.take("customer_id", CustomerId::parse(""));
/// assert!(id.is_none());
/// assert_eq!(violations.into_result().unwrap_err().len(), 1);
/// ```
#[derive(Debug, Default)]
pub struct Violations {
    prefix: String,
    found: Vec<Violation>,
}

impl Violations {
    /// Creates an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one violation of `field` (relative to the current prefix).
    pub fn add(&mut self, field: &str, wanted: impl Into<String>, found: impl Into<String>) {
        let field = format!("{}{field}", self.prefix);
        self.found.push(Violation {
            field,
            wanted: wanted.into(),
            found: found.into(),
        });
    }

    /// Returns the value of `parsed`, or notes why it is none.
    pub fn take<T>(&mut self, field: &str, parsed: Result<T, Mismatch>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(mismatch) => {
                self.add(field, mismatch.wanted, mismatch.found);
                None
            }
        }
    }

    /// Runs `parse` with every field name below it prefixed by `prefix`, for example
    /// `customers[3].`.
    pub fn within<T>(&mut self, prefix: &str, parse: impl FnOnce(&mut Self) -> T) -> T {
        let outer = self.prefix.len();
        self.prefix.push_str(prefix);
        let parsed = parse(self);
        self.prefix.truncate(outer);
        parsed
    }

    /// Returns true while nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Returns everything that is wrong as an error, or nothing.
    ///
    /// # Errors
    /// The violations, when there are any.
    pub fn into_result(self) -> Result<(), Vec<Violation>> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(self.found)
        }
    }
}

/// Why one value was refused; the field is known by whoever asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("wanted {wanted}, found {found}")]
pub struct Mismatch {
    /// What is allowed.
    pub wanted: String,
    /// What was there, without personal data.
    pub found: String,
}

impl Mismatch {
    /// Creates a mismatch.
    pub fn new(wanted: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            wanted: wanted.into(),
            found: found.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_violation_is_kept_with_the_path_of_its_field() {
        let mut violations = Violations::new();

        violations.within("customers[3].", |inner| {
            inner.within("bill.", |deepest| deepest.add("amount", "a number", "text"));
            inner.add("name", "a name", "nothing");
        });
        violations.add("request_id", "a UUID", "nothing");

        let fields: Vec<_> = violations
            .into_result()
            .unwrap_err()
            .into_iter()
            .map(|v| v.field)
            .collect();
        assert_eq!(
            fields,
            [
                "customers[3].bill.amount",
                "customers[3].name",
                "request_id"
            ]
        );
    }
}
