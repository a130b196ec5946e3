//! Lists: values with commas between them.

use super::Value;

/// Commas part the values; one within a value is written `\,`, a backslash `\\`.
impl<T: Value> Value for Vec<T> {
    fn kind() -> String {
        format!("a list, with commas, of which each is {}", T::kind())
    }

    fn example() -> String {
        format!("{0},{0}", T::example())
    }

    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        parts(text)?.iter().map(|part| T::parse(part)).collect()
    }

    fn serialize(&self) -> String {
        let escaped = |value: &T| value.serialize().replace('\\', "\\\\").replace(',', "\\,");
        let text = self.iter().map(escaped).collect::<Vec<_>>().join(",");
        // One empty text is not no text.
        if text.is_empty() && self.len() == 1 { "\\e".into() } else { text }
    }
}

/// The parts between commas, with what was escaped as it was meant. None for a backslash before anything else.
fn parts(text: &str) -> Option<Vec<String>> {
    let mut parts = vec![String::new()];
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == ',' {
            parts.push(String::new());
            continue;
        }
        let part = parts.last_mut()?;
        match letter {
            '\\' => match letters.next()? {
                'e' => {}
                meant @ ('\\' | ',') => part.push(meant),
                _ => return None,
            },
            other => part.push(other),
        }
    }
    Some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_comes_back() {
        let lists: [&[&str]; 8] =
            [&[], &[""], &["", ""], &["a"], &["a", "b,c"], &["\\"], &["\\,", ",\\"], &["\\e", "e"]];
        for list in lists {
            let list: Vec<String> = list.iter().map(|&text| text.into()).collect();
            assert_eq!(Vec::<String>::parse(&list.serialize()), Some(list.clone()), "{list:?}");
        }
        assert_eq!(vec![1_i64, 2].serialize(), "1,2");
        assert_eq!(Vec::<i64>::parse("1,2"), Some(vec![1, 2]));
        assert_eq!(Vec::<i64>::parse("1,x"), None);
        assert_eq!(Vec::<String>::parse("a\\"), None);
    }
}
