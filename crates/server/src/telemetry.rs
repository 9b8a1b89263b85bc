//! Logs: one line per event on standard error, as text or JSON.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use crate::settings::LogFormat;

/// The log filter cannot be read, or a log is already set up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error(
        "`log` is not valid: {0}; use a level such as info, or see tracing-subscriber's EnvFilter"
    )]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("the log is already set up: {0}")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// To be called once per process.
///
/// # Errors
///
/// When `filter` cannot be read.
pub fn start(filter: &str, format: LogFormat) -> Result<(), LogError> {
    let lines = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_new(filter)?)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => lines.with_target(false).finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}
