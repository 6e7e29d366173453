//! The two kinds of range of this API: the `Range` of a download (RFC 9110, 14) and the `Content-Range` of a chunk that
//! is uploaded, which the distribution specification writes without a unit.

/// What a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Everything: there is no range, or one that may be passed over.
    All,
    /// From the first to the last byte, both included.
    Part(u64, u64),
    /// Nothing of a content of this size.
    Unsatisfiable,
}

/// Reads the `Range` header `value` for a content of `size` bytes. Several ranges at once, and other units than
/// bytes, are passed over, as the RFC allows.
pub(super) fn wanted(value: Option<&str>, size: u64) -> Wanted {
    let value = value.and_then(|v| v.trim().split_once('='));
    let Some((_, spec)) = value.filter(|(unit, _)| unit.eq_ignore_ascii_case("bytes")) else {
        return Wanted::All;
    };
    let Some((first, last)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else {
        return Wanted::All;
    };
    let part = |first: u64, last: u64| match first <= last && first < size {
        true => Wanted::Part(first, last.min(size - 1)),
        false => Wanted::Unsatisfiable,
    };
    match (number(first), number(last)) {
        (Some(first), Some(last)) => part(first, last),
        (Some(first), None) if last.trim().is_empty() => part(first, u64::MAX),
        (None, Some(0)) if first.trim().is_empty() => Wanted::Unsatisfiable,
        (None, Some(n)) if first.trim().is_empty() => part(size.saturating_sub(n), u64::MAX),
        _ => Wanted::All,
    }
}

/// The first and last byte of a chunk from its `Content-Range`: `0-99`, and also `bytes 0-99/200`.
pub(super) fn chunk(value: &str) -> Option<(u64, u64)> {
    let value = value.trim();
    let value = value
        .strip_prefix("bytes")
        .map_or(value, |v| v.trim_start_matches([' ', '=']));
    let value = value.split('/').next()?;
    let (first, last) = value.split_once('-')?;
    Some((number(first)?, number(last)?))
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_download() {
        let of = |value: &str| wanted(Some(value), 2048);
        assert_eq!(of("bytes=500-1499"), Wanted::Part(500, 1499));
        assert_eq!(of("Bytes=500-"), Wanted::Part(500, 2047));
        assert_eq!(of("bytes=-500"), Wanted::Part(1548, 2047));
        assert_eq!(of("bytes=-5000"), Wanted::Part(0, 2047));
        assert_eq!(of("bytes=2000-5000"), Wanted::Part(2000, 2047));
        for none in ["bytes=500-0", "bytes=2048-", "bytes=5000-10000", "bytes=-0"] {
            assert_eq!(of(none), Wanted::Unsatisfiable, "{none}");
        }
        for all in [
            "bytes=0-1,5-6",
            "lines=0-1",
            "bytes=a-b",
            "bytes=-",
            "bytes=+1-2",
            "",
        ] {
            assert_eq!(of(all), Wanted::All, "{all}");
        }
        assert_eq!(wanted(None, 1), Wanted::All);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Unsatisfiable);
    }

    #[test]
    fn ranges_of_a_chunk() {
        assert_eq!(chunk("0-99"), Some((0, 99)));
        assert_eq!(chunk("bytes 100-199/*"), Some((100, 199)));
        assert_eq!(chunk("bytes=1-2"), Some((1, 2)));
        for wrong in ["", "5", "-5", "a-b", "1-99999999999999999999999"] {
            assert_eq!(chunk(wrong), None, "{wrong}");
        }
    }
}
