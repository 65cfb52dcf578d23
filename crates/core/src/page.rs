//! Pages of long answers.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::hash::{fnv1a64, mix64};
use crate::violation::Mismatch;

/// How many items a page holds: 50 unless asked, at most 1,000 however many were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(u32);

impl PageSize {
    /// What 0 means (AIP-158).
    pub const DEFAULT: Self = Self(50);
    /// Larger wishes are answered with this many.
    pub const MAX: Self = Self(1_000);

    /// Parses the `page_size` of a request.
    ///
    /// # Errors
    /// When it is negative.
    pub fn parse(size: i32) -> Result<Self, Mismatch> {
        match u32::try_from(size) {
            Ok(0) => Ok(Self::DEFAULT),
            Ok(size) => Ok(Self(size.min(Self::MAX.0))),
            Err(_) => Err(Mismatch::new("0 or more", size.to_string())),
        }
    }

    /// Returns the number of items of a full page.
    #[must_use]
    pub fn get(self) -> usize {
        self.0 as usize
    }

    /// Returns one more than a full page, which is what a query asks for in order to learn whether
    /// there is a next page.
    #[must_use]
    pub fn probe(self) -> i64 {
        i64::from(self.0) + 1
    }
}

/// Why a page token was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// It is not a token of ours.
    #[error("the page token is not one that this service gave")]
    Invalid,
    /// It was given for other arguments.
    #[error("the page token was given for a request with other arguments")]
    Mismatch,
}

/// Where the next page starts: the keys after which it begins, bound to the arguments of the list.
///
/// The token carries no authority: every request is authorised and filtered anew. Its seal only
/// finds mistakes (a token cut short, or used with another filter), it is not a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken(Vec<String>);

impl PageToken {
    /// Creates a token that stands after the item with these keys.
    pub fn after<K: Into<String>>(keys: impl IntoIterator<Item = K>) -> Self {
        Self(keys.into_iter().map(Into::into).collect())
    }

    /// Returns the keys of the last item that was shown.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// Returns the token as text for the wire. `arguments` are all other arguments of the list
    /// except the page size, in any fixed form.
    #[must_use]
    pub fn seal(&self, arguments: &[u8]) -> String {
        let keys = self.0.join("\u{1f}");
        let mut sealed = Vec::with_capacity(16 + keys.len());
        sealed.extend_from_slice(&digest(arguments).to_be_bytes());
        sealed.extend_from_slice(&digest(keys.as_bytes()).to_be_bytes());
        sealed.extend_from_slice(keys.as_bytes());
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// Reads a token from the wire; the empty text means the first page.
    ///
    /// # Errors
    /// When the token is none of ours, or was given for other arguments.
    pub fn open(text: &str, arguments: &[u8]) -> Result<Option<Self>, PageError> {
        if text.is_empty() {
            return Ok(None);
        }
        let sealed = URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| PageError::Invalid)?;
        let (head, keys) = sealed.split_at_checked(16).ok_or(PageError::Invalid)?;
        if head[8..] != digest(keys).to_be_bytes() {
            return Err(PageError::Invalid);
        }
        if head[..8] != digest(arguments).to_be_bytes() {
            return Err(PageError::Mismatch);
        }
        let keys = std::str::from_utf8(keys).map_err(|_| PageError::Invalid)?;
        Ok(Some(Self(
            keys.split('\u{1f}').map(str::to_owned).collect(),
        )))
    }
}

fn digest(bytes: &[u8]) -> u64 {
    mix64(fnv1a64(bytes))
}

/// Cuts what a query for [`PageSize::probe`] rows returned to one page, and tells the keys of its
/// last item when there is more.
#[must_use]
pub fn cut<T>(
    mut rows: Vec<T>,
    size: PageSize,
    keys: impl Fn(&T) -> Vec<String>,
) -> (Vec<T>, Option<PageToken>) {
    let more = rows.len() > size.get();
    rows.truncate(size.get());
    let next = if more {
        rows.last().map(|last| PageToken(keys(last)))
    } else {
        None
    };
    (rows, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_comes_back_as_it_was_sealed() {
        let token = PageToken::after(["C1", "2024-01-01"]);
        assert_eq!(PageToken::open(&token.seal(b"f"), b"f"), Ok(Some(token)));
        assert_eq!(PageToken::open("", b"f"), Ok(None));
    }

    #[test]
    fn a_token_for_other_arguments_or_cut_short_is_refused() {
        let sealed = PageToken::after(["C1"]).seal(b"stage=A");

        assert_eq!(
            PageToken::open(&sealed, b"stage=B"),
            Err(PageError::Mismatch)
        );
        assert_eq!(
            PageToken::open(&sealed[..sealed.len() - 2], b"stage=A"),
            Err(PageError::Invalid)
        );
        assert_eq!(PageToken::open("no token", b""), Err(PageError::Invalid));
    }

    #[test]
    fn a_page_size_is_clamped_but_never_negative() {
        assert_eq!(PageSize::parse(0).unwrap().get(), 50);
        assert_eq!(PageSize::parse(5_000).unwrap().get(), 1_000);
        assert!(PageSize::parse(-1).is_err());
    }

    #[test]
    fn a_cut_page_names_its_last_item_only_when_there_is_more() {
        let size = PageSize::parse(2).unwrap();
        let keys = |n: &i32| vec![n.to_string()];

        assert_eq!(
            cut(vec![1, 2, 3], size, keys),
            (vec![1, 2], Some(PageToken::after(["2"])))
        );
        assert_eq!(cut(vec![1, 2], size, keys), (vec![1, 2], None));
    }
}
