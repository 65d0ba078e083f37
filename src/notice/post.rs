//! Sends JSON over HTTP, by `curl`: the one program for that which every machine has.

use std::time::Duration;

use tokio::process::Command;

use super::program::{self, environment, found};
use crate::config::Environment;

/// The program that sends.
pub(super) const CURL: &str = "curl";
/// It reads the rest from its input: an address may hold a secret, so it does not go where every user can read it.
pub(super) const CURL_ARGS: [&str; 3] = ["-q", "--config", "-"];

/// Sends a JSON document, with more headers; what went wrong when it was not taken.
///
/// # Errors
/// There is no `curl`, or nobody takes it within `limit`.
pub async fn post(
    address: &str,
    headers: &[(String, String)],
    json: &str,
    env: &Environment,
    limit: Duration,
) -> Result<String, String> {
    let mut command = Command::new(found(CURL, env)?);
    command.args(CURL_ARGS).env_clear().envs(environment(env));
    program::run(command, &curl(address, headers, json, limit), limit).await
}

/// What `curl` is told, in its own language.
pub(super) fn curl(
    address: &str,
    headers: &[(String, String)],
    json: &str,
    limit: Duration,
) -> String {
    let quoted = |text: &str| {
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        format!("\"{}\"", text.replace('\n', "\\n").replace('\r', "\\r"))
    };
    let seconds = limit.as_secs_f64();
    let more = headers
        .iter()
        .map(|(name, value)| format!("header = {}\n", quoted(&format!("{name}: {value}"))));
    let more: String = more.collect();
    format!(
        "silent\nshow-error\nfail\ngloboff\noutput = \"/dev/null\"\nproto = \"=http,https\"\n\
         max-time = {seconds:.1}\nheader = \"Content-Type: application/json\"\n{more}\
         url = {}\ndata-binary = {}\n",
        quoted(address),
        quoted(json)
    )
}
