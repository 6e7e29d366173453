//! The little DER that keys need: public keys are hashed in it, and certificates are read as far as the key in them.

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// The tag of the version in a certificate, which the oldest leave out.
pub(super) const EXPLICIT_0: u8 = 0xa0;

/// An element: its tag, its length and `parts` one after the other.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let mut out = vec![tag];
    match u8::try_from(content.len()) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let length = content.len().to_be_bytes();
            let bytes = length.as_slice().trim_start_zeros();
            out.push(0x80 | bytes.len() as u8);
            out.extend_from_slice(bytes);
        }
    }
    out.extend_from_slice(&content);
    out
}

/// A number that is not negative, given by its bytes, the highest first.
pub(super) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.trim_start_zeros();
    match bytes.first() {
        Some(first) if *first < 0x80 => element(INTEGER, &[bytes]),
        _ => element(INTEGER, &[&[0], bytes]),
    }
}

/// Whole bytes as a bit string.
pub(super) fn bits(bytes: &[u8]) -> Vec<u8> {
    element(BIT_STRING, &[&[0], bytes])
}

/// A number's bytes without those that say nothing.
pub(super) trait TrimZeros {
    fn trim_start_zeros(&self) -> &[u8];
}

impl TrimZeros for [u8] {
    fn trim_start_zeros(&self) -> &[u8] {
        let first = self.iter().position(|b| *b != 0).unwrap_or(self.len());
        &self[first..]
    }
}

/// Reads elements one after the other; `None` is whatever is not as expected.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    /// The content of the next element, which has to have this tag.
    pub(super) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    /// The next tag, without reading on.
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Tag and content of the next element.
    pub(super) fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let [tag, length, rest @ ..] = self.0 else {
            return None;
        };
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            // No length of a key needs more than four bytes.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                let length = bytes.iter().fold(0, |n, b| n << 8 | usize::from(*b));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_never_negative() {
        assert_eq!(unsigned(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(unsigned(&[]), [2, 1, 0]);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(content in proptest::collection::vec(any::<u8>(), 0..70_000usize)) {
            let written = element(SEQUENCE, &[&content]);
            let mut reader = Reader(&written);
            prop_assert_eq!(reader.next(), Some((SEQUENCE, content.as_slice())));
            prop_assert!(reader.0.is_empty());
        }

        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40usize)) {
            let mut reader = Reader(&bytes);
            while reader.next().is_some() {}
        }
    }
}
