//! `cache-hit`: measures the in-process cache, and prints the sample.

use loadtests::cache_hit;

use super::say;

pub(super) fn run() -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|error| error.to_string())?;
    let hit = runtime
        .block_on(cache_hit::measure())
        .map_err(|error| error.to_string())?;
    say(format_args!("cache-hit 0 ours {}", hit.as_secs_f64() * 1000.0));
    Ok(())
}
