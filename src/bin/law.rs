//! The program `law`.

fn main() -> std::process::ExitCode {
    law_cli::law()
}
