//! What the operator decides: file < environment < flags, merged and checked
//! into [`Settings`]. Reads the file and nothing else; the environment is
//! passed in.

mod rooms;

use std::{
    collections::BTreeMap,
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    num::NonZeroU16,
    path::{Path, PathBuf},
};

use protocol::rooms::RoomDefaults;
use reqwest::Url;
use serde::Deserialize;

use crate::webhook::Targets;
pub use rooms::RoomLayer;

/// Key and secret of dev mode, known to everybody: the same that `livekit-server --dev` uses.
pub const DEV_KEY: (&str, &str) = ("devkey", "secret");

/// HS256 keys must have at least the 256 bits of the hash (RFC 7518 §3.2).
pub const SECRET_BYTES_MIN: usize = 32;

const HTTP_PORT: u16 = 7880;
const RTC_PORT: u16 = 7882;

/// Everything the server needs to know to start; valid by construction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// Well-known keys, for this machine only.
    pub dev: bool,
    pub http: SocketAddr,
    /// The one UDP port of all media.
    pub rtc: SocketAddr,
    /// The address that clients are told to send media to, when it is not the one in `rtc`.
    pub node_ip: Option<IpAddr>,
    pub data: PathBuf,
    pub keys: Keys,
    /// Media threads; each serves its share of the participants.
    pub shards: NonZeroU16,
    /// Where people reach this server, like `https://meet.example.org`, without a
    /// slash at the end. Else taken from each request.
    pub public_url: Option<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    pub rooms: RoomDefaults,
    pub webhooks: Targets,
    /// What is logged, in the words of `tracing-subscriber`'s `EnvFilter`.
    pub log: String,
    pub log_format: LogFormat,
}

/// How log lines look.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// API keys with their secrets; never empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    secrets: BTreeMap<String, String>,
}

impl Keys {
    /// The well-known keys of dev mode.
    #[must_use]
    pub fn dev() -> Self {
        let (key, secret) = DEV_KEY;
        Self {
            secrets: BTreeMap::from([(key.to_owned(), secret.to_owned())]),
        }
    }

    #[must_use]
    pub fn secret(&self, key: &str) -> Option<&str> {
        self.secrets.get(key).map(String::as_str)
    }

    /// The key that this server signs with: the first by name.
    #[must_use]
    pub fn signing(&self) -> (&str, &str) {
        // Never empty, so the fallback is never reached.
        self.secrets
            .first_key_value()
            .map_or(("", ""), |(key, secret)| (key, secret))
    }

    fn checked(secrets: BTreeMap<String, String>, dev: bool) -> Result<Self, SettingsError> {
        for (key, secret) in &secrets {
            if key.is_empty() {
                return Err(invalid(
                    "keys",
                    "a key has no name",
                    "write keys as name: secret",
                ));
            }
            if secret.len() < SECRET_BYTES_MIN && !dev {
                return Err(SettingsError::ShortSecret { key: key.clone() });
            }
        }
        if !secrets.is_empty() {
            return Ok(Self { secrets });
        }
        if dev {
            Ok(Self::dev())
        } else {
            Err(SettingsError::NoKeys)
        }
    }
}

/// Secrets must not reach a log.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.secrets.keys()).finish()
    }
}

/// One source of settings; what it does not say is left to the one below.
#[derive(Clone, PartialEq, Eq, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Layer {
    pub dev: Option<bool>,
    pub http: Option<SocketAddr>,
    pub rtc: Option<SocketAddr>,
    pub node_ip: Option<IpAddr>,
    pub data: Option<PathBuf>,
    pub keys: Option<BTreeMap<String, String>>,
    pub shards: Option<NonZeroU16>,
    pub public_url: Option<String>,
    pub trusted_proxies: Option<Vec<IpAddr>>,
    pub rooms: RoomLayer,
    /// URLs.
    pub webhooks: Option<Vec<String>>,
    pub webhook_key: Option<String>,
    pub log: Option<String>,
    pub log_format: Option<LogFormat>,
}

