//! Requests as text: the head, an empty line, the body.

/// What the text of a request says.
pub(crate) struct Request<'a> {
    /// The method and the target; for an event alone, nothing.
    pub(crate) line: &'a str,
    /// Names and values, as written.
    pub(crate) headers: Vec<(&'a str, &'a str)>,
    /// All after the empty line.
    pub(crate) body: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a text; `None` where its head is none. A line may end with or without a carriage return.
    pub(crate) fn read(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.windows(2).position(|pair| pair == b"\n\n");
        let end_cr = bytes.windows(3).position(|three| three == b"\n\r\n");
        let (head, body) = match (end, end_cr) {
            (Some(end), Some(cr)) if cr < end => (&bytes[..cr], &bytes[cr + 3..]),
            (Some(end), _) => (&bytes[..end], &bytes[end + 2..]),
            (None, Some(cr)) => (&bytes[..cr], &bytes[cr + 3..]),
            (None, None) => (bytes, &[][..]),
        };
        let mut lines = std::str::from_utf8(head).ok()?.lines();
        let line = lines.next()?;
        let headers = lines
            .map(|line| line.split_once(':').map(|(name, value)| (name, value.trim())))
            .collect::<Option<_>>()?;
        Some(Self { line, headers, body })
    }
}
