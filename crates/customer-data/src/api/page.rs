//! Pages of lists.

use tenure_core::{PageSize, PageToken, Violations};
use tenure_rpc::{RequestError, fields};

use crate::Error;

/// What a list asks for.
pub(super) struct Page {
    pub(super) size: PageSize,
    arguments: String,
    after: Option<PageToken>,
}

impl Page {
    /// Reads size and token. `arguments` name the list and all that it is filtered by.
    pub(super) fn parse(
        mut violations: Violations,
        size: i32,
        token: &str,
        arguments: String,
    ) -> Result<Self, Error> {
        let size = fields::page_size(&mut violations, size);
        violations.into_result()?;
        let after = fields::page_token(token, arguments.as_bytes()).map_err(RequestError::from)?;
        Ok(Self {
            size: size.expect("a missing size is a violation"),
            arguments,
            after,
        })
    }

    /// Returns a key of the item before the page as text.
    pub(super) fn text(&self, at: usize) -> Result<Option<&str>, Error> {
        let Some(token) = &self.after else {
            return Ok(None);
        };
        let key = token.keys().get(at).map(String::as_str);
        key.map(Some)
            .ok_or(RequestError::Page(tenure_core::PageError::Invalid).into())
    }

    /// Returns a key of the item before the page as a number.
    pub(super) fn number<T: std::str::FromStr>(&self, at: usize) -> Result<Option<T>, Error> {
        let Some(text) = self.text(at)? else {
            return Ok(None);
        };
        let invalid = |_| RequestError::Page(tenure_core::PageError::Invalid).into();
        text.parse().map(Some).map_err(invalid)
    }

    /// Returns the instant and the id of the item before the page, in a list with the newest first; for the
    /// first page what comes before all.
    pub(super) fn newest_first(&self) -> Result<(i64, &str), Error> {
        let at = self.number(0)?.unwrap_or(i64::MAX);
        Ok((at, self.text(1)?.unwrap_or_default()))
    }

    /// Cuts what was found to one page and returns the token of the next one.
    pub(super) fn cut<T>(
        &self,
        rows: Vec<T>,
        keys: impl Fn(&T) -> Vec<String>,
    ) -> (Vec<T>, String) {
        let (rows, next) = tenure_core::page::cut(rows, self.size, keys);
        (rows, next.map_or(String::new(), |next| self.seal(&next)))
    }

    /// Returns a token for the wire.
    pub(super) fn seal(&self, token: &PageToken) -> String {
        token.seal(self.arguments.as_bytes())
    }
}