/// Why the server does not start. Every text names the setting and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("the settings file {} cannot be read: {cause}. Check the path given with --config or PLENARY_CONFIG", path.display())]
    Unreadable { path: PathBuf, cause: io::Error },
    #[error("the settings file {} is not valid: {cause}", path.display())]
    File {
        path: PathBuf,
        cause: Box<toml::de::Error>,
    },
    #[error("`{name}` is not valid: {cause}; {remedy}")]
    Invalid {
        name: String,
        cause: String,
        remedy: &'static str,
    },
    #[error(
        "`keys` is missing: outside dev mode the server needs at least one API key. Add a [keys] table with `name = \"secret\"` to the settings file, or set PLENARY_KEYS=\"name: secret\", or start with --dev on your own machine"
    )]
    NoKeys,
    #[error(
        "the secret of `keys.{key}` is too short: it needs at least {SECRET_BYTES_MIN} bytes. `openssl rand -base64 32` makes a good one"
    )]
    ShortSecret { key: String },
    #[error(
        "`http` is {http}, which other machines can reach, but no API keys are set and those of dev mode are known to everybody. Set `keys` (PLENARY_KEYS=\"name: secret\"), or insist with --dev"
    )]
    PublicDev { http: SocketAddr },
}

fn invalid(name: &str, cause: impl ToString, remedy: &'static str) -> SettingsError {
    SettingsError::Invalid {
        name: name.to_owned(),
        cause: cause.to_string(),
        remedy,
    }
}

impl Settings {
    /// Merges `flags` over the environment over the file. The file is named
    /// by `config` (a flag), else by `PLENARY_CONFIG`.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] says which setting is wrong and what to do.
    pub fn load(
        config: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
        flags: Layer,
    ) -> Result<Self, SettingsError> {
        let named = environment("PLENARY_CONFIG").map(PathBuf::from);
        let file = match config.or(named.as_deref()) {
            Some(path) => Some(Layer::from_file(path)?),
            None => None,
        };
        let configured = file.is_some();
        let merged = flags
            .over(Layer::from_environment(environment)?)
            .over(file.unwrap_or_default());
        merged.settle(configured)
    }
}

impl Layer {
    fn from_file(path: &Path) -> Result<Self, SettingsError> {
        let text = fs::read_to_string(path).map_err(|cause| SettingsError::Unreadable {
            path: path.to_owned(),
            cause,
        })?;
        toml::from_str(&text).map_err(|cause| SettingsError::File {
            path: path.to_owned(),
            cause: Box::new(cause),
        })
    }

    fn from_environment(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        Ok(Self {
            dev: parsed(get, "PLENARY_DEV", "use true or false")?,
            http: parsed(get, "PLENARY_HTTP", "use ADDRESS:PORT, like 127.0.0.1:7880")?,
            rtc: parsed(get, "PLENARY_RTC", "use ADDRESS:PORT, like 0.0.0.0:7882")?,
            node_ip: parsed(get, "PLENARY_NODE_IP", "use an IP address")?,
            data: get("PLENARY_DATA").map(PathBuf::from),
            keys: get("PLENARY_KEYS")
                .map(|text| key_list(&text))
                .transpose()?,
            shards: parsed(get, "PLENARY_SHARDS", "use a number from 1 up")?,
            public_url: get("PLENARY_PUBLIC_URL"),
            trusted_proxies: get("PLENARY_TRUSTED_PROXIES")
                .map(|text| ip_list(&text))
                .transpose()?,
            rooms: RoomLayer::from_environment(get)?,
            webhooks: get("PLENARY_WEBHOOKS").map(|text| list(&text)),
            webhook_key: get("PLENARY_WEBHOOK_KEY"),
            log: get("PLENARY_LOG"),
            log_format: match get("PLENARY_LOG_FORMAT").as_deref() {
                None => None,
                Some("text") => Some(LogFormat::Text),
                Some("json") => Some(LogFormat::Json),
                Some(other) => {
                    return Err(invalid("PLENARY_LOG_FORMAT", other, "use text or json"));
                }
            },
        })
    }

