//! How each shell asks and wants to be answered.

use super::{Candidate, Shell};

/// What bash takes for the end of a word: it replaces only what follows the last of these.
const BASH_BREAKS: &[char] = &[':', '='];

/// Hands the line over as it stands, since bash has cut it into words in its own way.
const BASH: &str = r#"# law completion bash
_law() {
    local IFS=$'\n'
    COMPREPLY=($("${COMP_WORDS[0]/%law-fs/law}" complete bash -- "${COMP_LINE:0:COMP_POINT}" 2>/dev/null))
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/:=] ]]; then compopt -o nospace; fi
}
complete -F _law law law-fs
"#;

const ZSH: &str = r#"#compdef law law-fs
# law completion zsh
local -a open whole
local line
for line in "${(@f)$("${words[1]/%law-fs/law}" complete zsh -- "${(@Q)words[1,CURRENT]}" 2>/dev/null)}"; do
    case ${line%%$'\t'*} in
        ('') ;;
        (*[/:=]) open+=("${line%%$'\t'*}") ;;
        (*) whole+=("${line%%$'\t'*}") ;;
    esac
done
compadd -S '' -- "${open[@]}"
compadd -- "${whole[@]}"
"#;

const FISH: &str = r#"# law completion fish
function __law_complete
    set -l words (commandline -opc)
    law complete fish -- $words (commandline -ct) 2>/dev/null
end
complete -c law -f -a '(__law_complete)'
complete -c law-fs -f -a '(__law_complete)'
"#;

pub(super) fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
    }
}

/// What was typed, in words, and how to answer.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) words: Vec<String>,
    shell: Shell,
    /// Bytes of the last word that bash keeps.
    kept: usize,
    quoted: bool,
}

impl Line {
    pub(super) fn of(shell: Shell, words: &[String]) -> Self {
        if shell != Shell::Bash {
            return Self { words: words.to_vec(), shell, kept: 0, quoted: false };
        }
        let (words, quoted) = split(words.first().map_or("", String::as_str));
        let kept = words.last().and_then(|last| last.rfind(BASH_BREAKS)).filter(|_| !quoted).map_or(0, |at| at + 1);
        Self { words, shell, kept, quoted }
    }

    /// A line of the answer; none for what a shell could not take.
    pub(super) fn answer(&self, candidate: &Candidate) -> Option<String> {
        let Candidate { word, about } = candidate;
        if word.chars().any(char::is_control) {
            return None;
        }
        Some(match self.shell {
            Shell::Bash if self.quoted => word.clone(),
            Shell::Bash => escaped(word.get(self.kept..)?),
            _ if about.is_empty() => word.clone(),
            _ => format!("{word}\t{about}"),
        })
    }
}

/// Words as bash understands quotes and backslashes, and whether the last one stands in quotes that are still open. There always is
/// a last word, which may be empty.
fn split(line: &str) -> (Vec<String>, bool) {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, ' ' | '\t') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
                continue;
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None | Some('"'), '\\') => word.extend(characters.next()),
            _ => word.push(character),
        }
        begun = true;
    }
    words.push(word);
    (words, quote.is_some())
}

fn escaped(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-:=+@%,~".contains(c);
    word.chars().flat_map(|c| (!plain(c)).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_words() {
        for (line, words, quoted) in [
            ("law fs ls ", vec!["law", "fs", "ls", ""], false),
            (r"law 'a b' c\ d", vec!["law", "a b", "c d"], false),
            (r#"law "a \" 'b"#, vec!["law", "a \" 'b"], true),
            ("law ''", vec!["law", ""], false),
            ("", vec![""], false),
            ("law \\", vec!["law", ""], false),
        ] {
            let (found, open) = split(line);
            assert_eq!((found, open), (words.iter().map(ToString::to_string).collect(), quoted), "{line}");
        }
    }

    #[test]
    fn bash_gets_what_follows_its_last_break() {
        let line = Line::of(Shell::Bash, &["law fs ls wlcg:da".into()]);
        assert_eq!(line.answer(&Candidate::new("wlcg:data set/", "")).unwrap(), r"data\ set/");
        let quoted = Line::of(Shell::Bash, &["law fs ls 'wlcg:da".into()]);
        assert_eq!(quoted.answer(&Candidate::new("wlcg:data set/", "")).unwrap(), "wlcg:data set/");
        assert_eq!(line.answer(&Candidate::new("wlcg:a\nb", "")), None);
        let fish = Line::of(Shell::Fish, &["law".into(), "c".into()]);
        assert_eq!(fish.answer(&Candidate::new("config", "The settings")).unwrap(), "config\tThe settings");
    }
}
