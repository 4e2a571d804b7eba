//! The binary: parses the command line, hands over to `cli`, turns the result into an exit code.

fn main() -> std::process::ExitCode {
    tga::cli::run(std::env::args_os())
}
