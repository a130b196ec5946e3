//! The program `law-fs`, which is `law fs`.

fn main() -> std::process::ExitCode {
    law_cli::law_fs()
}
