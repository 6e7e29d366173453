//! `Link` fields: where the next page of a list is.

/// The target of `rel="next"` in a `Link` field (RFC 8288): several links, any parameters, quoted or not.
pub(super) fn next_link(field: &str) -> Option<String> {
    let mut rest = field;
    loop {
        let start = rest.find('<')?;
        let end = start + rest[start..].find('>')?;
        let target = &rest[start + 1..end];
        let (params, after) = split_params(&rest[end + 1..]);
        let is_next = params.iter().any(|p| {
            let Some((name, value)) = p.split_once('=') else {
                return false;
            };
            let value = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && value
                    .split_ascii_whitespace()
                    .any(|r| r.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target.to_owned());
        }
        rest = after;
    }
}

/// The parameters of one link, and what follows its comma.
fn split_params(text: &str) -> (Vec<&str>, &str) {
    let mut params = Vec::new();
    let (mut quoted, mut start) = (false, 0);
    for (i, c) in text.char_indices() {
        match c {
            '"' => quoted = !quoted,
            ';' if !quoted => {
                params.push(&text[start..i]);
                start = i + 1;
            }
            ',' if !quoted => {
                params.push(&text[start..i]);
                return (params, &text[i + 1..]);
            }
            _ => {}
        }
    }
    params.push(&text[start..]);
    (params, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn l1_links_in_their_many_forms() {
        assert_eq!(
            next_link(r#"</v2/a?last=b&n=2>; rel="next""#).as_deref(),
            Some("/v2/a?last=b&n=2")
        );
        assert_eq!(
            next_link(r#"</x>; rel="prev", </y?q,r>; rel=next"#).as_deref(),
            Some("/y?q,r")
        );
        assert_eq!(
            next_link(r#"</z>; title="a;b,c"; rel="other next""#).as_deref(),
            Some("/z")
        );
        assert_eq!(next_link(r#"</x>; rel="prev""#), None);
        assert_eq!(next_link("garbage"), None);
    }

    proptest! {
        #[test]
        fn l1_links_never_panic(field in "[\\PC<>;,=\" ]{0,80}") {
            let _ = next_link(&field);
        }
    }
}
