//! Classes of characters by their names, with what they have of ASCII.

/// Whether `[:NAME:]` is a class.
pub(super) fn is_posix_class(name: &str) -> bool {
    let names = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct",
        "space", "upper", "word", "xdigit",
    ];
    names.contains(&name)
}

/// The content of brackets for the category or script `name` of Unicode, or for all other characters; `None` if it is not known.
pub(super) fn unicode_class(name: &str, is_negated: bool) -> Option<String> {
    // Go passes over the case of names, and over what parts their words.
    let name: String = name.chars().filter(|c| !"_- ".contains(*c)).collect();
    let name = name.to_ascii_lowercase();
    let holds: fn(char) -> bool = match &*name {
        "any" | "ascii" | "assigned" => |_| true,
        "l" | "lc" | "letter" | "latin" => |c| c.is_ascii_alphabetic(),
        "lu" | "uppercaseletter" => |c| c.is_ascii_uppercase(),
        "ll" | "lowercaseletter" => |c| c.is_ascii_lowercase(),
        "n" | "nd" | "number" | "decimalnumber" | "digit" => |c| c.is_ascii_digit(),
        "p" | "punctuation" | "punct" => |c| c.is_ascii_punctuation() && !is_symbol(c),
        "pc" | "connectorpunctuation" => |c| c == '_',
        "pd" | "dashpunctuation" => |c| c == '-',
        "ps" | "openpunctuation" => |c| "([{".contains(c),
        "pe" | "closepunctuation" => |c| ")]}".contains(c),
        "po" | "otherpunctuation" => |c| "!\"#%&'*,./:;?@\\".contains(c),
        "s" | "symbol" => is_symbol,
        "sc" | "currencysymbol" => |c| c == '$',
        "sk" | "modifiersymbol" => |c| "^`".contains(c),
        "sm" | "mathsymbol" => |c| "+<=>|~".contains(c),
        "z" | "zs" | "separator" | "spaceseparator" => |c| c == ' ',
        "c" | "cc" | "other" | "control" | "cntrl" => |c| c.is_ascii_control(),
        "common" => |c| !c.is_ascii_alphabetic(),
        // These have nothing of ASCII.
        "lm" | "lo" | "lt" | "m" | "mc" | "me" | "mn" | "nl" | "no" | "pf" | "pi" | "so" | "zl"
        | "zp" | "cf" | "co" | "cs" | "arabic" | "armenian" | "cyrillic" | "devanagari"
        | "georgian" | "greek" | "han" | "hangul" | "hebrew" | "hiragana" | "inherited"
        | "katakana" | "thai" => |_| false,
        _ => return None,
    };
    let ascii = (0..128_u8).map(char::from);
    let mut content: String = ascii
        .filter(|c| holds(*c) != is_negated)
        .map(|c| super::range(c, c))
        .collect();
    if is_negated {
        content += "\\x{80}-\\x{10FFFF}";
    }
    Some(content)
}

fn is_symbol(c: char) -> bool {
    "$+<=>^`|~".contains(c)
}
