//! Text.

use std::io::Read as _;

use crate::{Dump, Error, Formatter, Input, Load, Output, Result, reader};

/// UTF-8 text, as a `String`; written as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Text;

impl Formatter for Text {
    fn name(&self) -> &'static str {
        "text"
    }

    fn extensions(&self) -> &'static [&'static str] {
        &["txt", "text", "log", "md", "cfg", "ini", "xml", "html", "tex", "py", "sh"]
    }
}

/// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) for bytes that are not UTF-8.
impl Load<String> for Text {
    fn load(&self, input: &dyn Input) -> Result<String> {
        let mut bytes = Vec::new();
        reader::parse(input, |mut reader| Ok(reader.read_to_end(&mut bytes)?))?;
        String::from_utf8(bytes)
            .map_err(|error| Error::malformed(format!("not UTF-8 text (at byte {})", error.utf8_error().valid_up_to())))
    }
}

impl<T: AsRef<str>> Dump<T> for Text {
    fn dump(&self, value: &T, output: &mut dyn Output) -> Result<()> {
        Ok(output.write_all(value.as_ref().as_bytes())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;
    use crate::memory::Memory;

    #[test]
    fn text_stays_as_it_is() {
        let text = "\u{3bc} \u{2192} e \u{3b3}\r\n\n".repeat(10_000);
        let mut file = Memory::new("a.txt", Vec::new());
        Text.dump(&&text, &mut file).unwrap();
        assert_eq!(file.bytes(), text.as_bytes());
        assert_eq!(Text.load(&file).unwrap(), text);
        Text.dump(&"more", &mut file).unwrap();
        Text.dump(&String::from("more"), &mut file).unwrap();
        assert!(file.bytes().ends_with(b"moremore"));
    }

    #[test]
    fn bytes_that_are_no_text_are_malformed() {
        let error = Text.load(&Memory::new("a.txt", b"ab\xffc".into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed);
        assert_eq!(error.to_string(), "not UTF-8 text (at byte 2)");
    }
}
