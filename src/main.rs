//! The binary: parses the command line, hands over to `cli`, turns the result into an exit code.

/// Posts are taken apart into many small pieces on several threads: a sixth of an import was glibc's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tga::cli::run(std::env::args_os())
}
