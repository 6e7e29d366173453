//! PAX records: the members of extended headers in a tar.

/// Key and value.
pub(crate) type Record<'a> = (&'a [u8], &'a [u8]);

/// The first PAX record `LENGTH KEY=VALUE\n` of `bytes`, and what follows it; `None` if it is malformed.
pub(crate) fn pax_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let blank = bytes.iter().take(20).position(|b| *b == b' ')?;
    let len: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    if len > bytes.len() || len < blank + 2 {
        return None;
    }
    let (record, rest) = bytes.split_at(len);
    let record = record[blank + 1..].strip_suffix(b"\n")?;
    let equals = record.iter().position(|b| *b == b'=')?;
    Some(((&record[..equals], &record[equals + 1..]), rest))
}