    /// What `self` says, and for the rest what `below` says.
    fn over(self, below: Self) -> Self {
        Self {
            dev: self.dev.or(below.dev),
            http: self.http.or(below.http),
            rtc: self.rtc.or(below.rtc),
            node_ip: self.node_ip.or(below.node_ip),
            data: self.data.or(below.data),
            keys: self.keys.or(below.keys),
            shards: self.shards.or(below.shards),
            public_url: self.public_url.or(below.public_url),
            trusted_proxies: self.trusted_proxies.or(below.trusted_proxies),
            rooms: self.rooms.over(below.rooms),
            webhooks: self.webhooks.or(below.webhooks),
            webhook_key: self.webhook_key.or(below.webhook_key),
            log: self.log.or(below.log),
            log_format: self.log_format.or(below.log_format),
        }
    }

    /// Without keys and without a settings file the server is in dev mode, so
    /// that the first try needs nothing; then it must not be reachable from outside.
    fn settle(self, configured: bool) -> Result<Settings, SettingsError> {
        let dev = self.dev.unwrap_or(!configured && self.keys.is_none());
        let local = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let http = self
            .http
            .unwrap_or_else(|| SocketAddr::new(local, HTTP_PORT));
        let rtc = self.rtc.unwrap_or_else(|| {
            let address = if dev { local } else { http.ip() };
            SocketAddr::new(address, RTC_PORT)
        });
        if dev && self.dev.is_none() && !http.ip().is_loopback() {
            return Err(SettingsError::PublicDev { http });
        }
        let keys = Keys::checked(self.keys.unwrap_or_default(), dev)?;
        let webhooks = targets(self.webhooks.unwrap_or_default(), self.webhook_key, &keys)?;
        Ok(Settings {
            dev,
            http,
            rtc,
            node_ip: self.node_ip,
            data: self.data.unwrap_or_else(|| PathBuf::from("data")),
            keys,
            shards: self.shards.unwrap_or_else(cores),
            public_url: self.public_url.map(|url| public_url(&url)).transpose()?,
            trusted_proxies: self.trusted_proxies.unwrap_or_default(),
            rooms: self.rooms.settle()?,
            webhooks,
            log: self.log.unwrap_or_else(|| "info".to_owned()),
            log_format: self.log_format.unwrap_or_default(),
        })
    }
}

fn parsed<T: std::str::FromStr>(
    get: &dyn Fn(&str) -> Option<String>,
    name: &str,
    remedy: &'static str,
) -> Result<Option<T>, SettingsError>
where
    T::Err: std::fmt::Display,
{
    get(name)
        .map(|text| {
            text.trim()
                .parse()
                .map_err(|cause| invalid(name, cause, remedy))
        })
        .transpose()
}

/// `name: secret` pairs, apart by commas or new lines. The colon may be an equals sign.
fn key_list(text: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, secret) = pair.split_once([':', '=']).ok_or_else(|| {
                invalid(
                    "PLENARY_KEYS",
                    "a pair has no colon",
                    "write name: secret, name: secret",
                )
            })?;
            Ok((key.trim().to_owned(), secret.trim().to_owned()))
        })
        .collect()
}

fn list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

fn targets(urls: Vec<String>, key: Option<String>, keys: &Keys) -> Result<Targets, SettingsError> {
    if let Some(name) = &key
        && keys.secret(name).is_none()
    {
        return Err(invalid(
            "webhook_key",
            name,
            "name one of the keys in `keys`",
        ));
    }
    let urls = urls.iter().map(|text| match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(_) | Err(_) => Err(invalid(
            "webhooks",
            text,
            "write where to post to, like https://app.example.org/hook",
        )),
    });
    Ok(Targets {
        urls: urls.collect::<Result<_, _>>()?,
        key,
    })
}

fn ip_list(text: &str) -> Result<Vec<IpAddr>, SettingsError> {
    list(text)
        .iter()
        .map(|item| {
            item.parse().map_err(|cause| {
                invalid(
                    "PLENARY_TRUSTED_PROXIES",
                    cause,
                    "write IP addresses apart by commas",
                )
            })
        })
        .collect()
}

fn public_url(text: &str) -> Result<String, SettingsError> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(['?', '#', ' ']) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Some(_) | None => Err(invalid(
            "public_url",
            text,
            "write where people reach the server, like https://meet.example.org",
        )),
    }
}

