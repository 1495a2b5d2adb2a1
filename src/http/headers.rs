//! The headers of an answer: read once, and asked for two or three of them.
use std::fmt;

/// Names and values in the order of the answer. A name is found in any case.
#[derive(Clone, Default)]
pub struct Headers {
    text: Vec<u8>,
    /// Where in the text a name begins, where its value does, and where that ends.
    fields: Vec<(usize, usize, usize)>,
}

impl Headers {
    /// Room for so many of so many bytes together.
    pub fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes), fields: Vec::with_capacity(fields) }
    }

    /// One more.
    pub fn push(&mut self, name: &str, value: &[u8]) {
        let start = self.text.len();
        self.text.extend_from_slice(name.as_bytes());
        let middle = self.text.len();
        self.text.extend_from_slice(value);
        self.fields.push((start, middle, self.text.len()));
    }

    /// The values of a name, in order.
    pub fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        self.pairs().filter(|(own, _)| own.eq_ignore_ascii_case(name.as_bytes())).map(|(_, value)| value)
    }

    /// The first value of a name, where it is readable text.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.all(name).next()?;
        let is_text = value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        is_text.then(|| std::str::from_utf8(value).ok()).flatten()
    }

    /// Whether there is one of that name.
    pub fn contains(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// Whether a list of words, as `Connection` has one, names this one.
    pub fn lists(&self, name: &str, word: &str) -> bool {
        self.all(name).flat_map(|value| value.split(|byte| *byte == b',')).any(|one| {
            let one = one.trim_ascii();
            one.eq_ignore_ascii_case(word.as_bytes())
        })
    }

    fn pairs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.fields.iter().map(|(start, middle, end)| {
            let part = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
            (part(*start, *middle), part(*middle, *end))
        })
    }
}

impl<'a> FromIterator<(&'a str, &'a str)> for Headers {
    fn from_iter<T: IntoIterator<Item = (&'a str, &'a str)>>(pairs: T) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.push(name, value.as_bytes());
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        formatter.debug_list().entries(self.pairs().map(|(name, value)| (text(name), text(value)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_found_in_any_case_and_the_first_value_is_told() {
        let headers: Headers = [("Date", "now"), ("x-a", "1"), ("X-A", "2")].into_iter().collect();
        assert_eq!((headers.get("date"), headers.get("x-A"), headers.get("age")), (Some("now"), Some("1"), None));
        assert_eq!(headers.all("x-a").collect::<Vec<_>>(), [b"1", b"2"]);
        assert!(headers.contains("X-a") && !headers.contains("x-"));
    }

    #[test]
    fn a_value_that_is_no_text_is_not_told() {
        let mut headers = Headers::with_capacity(2, 10);
        headers.push("a", b"\xff");
        headers.push("b", "\u{e9}".as_bytes());
        assert_eq!((headers.get("a"), headers.get("b")), (None, None));
        assert!(headers.contains("a"));
    }

    #[test]
    fn a_list_is_read_word_by_word() {
        let headers: Headers = [("connection", "foo,  Close"), ("connection", "closed")].into_iter().collect();
        assert!(headers.lists("Connection", "close") && headers.lists("connection", "closed"));
        assert!(!headers.lists("connection", "keep-alive"));
    }
}
