//! The numbers of a moment, and Go's layouts, by which templates print it (`{{.Created.Format "2006-01-02"}}`).
//!
//! A layout is the moment 2006-01-02 15:04:05 -0700 written as it is wanted (package time of Go). It reads no clock and
//! knows no time zones but the offset that stands in the text.

use jiff::civil::DateTime;
use jiff::tz::Offset;

/// A moment in numbers.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Parts {
    pub(in crate::report) civil: DateTime,
    /// Seconds east of UTC.
    offset: i32,
}

/// The elements of a layout, each before its own beginnings. A fraction, which has any length, is not among them.
const ELEMENTS: &str = "January Jan Monday Mon MST 2006 002 01 02 03 04 05 06 15 PM pm _2006 _2 \
    -07:00:00 -07:00 -070000 -0700 -07 Z07:00:00 Z07:00 Z070000 Z0700 Z07 1 2 3 4 5";

impl Parts {
    /// Reads the canonical text of a `GoTime`.
    pub(super) fn of(text: &str) -> Parts {
        let (civil, zone) = text.split_at(
            text.rfind(['Z', '+', '-'])
                .filter(|at| *at > 10)
                .unwrap_or(text.len()),
        );
        let number = |range| {
            zone.get(range)
                .and_then(|n: &str| n.parse::<i32>().ok())
                .unwrap_or(0)
        };
        let offset = number(1..3) * 3600 + number(4..6) * 60;
        Parts {
            civil: civil.parse().unwrap_or(DateTime::ZERO),
            offset: if zone.starts_with('-') {
                -offset
            } else {
                offset
            },
        }
    }

    pub(super) fn in_utc(self) -> Parts {
        let span = jiff::SignedDuration::from_secs(i64::from(self.offset));
        Parts {
            civil: self.civil.saturating_sub(span),
            offset: 0,
        }
    }

    pub(in crate::report) fn month(&self) -> String {
        self.civil.strftime("%B").to_string()
    }

    pub(in crate::report) fn weekday(&self) -> String {
        self.civil.strftime("%A").to_string()
    }

    /// Seconds since 1970.
    pub(in crate::report) fn unix_seconds(&self) -> i64 {
        let offset = Offset::from_seconds(self.offset).unwrap_or(Offset::UTC);
        offset.to_timestamp(self.civil).map_or(0, |t| {
            // Whole seconds since then, rounded down.
            t.as_nanosecond().div_euclid(1_000_000_000) as i64
        })
    }

    /// This moment as `layout` writes it.
    pub(in crate::report) fn format(&self, layout: &str) -> String {
        let mut out = String::new();
        let mut rest = layout;
        while let Some(c) = rest.chars().next() {
            let (written, taken) = if let Some(digits) = fraction(rest) {
                (self.fraction(&rest[..=digits]), digits + 1)
            } else if let Some(element) = element(rest) {
                (self.element(element), element.len())
            } else {
                (c.to_string(), c.len_utf8())
            };
            out.push_str(&written);
            rest = &rest[taken..];
        }
        out
    }

    fn element(&self, element: &str) -> String {
        let (date, time) = (self.civil.date(), self.civil.time());
        let hour = match time.hour() % 12 {
            0 => 12,
            hour => hour,
        };
        match element {
            "January" => self.month(),
            "Jan" => self.month().chars().take(3).collect(),
            "Monday" => self.weekday(),
            "Mon" => self.weekday().chars().take(3).collect(),
            "MST" if self.offset == 0 => "UTC".to_owned(),
            "MST" => self.zone("-0700"),
            "2006" => format!("{:04}", date.year()),
            "_2006" => format!("_{:04}", date.year()),
            "06" => format!("{:02}", date.year().rem_euclid(100)),
            "1" => date.month().to_string(),
            "01" => format!("{:02}", date.month()),
            "2" => date.day().to_string(),
            "_2" => format!("{:2}", date.day()),
            "02" => format!("{:02}", date.day()),
            "002" => format!("{:03}", date.day_of_year()),
            "15" => format!("{:02}", time.hour()),
            "3" => hour.to_string(),
            "03" => format!("{hour:02}"),
            "4" => time.minute().to_string(),
            "04" => format!("{:02}", time.minute()),
            "5" => time.second().to_string(),
            "05" => format!("{:02}", time.second()),
            "PM" => if time.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            "pm" => if time.hour() < 12 { "am" } else { "pm" }.to_owned(),
            zone if zone.starts_with('Z') && self.offset == 0 => "Z".to_owned(),
            zone => self.zone(&zone[1..]),
        }
    }

