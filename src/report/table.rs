//! Aligned columns for people, tab-separated lines for pipes, and sizes as people read them.
//!
//! It is separate from the documents because only a terminal wants a table. How wide a
//! terminal is, is asked here only.

use super::failure::clean;

/// Bytes as people read them, decimal as registries count: `999 B`, `12.3 MB`.
pub(crate) fn human_size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    // Tenths in whole numbers: rounding 999,950 up moves it to the next unit.
    let mut tenths = (u128::from(bytes) + 50) / 100;
    let mut unit = 0;
    while tenths >= 10_000 {
        tenths = (tenths + 500) / 1000;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

/// `1 blob`, `2 blobs`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        n => format!("{n} {what}s"),
    }
}

pub(crate) use crate::platform::terminal_width;

/// Rows under a header.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows. A `>` in front of the name of a column puts its text at the right.
    pub(crate) fn new(columns: &[&'static str]) -> Table {
        Table {
            columns: columns.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row. Its cells are texts from elsewhere: control characters are removed.
    pub(crate) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.map(|c| clean(&c).into_owned()).into());
    }

    /// For standard output: as a table on a terminal, else as lines.
    pub(crate) fn shown(&self) -> String {
        match terminal_width(&std::io::stdout()) {
            Some(width) => self.pretty(width),
            None => self.plain(),
        }
    }

    /// For a pipe: cells between tabs, no header, nothing shortened.
    pub(crate) fn plain(&self) -> String {
        let lines = self.rows.iter().map(|row| row.join("\t") + "\n");
        lines.collect()
    }

    /// For a terminal of `width` columns: a header, aligned columns, the last one shortened to fit.
    pub(crate) fn pretty(&self, width: usize) -> String {
        let names = self.columns.iter().map(|name| name.trim_start_matches('>'));
        let header = names.map(str::to_owned).collect();
        let lines = [&header].into_iter().chain(&self.rows);
        align(lines, &self.columns, Some(width), 0)
    }
}

/// Aligns lines whose cells are separated by tabs, as `--format 'table ...'` wants: with its gap, a column is no
/// narrower than 12 characters.
pub(super) fn align_tabs(text: &str) -> String {
    let cells = |line: &str| line.split('\t').map(str::to_owned).collect();
    let rows: Vec<Vec<String>> = text.lines().map(cells).collect();
    align(rows.iter(), &[], None, 10)
}

fn align<'a>(
    rows: impl Iterator<Item = &'a Vec<String>> + Clone,
    columns: &[&str],
    width: Option<usize>,
    narrowest: usize,
) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows.clone() {
        widths.resize(widths.len().max(row.len()), narrowest);
        for (known, cell) in widths.iter_mut().zip(row) {
            *known = (*known).max(cell.chars().count());
        }
    }
    let mut out = String::new();
    for row in rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let is_last = i + 1 == row.len();
            let room = width.map(|w| w.saturating_sub(line.chars().count()).max(8));
            let cell = match room {
                Some(room) if is_last => shorten(cell, room),
                _ => cell.clone(),
            };
            line += &match columns.get(i).is_some_and(|name| name.starts_with('>')) {
                true => format!("{cell:>0$}  ", widths[i]),
                false => format!("{cell:<0$}  ", widths[i]),
            };
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// `text`, or its beginning and `…` when it has more than `room` characters.
fn shorten(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(room.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal() {
        let sizes = [
            0,
            999,
            1000,
            1049,
            1050,
            999_949,
            999_950,
            12_345_678,
            u64::MAX,
        ];
        let shown: Vec<_> = sizes.into_iter().map(human_size).collect();
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.0 kB", "1.0 kB", "1.1 kB", "999.9 kB", "1.0 MB", "12.3 MB",
                "18.4 EB"
            ]
        );
    }

    fn example() -> Table {
        let mut table = Table::new(&[">#", ">SIZE", "BY"]);
        table.row([
            "0".into(),
            "12.3 MB".into(),
            "ADD a\tlong file in / # buildkit".into(),
        ]);
        table.row(["10".into(), "1 B".into(), "\x1b[31mCMD".into()]);
        table
    }

    #[test]
    fn a_terminal_gets_columns_that_fit() {
        insta::assert_snapshot!(example().pretty(30), @r"
         #     SIZE  BY
         0  12.3 MB  ADD a long file …
        10      1 B  [31mCMD
        ");
        let longest = example()
            .pretty(30)
            .lines()
            .map(|l| l.chars().count())
            .max();
        assert_eq!(longest, Some(30));
    }

    #[test]
    fn a_pipe_gets_tabs() {
        assert_eq!(
            example().plain(),
            "0\t12.3 MB\tADD a long file in / # buildkit\n10\t1 B\t[31mCMD\n"
        );
        assert_eq!(Table::new(&["A"]).plain(), "");
    }

    #[test]
    fn tabs_become_columns() {
        assert_eq!(
            align_tabs("a\tbb\nthirteen char\td\n\n"),
            "a              bb\nthirteen char  d\n\n"
        );
        assert_eq!(align_tabs("linux\tx\n"), "linux       x\n");
    }
}