fn cores() -> NonZeroU16 {
    std::thread::available_parallelism()
        .ok()
        .and_then(|cores| NonZeroU16::try_from(cores).ok())
        .unwrap_or(NonZeroU16::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: &str = "0123456789abcdef0123456789abcdef";

    fn load(
        file: Option<&str>,
        environment: &[(&str, &str)],
        flags: Layer,
    ) -> Result<Settings, SettingsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plenary.toml");
        if let Some(text) = file {
            fs::write(&path, text).unwrap();
        }
        let get = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Settings::load(file.map(|_| path.as_path()), &get, flags)
    }

    #[test]
    fn nothing_set_is_dev_mode_on_this_machine() {
        let settings = load(None, &[], Layer::default()).unwrap();
        assert!(settings.dev);
        assert_eq!(settings.http.to_string(), "127.0.0.1:7880");
        assert_eq!(settings.rtc.to_string(), "127.0.0.1:7882");
        assert_eq!(settings.keys.secret("devkey"), Some("secret"));
    }

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_file() {
        let file = format!(
            "http = '127.0.0.1:1'\nrtc = '127.0.0.1:2'\ndata = '/three'\n[keys]\na = '{LONG}'\n"
        );
        let environment = [("PLENARY_RTC", "127.0.0.1:20"), ("PLENARY_DATA", "/thirty")];
        let flags = Layer {
            data: Some(PathBuf::from("/three-hundred")),
            ..Layer::default()
        };
        let settings = load(Some(&file), &environment, flags).unwrap();
        assert_eq!(settings.http.port(), 1);
        assert_eq!(settings.rtc.port(), 20);
        assert_eq!(settings.data, PathBuf::from("/three-hundred"));
        assert_eq!(settings.keys.signing(), ("a", LONG));
        assert!(!settings.dev);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_remedy() {
        let refused = |file: Option<&str>, environment: &[(&str, &str)]| {
            load(file, environment, Layer::default())
                .unwrap_err()
                .to_string()
        };
        assert!(refused(Some(""), &[]).contains("`keys` is missing"));
        assert!(refused(None, &[("PLENARY_KEYS", "a: short")]).contains("keys.a"));
        assert!(refused(None, &[("PLENARY_KEYS", "short")]).contains("PLENARY_KEYS"));
        assert!(refused(None, &[("PLENARY_HTTP", "here")]).contains("PLENARY_HTTP"));
        assert!(refused(None, &[("PLENARY_HTTP", "0.0.0.0:80")]).contains("--dev"));
        assert!(refused(Some("htpt = 1"), &[]).contains("htpt"));
        assert!(refused(None, &[("PLENARY_LOG_FORMAT", "xml")]).contains("text or json"));
        assert!(refused(None, &[("PLENARY_SHARDS", "0")]).contains("PLENARY_SHARDS"));
        assert!(refused(None, &[("PLENARY_WEBHOOKS", "ftp://a/b")]).contains("webhooks"));
        assert!(refused(None, &[("PLENARY_WEBHOOK_KEY", "none")]).contains("webhook_key"));
        let rooms = refused(Some("dev = true\n[rooms]\nmax_participants = 1001"), &[]);
        assert!(rooms.contains("rooms.max_participants"));
        assert!(refused(None, &[("PLENARY_PUBLIC_URL", "meet.example")]).contains("public_url"));
    }

    #[test]
    fn rooms_and_webhooks_are_set() {
        let file = "dev = true\nwebhooks = ['http://a.example/x']\n[rooms]\nempty_timeout = 5\n";
        let environment = [("PLENARY_ROOMS_AUTO_CREATE", "false")];
        let settings = load(Some(file), &environment, Layer::default()).unwrap();
        assert_eq!(settings.rooms.empty_timeout.as_secs(), 5);
        assert_eq!(settings.rooms.departure_timeout.as_secs(), 20);
        assert!(!settings.rooms.auto_create);
        assert_eq!(settings.webhooks.urls[0].as_str(), "http://a.example/x");
    }

    #[test]
    fn secrets_stay_out_of_debug_output() {
        let settings = load(
            None,
            &[("PLENARY_KEYS", &format!("a: {LONG}"))],
            Layer::default(),
        );
        assert!(!format!("{:?}", settings.unwrap()).contains(LONG));
    }
}