    /// The offset in the form of this layout without its sign.
    fn zone(&self, form: &str) -> String {
        let form = form.trim_start_matches('-');
        let colon = if form.contains(':') { ":" } else { "" };
        let seconds = self.offset.unsigned_abs();
        let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60];
        let wanted = form.bytes().filter(u8::is_ascii_digit).count() / 2;
        let parts: Vec<String> = parts
            .iter()
            .take(wanted)
            .map(|part| format!("{part:02}"))
            .collect();
        let sign = if self.offset < 0 { '-' } else { '+' };
        format!("{sign}{}", parts.join(colon))
    }

    /// The fraction of a second in the form `.000` or `.999`, which leaves zeros at its end out.
    fn fraction(&self, form: &str) -> String {
        let digits = format!("{:09}", self.civil.subsec_nanosecond());
        let wanted = (form.len() - 1).min(digits.len());
        let digits = &digits[..wanted];
        let kept = match form.ends_with('9') {
            true => digits.trim_end_matches('0'),
            false => digits,
        };
        match kept.is_empty() {
            true => String::new(),
            false => format!("{}{kept}", &form[..1]),
        }
    }
}

/// The element that `layout` begins with.
fn element(layout: &str) -> Option<&'static str> {
    let begins = |element: &&str| {
        // A short name with more letters behind it is the beginning of another word.
        let goes_on = || layout[element.len()..].starts_with(|c: char| c.is_ascii_lowercase());
        layout.starts_with(*element) && !(matches!(*element, "Jan" | "Mon") && goes_on())
    };
    ELEMENTS.split(' ').find(begins)
}

/// How many digits the fraction of a second has that `layout` begins with: all 0 or all 9, and no other digit after.
fn fraction(layout: &str) -> Option<usize> {
    let digits = layout.strip_prefix(['.', ','])?;
    let digit = digits.chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let rest = digits.trim_start_matches(digit);
    (!rest.starts_with(|c: char| c.is_ascii_digit())).then(|| digits.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::super::GoTime;

    /// The texts are what Go prints.
    #[test]
    fn layouts_are_those_of_go() {
        let format = |time: &str, layout: &str| GoTime::parse(time).unwrap().parts().format(layout);
        let time = "2024-01-02T03:04:05.12Z";
        for (layout, printed) in [
            (
                "2006-01-02 Mon Jan _2 3PM .000 -0700 MST",
                "2024-01-02 Tue Jan  2 3AM .120 +0000 UTC",
            ),
            (
                "2006-01-02T15:04:05.999999999Z07:00",
                "2024-01-02T03:04:05.12Z",
            ),
            (
                "Monday, 02-Jan-06 15:04:05 MST",
                "Tuesday, 02-Jan-24 03:04:05 UTC",
            ),
            (
                "January 2, 1/2/06 002 03:4:5 pm",
                "January 2, 1/2/24 002 03:4:5 am",
            ),
            (
                "Month Janus _2006 x.00y05,0000",
                "Month Janus _2024 x.12y05,1200",
            ),
            ("é7", "é7"),
        ] {
            assert_eq!(format(time, layout), printed, "{layout}");
        }
        let west = "2021-09-23T23:47:57-02:30";
        assert_eq!(
            format(west, "15:04:05.99 -07:00 -0700 -07 Z07:00 MST"),
            "23:47:57 -02:30 -0230 -02 -02:30 -0230"
        );
        assert_eq!(
            GoTime::parse(west).unwrap().utc().spoken(),
            "2021-09-24 02:17:57 +0000 UTC"
        );
        assert_eq!(GoTime::zero().parts().unix_seconds(), -62_135_596_800);
    }
}
