//! Passwords, tokens and keys.

/// Text that must never be shown.
///
/// It has no `Debug`, no `Display` and cannot be serialised, so that no log line, error or job file can contain it by
/// accident. The only way to the text is [`Secret::expose`], which is easy to find in a review.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: only for the place that sends it to its owner's server.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
