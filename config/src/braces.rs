//! Brace expansion: `door{1..4}` and `{a,b}`, as shells do it, without nesting.

/// More doors than this are a slip of the pen, or malice.
const MOST: usize = 1000;
/// Bounds the memory that a thousand copies take.
const LONGEST: usize = 4096;

/// Every text that the braces stand for, in the order of a shell: the rightmost brace varies fastest.
///
/// Numbers of a range keep the width of a bound with a leading zero: `{08..10}` is `08 09 10`.
pub(crate) fn expand(text: &str) -> Result<Vec<String>, String> {
    if text.len() > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    let mut expanded = vec![String::new()];
    let mut rest = text;
    while let Some(open) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(open);
        let (inside, behind) = brace
            .strip_prefix('{')
            .and_then(|brace| brace.split_once('}'))
            .ok_or_else(|| format!("{text:?} has a brace without its partner"))?;
        let alternatives = alternatives(inside).map_err(|why| format!("{{{inside}}} in {text:?}: {why}"))?;
        if expanded.len().saturating_mul(alternatives.len()) > MOST {
            return Err(format!("{text:?} stands for more than {MOST} doors"));
        }
        let each =
            |start: &String| alternatives.iter().map(move |end| format!("{start}{before}{end}")).collect::<Vec<_>>();
        expanded = expanded.iter().flat_map(each).collect();
        rest = behind;
    }
    expanded.iter_mut().for_each(|text| text.push_str(rest));
    Ok(expanded)
}

fn alternatives(inside: &str) -> Result<Vec<String>, String> {
    if inside.contains('{') {
        return Err("braces do not nest".to_owned());
    }
    match inside.split_once("..") {
        Some((first, last)) => range(first, last),
        None => Ok(inside.split(',').map(str::to_owned).collect()),
    }
}

fn range(first: &str, last: &str) -> Result<Vec<String>, String> {
    let bound = |text: &str| {
        text.parse::<u32>()
            .ok()
            .filter(|_| text.len() <= 10)
            .ok_or_else(|| "a range is two whole numbers, such as {1..4}".to_owned())
    };
    let (from, to) = (bound(first)?, bound(last)?);
    if from.abs_diff(to) as usize >= MOST {
        return Err(format!("the range has more than {MOST} numbers"));
    }
    let has_zeros = |text: &str| text.len() > 1 && text.starts_with('0');
    let width = if has_zeros(first) || has_zeros(last) { first.len().max(last.len()) } else { 0 };
    let show = |number: u32| format!("{number:0width$}");
    Ok(if from <= to { (from..=to).map(show).collect() } else { (to..=from).rev().map(show).collect() })
}

/// The parts between commas, but for commas in braces; trimmed, empty ones left out.
pub(crate) fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let mut is_inside = false;
    let is_comma = move |c: char| {
        is_inside = c == '{' || (is_inside && c != '}');
        c == ',' && !is_inside
    };
    text.split(is_comma).map(str::trim).filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_expand_as_in_a_shell() {
        assert_eq!(
            expand("davs://door{1..3}.x:2880").unwrap(),
            ["davs://door1.x:2880", "davs://door2.x:2880", "davs://door3.x:2880"]
        );
        assert_eq!(expand("{a,b}{1,2}-").unwrap(), ["a1-", "a2-", "b1-", "b2-"]);
        assert_eq!(expand("{08..10}").unwrap(), ["08", "09", "10"]);
        assert_eq!(expand("{2..1}").unwrap(), ["2", "1"]);
        assert_eq!(expand("x{,y}").unwrap(), ["x", "xy"]);
        assert_eq!(expand("plain").unwrap(), ["plain"]);
    }

    #[test]
    fn commas_in_braces_do_not_split() {
        assert_eq!(split_list("a{1,2}, b ,,c{3,4").collect::<Vec<_>>(), ["a{1,2}", "b", "c{3,4"]);
        assert_eq!(split_list("").count(), 0);
    }

    #[test]
    fn odd_braces_are_refused() {
        for bad in [
            "a{1..2",
            "a}b",
            "}{",
            "{{a,b}}",
            "{1..x}",
            "{-1..2}",
            "{1..2..3}",
            "{1..}",
            "{1..4000000000}",
            "{00000000001..2}",
        ] {
            assert!(expand(bad).is_err(), "{bad:?}");
        }
        assert!(expand(&"x".repeat(5000)).is_err());
        assert!(expand(&"{0..9}".repeat(50)).unwrap_err().contains("more than 1000 doors"));
    }
}
