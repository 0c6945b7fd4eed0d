//! Reads the configuration again when SIGHUP asks for it, and follows what can change while the daemon runs: all of it, or nothing.
//!
//! In:      the file, the environment and the files that the daemon was started with, as they are now
//! Out:     another log level, another secret of the admin routes, other tokens of feeds, another bound of the drain
//! Drops:   nothing; what is wrong, or cannot change, is told by name, and then nothing changes
//! Metrics: `ais_config_reloads_total{result}`

use crate::config::Config;
use crate::config::changes::{LIVE, changed};
use crate::config::load::{Flags, load};
use crate::exit::Failure;
use crate::http::Face;
use crate::observe::counts::Counts;
use crate::observe::log;

/// What is needed to read it again, and what applies now.
pub struct Reload {
    flags: Flags,
    applied: Config,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Came {
    Applied,
    Unchanged,
    Refused,
}

impl Reload {
    /// A daemon that was started with these flags, and so with this configuration.
    #[must_use]
    pub const fn new(flags: Flags, applied: Config) -> Self {
        Self { flags, applied }
    }

    /// Reads it again, counts what came of it, and says so; the configuration that applies then.
    pub fn again(&mut self, face: Option<&Face>, counts: &Counts) -> &Config {
        let came = match load(&self.flags) {
            Ok(loaded) => self.follow(loaded.config, face),
            Err(Failure { text, .. }) => {
                let faults = text.replace('\n', "; ");
                tracing::error!(
                    "SIGHUP: the configuration is wrong, nothing was changed: {faults}"
                );
                Came::Refused
            }
        };
        match came {
            Came::Applied => counts.reloads.applied.add(1),
            Came::Unchanged => counts.reloads.unchanged.add(1),
            Came::Refused => counts.reloads.refused.add(1),
        }
        &self.applied
    }

    fn follow(&mut self, config: Config, face: Option<&Face>) -> Came {
        let changed = changed(&self.applied, &config);
        if changed.is_empty() {
            tracing::info!("SIGHUP: nothing has changed in the configuration");
            return Came::Unchanged;
        }
        let (can, cannot): (Vec<&str>, Vec<&str>) =
            changed.into_iter().partition(|path| LIVE.contains(path));
        if !cannot.is_empty() {
            let waits = if can.is_empty() {
                String::new()
            } else {
                format!(", not {} either", can.join(", "))
            };
            tracing::warn!(
                "SIGHUP: {} cannot change while the daemon runs, so nothing was changed{waits}; restart to apply it, or put it back",
                cannot.join(", ")
            );
            return Came::Refused;
        }
        if let Err(failure) = log::set_level(&config.log.level) {
            tracing::error!("SIGHUP: nothing was changed: {failure}");
            return Came::Refused;
        }
        if let Some(face) = face {
            face.admin.set_secret(config.http.jwt_secret.reveal());
            face.tokens.follow(&config.feeds);
        }
        self.applied = config;
        tracing::info!("SIGHUP: changed {}", can.join(", "));
        Came::Applied
    }
}
