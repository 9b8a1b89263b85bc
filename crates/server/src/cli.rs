//! The command line of `plenary`, and the only place that prints to standard output.
#![expect(
    clippy::print_stdout,
    reason = "what is asked for on the command line is answered there"
)]

use std::{
    env,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use protocol::grants::Role;
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    api, clock,
    node::Node,
    settings::{Layer, Settings},
    telemetry,
    token::{Claims, JOIN_TTL_S},
};

/// Self-hosted video meetings.
#[derive(Debug, Parser)]
#[command(name = "plenary", version, about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server. Without any settings it runs in dev mode, for this machine only.
    Serve(Serve),
    /// Print an access token for a LiveKit client.
    Token(Token),
    /// Print the description of the REST API (OpenAPI 3.1, JSON).
    Openapi,
}

#[derive(Debug, Args)]
struct Serve {
    /// Use the well-known keys `devkey` / `secret`.
    #[arg(long)]
    dev: bool,
    /// Settings file (TOML); also PLENARY_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the web app and the API are served [default: 127.0.0.1:7880]; also PLENARY_HTTP.
    #[arg(long, value_name = "ADDR:PORT")]
    http: Option<SocketAddr>,
    /// UDP port of all media [default: port 7882 of the same address]; also PLENARY_RTC.
    #[arg(long, value_name = "ADDR:PORT")]
    rtc: Option<SocketAddr>,
    /// Address at which clients reach the media port, when it is another one; also PLENARY_NODE_IP.
    #[arg(long, value_name = "IP")]
    node_ip: Option<IpAddr>,
    /// Folder of the database [default: ./data]; also PLENARY_DATA.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where to post what happens in rooms; may be given more than once; also PLENARY_WEBHOOKS.
    #[arg(long = "webhook", value_name = "URL")]
    webhooks: Vec<String>,
    /// The API key that webhooks are signed by [default: the first]; also PLENARY_WEBHOOK_KEY.
    #[arg(long, value_name = "NAME")]
    webhook_key: Option<String>,
}

#[derive(Debug, Args)]
struct Token {
    /// The room, or the meeting's id.
    #[arg(long)]
    room: String,
    /// Unique in the room.
    #[arg(long)]
    identity: String,
    /// Shown to the others [default: the identity].
    #[arg(long)]
    name: Option<String>,
    /// Make it a host.
    #[arg(long)]
    host: bool,
    /// Settings file with the keys; also PLENARY_CONFIG.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    ///
    /// With a text that names the cause and the remedy.
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Serve(serve) => serve.run().await,
            Command::Token(token) => token.run(),
            Command::Openapi => {
                println!("{}", api::document()?);
                Ok(())
            }
        }
    }
}

fn environment(name: &str) -> Option<String> {
    env::var(name).ok().filter(|text| !text.trim().is_empty())
}

impl Serve {
    async fn run(self) -> anyhow::Result<()> {
        let flags = Layer {
            dev: self.dev.then_some(true),
            http: self.http,
            rtc: self.rtc,
            node_ip: self.node_ip,
            data: self.data,
            webhooks: (!self.webhooks.is_empty()).then_some(self.webhooks),
            webhook_key: self.webhook_key,
            ..Layer::default()
        };
        let settings = Settings::load(self.config.as_deref(), &environment, flags)?;
        telemetry::start(&settings.log, settings.log_format)?;
        let mut terminate = signal(SignalKind::terminate()).context("SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT")?;
        let welcome = settings.clone();
        let mut node = Node::start(settings).await?;
        tracing::info!(http = %node.http, candidates = ?node.candidates, "ready");
        greet(&node, &welcome);
        let failed = tokio::select! {
            _ = terminate.recv() => None,
            _ = interrupt.recv() => None,
            name = node.failed() => Some(name),
        };
        node.stop().await;
        match failed {
            Some(name) => anyhow::bail!("{name} has ended unexpectedly; see the log above"),
            None => Ok(()),
        }
    }
}

fn greet(node: &Node, settings: &Settings) {
    let url = settings.public_url.clone().unwrap_or_else(|| {
        // What a browser takes for a safe origin, so that it gives the camera.
        let host = if node.http.ip().is_loopback() || node.http.ip().is_unspecified() {
            "localhost".to_owned()
        } else {
            node.http.ip().to_string()
        };
        format!("http://{host}:{}", node.http.port())
    });
    let media: Vec<String> = node.candidates.iter().map(ToString::to_string).collect();
    println!("Plenary {} is ready: {url}", env!("CARGO_PKG_VERSION"));
    println!("  Open it in a browser, start a meeting and pass its link on.");
    println!("  Media goes over UDP {}.", media.join(", "));
    println!(
        "  Meetings are kept in {}.",
        settings.data.join("plenary.db").display()
    );
    if settings.dev {
        println!("  Dev mode: the keys `devkey` / `secret` are known to everybody.");
    }
    println!("  Stop with Ctrl-C.");
}

impl Token {
    fn run(self) -> anyhow::Result<()> {
        let settings = Settings::load(self.config.as_deref(), &environment, Layer::default())?;
        let role = if self.host {
            Role::Host
        } else {
            Role::Participant
        };
        let name = self.name.as_deref().unwrap_or(&self.identity);
        let claims = Claims::join(&self.room, &self.identity, name, role);
        // The same checks that the server makes.
        claims.clone().grants()?;
        println!(
            "{}",
            claims.sign(&settings.keys, clock::unix_s(), JOIN_TTL_S)?
        );
        Ok(())
    }
}
