//! Braces in names: `a/{b,c}` stands for `a/b` and `a/c`.

use crate::{Error, Result};

/// Most names that the braces of one `from` may stand for.
const MAX_BRACES: usize = 10_000;

/// Writes `a/{b,c}` out as `a/b` and `a/c`; several braces stand for all combinations.
pub(super) fn braces(text: &str) -> Result<Vec<String>> {
    let mut written = vec![String::new()];
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((inner, after)) = after
            .split_once('}')
            .filter(|(inner, _)| !inner.contains('{'))
        else {
            return Err(Error::other(format!(
                "`{text}`: a brace is not closed, or is inside another"
            )));
        };
        let choices = inner.split(',').map(str::trim).collect::<Vec<_>>();
        if written.len() * choices.len() > MAX_BRACES {
            return Err(Error::other(format!(
                "`{text}`: the braces stand for more than {MAX_BRACES} names"
            )));
        }
        let combine = |begun: &String| {
            choices
                .iter()
                .map(|choice| format!("{begun}{before}{choice}"))
                .collect::<Vec<_>>()
        };
        written = written.iter().flat_map(combine).collect();
        rest = after;
    }
    for name in &mut written {
        name.push_str(rest);
    }
    Ok(written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_stand_for_all_combinations() {
        let written = braces("a/{b,c}/d{1,2}").expect("names");
        assert_eq!(written, ["a/b/d1", "a/b/d2", "a/c/d1", "a/c/d2"]);
        assert!(braces("{a}}").is_ok() && braces("{{a}}").is_err());
    }
}
